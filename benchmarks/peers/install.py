"""Install the tools that elt is compared with, each in an environment of its own.

    python benchmarks/peers/install.py FOLDER [--python 3.12]

Needs `uv`, and for ingestr `npm`. The versions are those that were measured; a tool
that cannot be installed is left out, and why is kept in FOLDER/missing.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

_DUCKDB_LIBRARY = "@duckdb/node-bindings-linux-x64@1.5.6-r.1"
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "target-duckdb": ("target-duckdb==0.8.0", "duckdb==2.0.0"),
    "tap-jsonl": ("tap-jsonl==0.3.1", "singer-sdk==0.53.7"),
    "meltano": ("meltano==4.4.1",),
    "dlt": (
        "dlt[duckdb]==1.31.0",
        "duckdb==2.0.0",
        "pyarrow==26.0.1",
        "orjson==3.13.0",
    ),
    # Later versions hold no program and fetch one when they first run; the same is
    # true of DuckDB's extensions and of ingestr.
    "sling": (
        "sling==1.4.11",
        "sling-linux-amd64==1.4.11",
        "duckdb-cli==1.5.5",
        "duckdb-extension-json==1.5.5",
        "duckdb-extension-httpfs==1.5.5",
    ),
    "ingestr": ("ingestr==1.1.22",),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", default="3.12")
    asked = parser.parse_args()
    folder = asked.folder.absolute()
    (folder / "home").mkdir(parents=True, exist_ok=True)
    missing = {}
    for name, packages in PACKAGES.items():
        try:
            _install(folder, name, packages, python=asked.python)
            _AFTERWARDS.get(name, lambda _: None)(folder)
            print(f"{name}: {packages[0]}")
        except (OSError, subprocess.CalledProcessError) as error:
            shutil.rmtree(folder / name, ignore_errors=True)
            missing[name] = f"could not be installed here: {_why(error)}"
            print(f"{name}: {missing[name]}", file=sys.stderr)
    (folder / "missing.json").write_text(json.dumps(missing, indent=1))


def _install(
    folder: Path, name: str, packages: tuple[str, ...], *, python: str
) -> None:
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])
    uv = shutil.which("uv", path=path)
    if uv is None:
        raise FileNotFoundError("`uv` is not installed")
    _run(uv, "venv", "-q", "--clear", "-p", python, str(folder / name))
    inside = str(folder / name / "bin" / "python")
    _run(uv, "pip", "install", "-q", "--python", inside, *packages)


def _run(*command: str, cwd: Path | None = None) -> None:
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True)


def _why(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        said = (error.stderr or error.stdout or "").strip().splitlines()
        return said[-1][:200] if said else f"{error.cmd[0]} ended badly"
    return str(error)


def _prepare_sling(folder: Path) -> None:
    """Lay DuckDB's extensions where its program looks; sling runs that program."""
    extensions = folder / "home" / ".duckdb" / "extensions" / "v1.5.5" / "linux_amd64"
    extensions.mkdir(parents=True, exist_ok=True)
    for file in (folder / "sling").rglob("*.duckdb_extension"):
        shutil.copy(file, extensions)
    program = next((folder / "sling").rglob("bin/sling-linux-amd64"))
    program.chmod(0o755)
    _link(program, folder / "sling" / "bin" / "sling-program")
    _link(
        next((folder / "sling").rglob("duckdb_cli/duckdb")),
        folder / "sling" / "bin" / "duckdb-program",
    )


def _prepare_ingestr(folder: Path) -> None:
    """Give ingestr the DuckDB library that it would fetch: npm's package has it."""
    library = folder / "duckdb-library"
    library.mkdir(exist_ok=True)
    _run("npm", "pack", "--silent", _DUCKDB_LIBRARY, cwd=library)
    with tarfile.open(next(library.glob("*.tgz"))) as packed:
        packed.extract("package/libduckdb.so", library, filter="data")
    drivers = folder / "home" / ".config" / "adbc" / "drivers"
    drivers.mkdir(parents=True, exist_ok=True)
    (drivers / "duckdb.toml").write_text(f"""
manifest_version = 1
name = "DuckDB"
version = "1.5.6"
[ADBC]
version = "1.1.0"
[Driver]
entrypoint = "duckdb_adbc_init"
[Driver.shared]
linux_amd64 = "{library / "package" / "libduckdb.so"}"
""")


def _link(program: Path, name: Path) -> None:
    name.unlink(missing_ok=True)
    name.symlink_to(program)


_AFTERWARDS: Mapping[str, Callable[[Path], None]] = {
    "sling": _prepare_sling,
    "ingestr": _prepare_ingestr,
}

if __name__ == "__main__":
    main()

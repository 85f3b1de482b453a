from __future__ import annotations

import compileall
import gc
import os
import shutil
import sys
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from databases import _mariadb, _postgres, mariadb, postgres, serve, sqlite
from hypothesis import HealthCheck, settings

import elt

# How quickly a machine draws examples says nothing about what is tested.
settings.register_profile(
    "elt", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("elt")

__all__ = ["_mariadb", "_postgres", "mariadb", "postgres", "serve", "sqlite"]

# A Singer tap of one stream and no dependencies, as the code of a module.
TAP = """
    import json, os, sys

    CATALOG = {"streams": [{
        "tap_stream_id": "items", "stream": "items", "key_properties": ["id"],
        "schema": {"type": "object", "properties": {"id": {"type": "integer"}}},
        "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
    }]}

    def main():
        if "--discover" in sys.argv:
            return print(json.dumps(CATALOG))
        print(json.dumps({"type": "SCHEMA", **CATALOG["streams"][0]}))
        for number in range(3):
            record = {"id": number}
            print(json.dumps({"type": "RECORD", "stream": "items", "record": record}))
        print(json.dumps({"type": "STATE", "value": {"at": 3}}))
"""
MakeWheel = Callable[..., Path]


def pytest_configure(config: pytest.Config) -> None:
    # Tests start a thousand programs. One that finds no bytecode compiles what it
    # imports of elt, an eighth of all that it does, and may be told not to keep it.
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(Path(elt.__file__).parent, quiet=2)


def pytest_collection_finish() -> None:
    # All modules and tests stay to the end; looking through them for garbage takes
    # 0.4 s each time.
    gc.freeze()


def pytest_unconfigure() -> None:
    gc.unfreeze()  # DuckDB complains of what is left at the very end


@pytest.fixture
def make_wheel(tmp_path) -> MakeWheel:
    """Make a wheel in `wheels/`; `programs` are console scripts and their address."""

    def make(
        name: str = "tap-shop",
        version: str = "1.0",
        *,
        code: str = TAP,
        programs: dict[str, str] | None = None,
        requires: tuple[str, ...] = (),
    ) -> Path:
        module = name.replace("-", "_")
        info = f"{module}-{version}.dist-info"
        scripts = {name: f"{module}:main"} if programs is None else programs
        metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
        metadata += [f"Requires-Dist: {each}" for each in requires]
        points = [f"{program} = {at}" for program, at in scripts.items()]
        files = {
            f"{module}.py": textwrap.dedent(code),
            f"{info}/METADATA": "\n".join(metadata) + "\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: a test\n"
            "Root-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/entry_points.txt": "\n".join(["[console_scripts]", *points]),
        }
        files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in files)
        wheel = tmp_path / "wheels" / f"{module}-{version}-py3-none-any.whl"
        wheel.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(wheel, "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
        return wheel

    return make


@pytest.fixture
def offline(tmp_path) -> Callable[[str], dict[str, str]]:
    """Give an environment in which `uv` or `pip` sees the wheels of the test alone."""

    def environ(installer: str) -> dict[str, str]:
        folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
        kept = [folder for folder in folders if not Path(folder, "uv").exists()]
        beside = str(Path(sys.executable).parent)
        uv = shutil.which("uv", path=os.pathsep.join([beside, *folders]))
        if installer == "uv":
            if uv is None:
                pytest.skip("uv is not installed")
            links = tmp_path / "bin"
            links.mkdir(exist_ok=True)
            (links / "uv").unlink(missing_ok=True)
            (links / "uv").symlink_to(uv)
            kept = [str(links), *kept]
        (tmp_path / "wheels").mkdir(exist_ok=True)
        return {
            "HOME": os.environ.get("HOME", str(tmp_path)),
            "PATH": os.pathsep.join(kept),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(tmp_path / "wheels"),
            "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
            "UV_NO_CONFIG": "1",
        }

    return environ

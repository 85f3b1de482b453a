"""Ready-made staging models of a tap's tables: written once, the user's from then on.

A pack is a folder of `packs/`; one that starts with `_` is part of several packs. Two
words stand in its files and their names: TAP_NAME for the tap's name in elt.toml, and
SCHEMA_NAME for the schema of its tables.
"""

from __future__ import annotations

from pathlib import Path

from elt.errors import ConfigError
from elt.project.atomic import make_folder, write_whole
from elt.transform.sources import model_folders

_PACKS = Path(__file__).with_name("packs")
_SHARED = {"recurly": "_revenue", "stripe": "_revenue"}
_TAP, _SCHEMA = "TAP_NAME", "SCHEMA_NAME"


def packs() -> list[str]:
    """Name the taps that there are models for."""
    folders = [path.name for path in _PACKS.iterdir() if path.is_dir()]
    return sorted(name for name in folders if not name.startswith("_"))


def refuse_written(project_dir: Path, pack: str, *, tap: str) -> None:
    """Raise ConfigError where one of a pack's files is there already."""
    folder = _folder(project_dir, tap)
    paths = [folder / _filled(file.name, tap) for file in _files(pack)]
    there = [path for path in paths if path.exists()]
    if there:
        raise ConfigError(
            f"there are models of `{tap}` already: {there[0].name}",
            where=str(folder),
            hint="They are yours since they were written; move them away for new ones",
        )


def write_models(project_dir: Path, pack: str, *, tap: str, schema: str) -> list[Path]:
    """Write a pack's models to `models/staging/<tap>/`; give their paths.

    Raises ConfigError where one of its files is there already: then nothing is
    written at all.
    """
    refuse_written(project_dir, pack, tap=tap)
    folder = _folder(project_dir, tap)
    make_folder(folder)
    written = []
    for file in _files(pack):
        text = file.read_text(encoding="utf-8").replace(_SCHEMA, schema)
        written.append(folder / _filled(file.name, tap))
        write_whole(written[-1], _filled(text, tap))
    return written


def _folder(project_dir: Path, tap: str) -> Path:
    return model_folders(project_dir)[0] / "staging" / tap


def _files(pack: str) -> list[Path]:
    folders = [pack, *([_SHARED[pack]] if pack in _SHARED else [])]
    found = [file for folder in folders for file in (_PACKS / folder).iterdir()]
    return sorted(file for file in found if file.suffix in {".sql", ".yml"})


def _filled(text: str, tap: str) -> str:
    return text.replace(_TAP, tap)

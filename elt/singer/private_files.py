"""Files with a tap's config, catalog and state: for this user only, and briefly."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from elt.project.atomic import make_private_folder


@contextlib.contextmanager
def private_files(
    parent: Path, contents: Mapping[str, Mapping[str, Any]]
) -> Iterator[dict[str, Path]]:
    """Write JSON files that only this user can read, and delete them afterwards."""
    make_private_folder(parent)
    _sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=f"tap-{os.getpid()}-", dir=parent)).resolve()
    try:
        paths = {name: folder / f"{name}.json" for name in contents}
        for name, content in contents.items():
            write_private(paths[name], json.dumps(content))
        yield paths
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Delete what a killed elt could not."""
    for folder in parent.glob("tap-*-*"):
        owner = folder.name.split("-")[1]
        if owner.isdigit() and not pid_is_taken(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def pid_is_taken(pid: int) -> bool:
    """Say whether a process of this number exists, whoever's it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_private(path: Path, text: str) -> None:
    make_private_folder(path.parent)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with open(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)

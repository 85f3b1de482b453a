"""What the local warehouse file was made from, at each place that it was brought to.

A file descends from each generation that it once equalled, until a pull or a restore
puts another file there. That is told by content, not by number or address: then it
stays true for a place that has two names, and for one that was emptied and begun anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from elt.project.atomic import make_private_folder, write_whole
from elt.project.settings import Project
from elt.runner.upkeep.disk import make_durable


@dataclass(frozen=True, slots=True)
class Origin:
    """The generation of a place that the file last equalled; 0 is none.

    `tried` is the digest of the file when it was last sent there. Whether that made a
    generation is not known when the push was killed, or the answer was lost.
    """

    number: int = 0
    sha256: str = ""
    tried: str = ""


_Note = dict[str, dict[str, Origin]]  # by file, then by place


class Origins:
    """The note about one file. Two environments with one file share it."""

    def __init__(self, project: Project, file: Path) -> None:
        self._path = project.private_dir / "generations.json"
        root = project.root.resolve()
        # A project may be moved, and the file with it.
        self._file = str(file.relative_to(root) if file.is_relative_to(root) else file)

    def at(self, place: str) -> Origin:
        return self._read().get(self._file, {}).get(place, Origin())

    def descends_from(self, sha256: str) -> bool:
        known = self._read().get(self._file, {}).values()
        return any(sha256 in {origin.sha256, origin.tried} for origin in known)

    def note(self, place: str, origin: Origin) -> None:
        note = self._read()
        self._write(note | {self._file: note.get(self._file, {}) | {place: origin}})

    def forget(self) -> None:
        """Note that another file will be there, which descends from none of these."""
        self._write(self._read() | {self._file: {}})

    def _read(self) -> _Note:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Note)
        except (OSError, msgspec.MsgspecError):
            return {}

    def _write(self, note: _Note) -> None:
        make_private_folder(self._path.parent)
        write_whole(self._path, msgspec.json.encode(note).decode(), mode=0o600)
        make_durable(self._path.parent)

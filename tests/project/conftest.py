from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from elt.errors import ConfigError, ConfigErrors
from elt.project.load import load_project
from elt.project.settings import Project

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare with a promised text; `ELT_REWRITE_GOLDEN=1` writes it anew."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("ELT_REWRITE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


class Folder:
    """A project's folder whose `elt.toml` a test writes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def load(self, text: str, environment: str | None = None) -> Project:
        if "[project]" not in text:
            text += '\n[project]\nname = "acme"\n'
        (self.root / "elt.toml").write_text(text, encoding="utf-8")
        return load_project(self.root, environment)

    def errors(self, text: str, environment: str | None = None) -> list[ConfigError]:
        with pytest.raises(ConfigError) as caught:
            self.load(text, environment)
        if isinstance(caught.value, ConfigErrors):
            return list(caught.value.errors)
        return [caught.value]

    def error(self, text: str, environment: str | None = None) -> ConfigError:
        (error,) = self.errors(text, environment)
        return error


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path.resolve())

"""A plugin's code by its address: `module:name`, `file.py` or `file.py:Name`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from elt.errors import ConfigError


def load_code(address: str) -> object:
    """Import what an address names; a module where it names nothing inside one.

    Raises ConfigError when it is not there. Errors inside the code come through.
    """
    place, _, name = address.partition(":")
    found: object = (
        import_file(Path(place)) if place.endswith(".py") else _module(place)
    )
    for part in filter(None, name.split(".")):
        if not hasattr(found, part):
            raise ConfigError(f"`{place}` has no `{part}`", where=address)
        found = getattr(found, part)
    return found


def import_file(path: Path) -> ModuleType:
    """Import a file that lies in no package; its neighbours can be imported by it."""
    if not path.is_file():
        raise ConfigError(
            "the plugin's file does not exist",
            where=str(path),
            hint="`elt plugins` shows what is there",
        )
    name = f"elt_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError("the plugin's file is not Python", where=str(path))
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        # Last, so that a plugin called `json.py` hides nothing.
        sys.path.append(folder)
    module = importlib.util.module_from_spec(spec)
    # Known before it runs: dataclasses and pickle look their module up by name.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        raise ConfigError(
            f"the plugin's module `{name}` is not installed",
            hint="Install its package in elt's environment",
        ) from error

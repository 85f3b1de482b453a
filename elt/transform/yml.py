"""YAML, as dbt's files are written in; reading it costs 20 ms of import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from elt.errors import ConfigError


def read_yml(path: Path) -> Any:
    """Read one document. Raises OSError, or ConfigError when it is not YAML."""
    import yaml  # type: ignore[import-untyped]  # noqa: PLC0415

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # eight times as fast
    try:
        return yaml.load(path.read_bytes(), loader)  # noqa: S506  it is a safe one
    except yaml.YAMLError as error:
        raise ConfigError(
            f"not YAML: {error}", where=str(path), hint="Correct the file"
        ) from error


def yml_text(value: Any) -> str:
    import yaml  # noqa: PLC0415

    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=88)
    return str(text)

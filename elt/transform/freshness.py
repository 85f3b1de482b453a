"""dbt's freshness of sources: what a manifest allows, and what dbt measured last."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from msgspec import DecodeError, Struct, ValidationError, field, json

from elt.errors import ConfigError
from elt.transform.yml import read_yml

# In the environment of `elt dbt`, from where dbt writes it into what it writes.
ENVIRONMENT = "ELT_ENVIRONMENT"
_PREFIX = "DBT_ENV_CUSTOM_ENV_"
_PERIODS = {"minute": 60.0, "hour": 3600.0, "day": 86_400.0}


class _Time(Struct, frozen=True):
    count: int | None = None
    period: str | None = None

    @property
    def seconds(self) -> float | None:
        size = _PERIODS.get(self.period or "")
        return None if self.count is None or size is None else self.count * size


class Threshold(Struct, frozen=True):
    """How old a source may be, as a manifest has it."""

    warn_after: _Time | None = None
    error_after: _Time | None = None

    @property
    def warn_seconds(self) -> float | None:
        return self.warn_after.seconds if self.warn_after else None

    @property
    def error_seconds(self) -> float | None:
        return self.error_after.seconds if self.error_after else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What dbt found of one source: when its newest row came, None for no row.

    `error` is what dbt said where it could not tell, `environment` where it looked,
    None for plain dbt, which does not say.
    """

    loaded_at: datetime | None = None
    error: str = ""
    environment: str | None = None


def noted_in(environment: str) -> dict[str, str]:
    """Give the variables by which dbt notes the environment in its `sources.json`."""
    return {_PREFIX + ENVIRONMENT: environment}


def measured(
    project_dir: Path, environ: Mapping[str, str] = os.environ
) -> dict[str, Measured]:
    """Read what the last `dbt source freshness` found, by the sources' unique ids.

    Empty where there was none, or where its file is no such file.
    """
    path = _target_dir(project_dir, environ) / "sources.json"
    try:
        file = json.decode(path.read_bytes(), type=_File)
    except (OSError, DecodeError, ValidationError):
        return {}
    environment = file.metadata.env.get(ENVIRONMENT)
    return {each.unique_id: _measured(each, environment) for each in file.results}


class _Metadata(Struct, frozen=True):
    env: dict[str, str] = field(default_factory=dict)


class _Result(Struct, frozen=True):
    unique_id: str
    status: str = ""
    error: str | int | None = None
    max_loaded_at: datetime | None = None


class _File(Struct, frozen=True):
    results: list[_Result]
    metadata: _Metadata = _Metadata()


def _measured(result: _Result, environment: str | None) -> Measured:
    failed = result.status == "runtime error"
    return Measured(
        loaded_at=_moment(result.max_loaded_at),
        error=str(result.error or "dbt could not tell") if failed else "",
        environment=environment,
    )


def _moment(loaded_at: datetime | None) -> datetime | None:
    # Of a table without rows dbt says that they came in the year 1.
    if loaded_at is None or loaded_at.year == 1:
        return None
    return loaded_at if loaded_at.tzinfo else loaded_at.replace(tzinfo=UTC)


def _target_dir(project_dir: Path, environ: Mapping[str, str]) -> Path:
    told = environ.get("DBT_TARGET_PATH")
    if not told:
        with suppress(OSError, ConfigError):
            project = read_yml(project_dir / "dbt_project.yml")
            told = project.get("target-path") if isinstance(project, dict) else None
    return project_dir / str(told or "target")

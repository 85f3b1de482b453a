"""Where a dbt project's things lie, and how dbt is called on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from elt.project.settings import Project, TransformTable
from elt.transform import fingerprint
from elt.transform.profile import write_profile

Resolve = Callable[[Any, str], Any]

# No log file: dbt writes its queries there, unscrubbed.
QUIET = (
    "--log-level",
    "none",
    "--log-level-file",
    "none",
    "--no-use-colors",
    "--no-send-anonymous-usage-stats",
    "--no-fail-fast",
)


def as_written(value: Any, _where: str) -> Any:
    """Resolve no secrets: the default of those who have none."""
    return value


@dataclass(frozen=True, slots=True)
class Setup:
    """One dbt project in one environment."""

    project: Project
    resolve: Resolve = as_written

    @property
    def transform(self) -> TransformTable:
        assert self.project.file.transform is not None  # noqa: S101
        return self.project.file.transform

    @property
    def project_dir(self) -> Path:
        assert self.project.transform_dir is not None  # noqa: S101
        return self.project.transform_dir.absolute()

    @property
    def private_dir(self) -> Path:
        """Ours alone, one for each environment: profile, manifest, fingerprint."""
        return self.project.private_dir.absolute() / "dbt" / self.project.environment

    @property
    def manifest_path(self) -> Path:
        # A copy: plain `dbt` with the user's own profile writes target/ too.
        return self.private_dir / "manifest.json"

    @property
    def fingerprint_path(self) -> Path:
        return self.private_dir / "fingerprint.json"

    def is_fresh(self) -> bool:
        """Say whether the stored manifest is true to the project; needs no dbt."""
        return self.manifest_path.exists() and fingerprint.matches(
            self.fingerprint_path, self.project_dir, self.identity()
        )

    def identity(self) -> str:
        """Sum up what a manifest depends on beside the project's files."""
        return fingerprint.identity(
            {
                "project_dir": str(self.project_dir),
                "environment": self.project.environment,
                "path": str(self.project.warehouse_path.absolute()),
                "schema": self.transform.schema,
                "vars": self.transform.vars,
                "duckdb": to_builtins(self.project.file.warehouse.dbt),
            }
        )

    def write_profile(self) -> str:
        """Write the profile; give its name."""
        table = to_builtins(self.project.file.warehouse.dbt)
        resolved = self.resolve(table, self.project.where("warehouse", "dbt"))
        return write_profile(self.private_dir, self.project, resolved)

    def arguments(
        self, command: Sequence[str], more_vars: Mapping[str, str] | None = None
    ) -> list[str]:
        """Give dbt's whole command line, and write the profile that it names."""
        flags = {
            "--project-dir": str(self.project_dir),
            "--profiles-dir": str(self.private_dir),
            "--profile": self.write_profile(),
            "--target": self.project.environment,
            "--vars": json.dumps({**self.transform.vars, **(more_vars or {})}),
        }
        given = [part for flag in flags.items() for part in flag]
        logs = ["--log-path", str(self.private_dir / "logs")]
        return [*QUIET, *logs, *command, *given]

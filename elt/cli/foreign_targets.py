"""What `elt check` says of foreign Singer targets in the warehouse's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elt.errors import ConfigError

if TYPE_CHECKING:
    from elt.project.secrets import Secrets
    from elt.project.settings import Project
    from elt.transform.manifest import Manifest


def target_finding(project: Project, secrets: Secrets, name: str) -> str:
    """Say which program a target is, and whose rows it gets. Raises ConfigError."""
    from elt.cli.packages import package_finding
    from elt.plugins import target_program
    from elt.singer.packages import package_of

    table = project.file.targets[name]
    secrets.resolve(table.config, project.where("targets", name))
    package = package_of(project, "target", name)
    program = (
        package_finding(package)
        if package is not None
        else f"program {target_program(project, name).argv[0]}"
    )
    taps = [f"`{tap}`" for tap, t in project.file.taps.items() if t.target == name]
    return f"{program}; " + (
        f"loads {', '.join(taps)}" if taps else "no tap loads into it"
    )


def relayed_finding(project: Project, tap: str) -> str:
    """Say what is given up for a tap that a foreign target loads."""
    target = project.file.taps[tap].target
    return (
        f"`{target}` gets each row at least once, again after a failure; elt sees none"
        " of its tables: no dbt sources, no syncs, no rejects, no `elt query`"
    )


def refuse_stale_sources(project: Project, manifest: Manifest) -> None:
    """Raise ConfigError for a model that reads what no run loads any more."""
    schemas = {
        project.tap_schema(tap).lower(): tap
        for tap, table in project.file.taps.items()
        if table.target is not None
    }
    for node in manifest.nodes.values():
        for need in node.depends_on:
            source = manifest.sources.get(need)
            tap = source and schemas.get(source.schema.lower())
            if source and tap:
                raise ConfigError(
                    f"{node.kind} `{node.name}` reads `{source.schema}."
                    f"{source.identifier}`, which tap `{tap}` does not load: it loads"
                    f" into target `{project.file.taps[tap].target}`",
                    where=project.where("taps", tap),
                    hint="Take `target` out of the tap, or the source out of the model",
                )

"""The tools that elt is compared with: where they are, and how each is run.

`peers/install.py` installs them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from measuring import Program
from pairs import Bench

_DLT_LOAD = Path(__file__).parents[1] / "peers" / "dlt_load.py"
EVENTS, UPSERTS = "events", "upserts"


@dataclass(frozen=True, slots=True)
class Peers:
    """The folder that `peers/install.py` has filled, and the commands in it."""

    folder: Path | None

    def missing(self, *names: str) -> str:
        """Say why one of the tools cannot be run; empty when all can."""
        if self.folder is None:
            return "no `--peers FOLDER` was given"
        noted = self.folder / "missing.json"
        reasons = json.loads(noted.read_text()) if noted.exists() else {}
        for name in names:
            if not (self.folder / name / "bin").exists():
                return str(reasons.get(name, f"{name} is not installed in that folder"))
        return ""

    def program(self, environment: str, name: str = "") -> str:
        assert self.folder is not None
        return str(self.folder / environment / "bin" / (name or environment))

    @property
    def environ(self) -> Mapping[str, str]:
        assert self.folder is not None
        bins = [str(self.folder / name / "bin") for name in ("tap-jsonl",)]
        bins.append(str(self.folder / "target-duckdb" / "bin"))
        return {
            "HOME": str(self.folder / "home"),
            "PATH": os.pathsep.join([*bins, os.environ.get("PATH", os.defpath)]),
            "TZ": "UTC",
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "SLING_DISABLE_TELEMETRY": "true",
            "INGESTR_DISABLE_TELEMETRY": "true",
            "DUCKDB_PATH": self.program("sling", "duckdb-program"),
        }

    def tap_jsonl(self, folder: Path, lines: Path, *, key: bool) -> tuple[str, ...]:
        config = folder / "tap-jsonl.json"
        config.write_text(json.dumps(_tap_config(lines, key=key)))
        return (self.program("tap-jsonl"), "--config", str(config))

    def target_duckdb(self, folder: Path, database: Path) -> tuple[str, ...]:
        config = folder / "target-duckdb.json"
        settings = {**_target_config(database), "primary_key_required": False}
        config.write_text(json.dumps(settings))
        return (self.program("target-duckdb"), "--config", str(config))


@dataclass(frozen=True, slots=True)
class Place:
    """Where one tool works: its database and all that it remembers."""

    peers: Peers
    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "loaded.duckdb"

    def program(
        self, *command: str, environ: Mapping[str, str] | None = None
    ) -> Program:
        return Program(
            command=command,
            cwd=self.folder,
            environ={**self.peers.environ, **(environ or {})},
        )


# The work, `events` or `upserts`, and the lines to load.
Command = Callable[[Place, str, Path], Program]


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool: the environments that it needs, its table, how it is run."""

    about: str
    environments: tuple[str, ...]
    table: str
    command: Command


def the_peers(bench: Bench) -> Peers:
    return Peers(bench.peers)


def _tap_config(lines: Path, *, key: bool) -> dict[str, object]:
    config: dict[str, object] = {"path": str(lines), "stream_name": "events"}
    return {**config, "primary_keys": ["id"] if key else []}


def _target_config(database: Path) -> dict[str, object]:
    return {"path": str(database), "default_target_schema": "raw"}


def _dlt(kind: str) -> Command:
    def command(place: Place, work: str, lines: Path) -> Program:
        return place.program(
            place.peers.program("dlt", "python"),
            str(_DLT_LOAD),
            kind,
            "replace" if work == EVENTS else "merge",
            str(lines),
            str(place.database),
            str(place.folder / "dlt"),
        )

    return command


def _ingestr(place: Place, work: str, lines: Path) -> Program:
    merge = ("--incremental-strategy", "merge", "--primary-key", "id")
    return place.program(
        place.peers.program("ingestr"),
        "ingest",
        *("--source-uri", f"jsonl://{lines}", "--source-table", "events"),
        *("--dest-uri", f"duckdb:///{place.database}", "--dest-table", "main.events"),
        *("--yes", "--progress", "log"),
        *(() if work == EVENTS else merge),
    )


def _sling(place: Place, work: str, lines: Path) -> Program:
    merge = ("--mode", "incremental", "--primary-key", "id")
    return place.program(
        place.peers.program("sling", "sling-program"),
        "run",
        *("--src-stream", f"file://{lines}", "--src-options", '{"flatten": "true"}'),
        *("--tgt-conn", "LOADED", "--tgt-object", "main.events"),
        *(("--mode", "full-refresh") if work == EVENTS else merge),
        environ={"LOADED": f"duckdb://{place.database}"},
    )


def _meltano(place: Place, work: str, lines: Path) -> Program:
    """Write the project; JSON is YAML too."""
    del work
    tap = {
        "name": "tap-jsonl",
        "namespace": "tap_jsonl",
        "executable": "tap-jsonl",
        "capabilities": ["catalog", "discover", "state"],
        "config": _tap_config(lines, key=True),
    }
    target = {
        "name": "target-duckdb",
        "namespace": "target_duckdb",
        "executable": "target-duckdb",
        "config": _target_config(place.database),
    }
    project = {
        "default_environment": "dev",
        "environments": [{"name": "dev"}],
        "project_id": "00000000-0000-0000-0000-000000000001",
        "send_anonymous_usage_stats": False,
        "plugins": {"extractors": [tap], "loaders": [target]},
    }
    (place.folder / "meltano.yml").write_text(json.dumps(project, indent=1))
    meltano = place.peers.program("meltano")
    return place.program(meltano, "run", "--full-refresh", "tap-jsonl", "target-duckdb")


PEERS: Mapping[str, Peer] = {
    "dlt-arrow": Peer("dlt 1.31.0 from Arrow", ("dlt",), "raw.events", _dlt("arrow")),
    "ingestr": Peer("ingestr 1.1.22", ("ingestr",), "main.events", _ingestr),
    "sling": Peer("sling 1.4.11", ("sling",), "main.events", _sling),
    "dlt-dicts": Peer(
        "dlt 1.31.0 from dicts, Parquet, two workers",
        ("dlt",),
        "raw.events",
        _dlt("dicts"),
    ),
    "meltano": Peer(
        "Meltano 4.4.1, tap-jsonl 0.3.1, target-duckdb 0.8.0",
        ("meltano", "tap-jsonl", "target-duckdb"),
        "raw.events",
        _meltano,
    ),
}

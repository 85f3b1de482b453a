"""Every way in which rows are written, each with a source that makes it do so.

A new way is one line in MODES; its source is told apart by what SOURCE says.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# What `source.json` may say, and what the tap does where it says nothing else.
SOURCE: dict[str, Any] = {
    "groups": 4,  # a group is one parent, its two children and an update
    "state_every": 2,  # groups
    "odd_every": 4,  # one parent and one child of so many have no number in `v`
    "wide_from": 6,  # the group from which parents have one more column
    "key": ["id"],
    "method": "INCREMENTAL",
    "begins": "on the bookmark",  # or "behind it", or "anew"
    "state": "by stream",  # or "one number", which nobody but the tap understands
    "batches": False,  # whether rows come as files
}
# Starts in 15 ms, because it imports hardly anything.
TAP = """
import sys, json
arguments = dict(zip(sys.argv[1:], sys.argv[2:]))
source = json.load(open("source.json"))
column = {"type": "integer"}
schemas = {
    "parent": {"properties": {"id": column, "at": column, "v": column,
                              "t": {"type": "string"}}},
    "child": {"properties": {"id": column, "at": column, "v": column,
                             "parent": column}},
}
wide = {"properties": {**schemas["parent"]["properties"], "more": {"type": "number"}}}
if "--discover" in sys.argv:
    entries = []
    for name, schema in schemas.items():
        entry = {"tap_stream_id": name, "stream": name, "schema": schema,
                 "key_properties": source["key"],
                 "replication_method": source["method"],
                 "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}]}
        if source["method"] == "INCREMENTAL":
            entry["replication_key"] = "at"
        entries.append(entry)
    json.dump({"streams": entries}, sys.stdout)
    sys.exit()

state = json.load(open(arguments["--state"])) if "--state" in arguments else {}
marks = state.get("bookmarks", {})
begins = {}
for name in schemas:
    at = state.get("at") or marks.get(name, {}).get("replication_key_value", 0)
    how = {"on the bookmark": max(at, 1), "behind it": at + 1, "anew": 1}
    begins[name] = how[source["begins"]]

def say(type, **more):
    sys.stdout.write(json.dumps({"type": type, **more}) + "\\n")

def schema(name, schema):
    say("SCHEMA", stream=name, schema=schema, key_properties=source["key"])

waiting = {"parent": [], "child": []}

def give(name, **record):
    if record["at"] < begins[name]:
        return
    if source["batches"]:
        waiting[name].append(record)
    else:
        say("RECORD", stream=name, record=record)

def give_batches(n):
    for name, records in waiting.items():
        path = "%s/%s-%d.jsonl" % (source["batches"], name, n)
        with open(path, "w") as file:
            file.writelines(json.dumps(r) + "\\n" for r in records)
        records.clear()
        # One stream's files are ours and say so, the other's are any tap's.
        ours = {"elt": {"temporary": True, "files": [{}]}} if name == "child" else {}
        say("BATCH", stream=name, manifest=[path], **ours,
            encoding={"format": "jsonl", "compression": "none"})

schema("parent", schemas["parent"])
schema("child", schemas["child"])
for n in range(min(begins.values()), source["groups"] + 1):
    if n == source["wide_from"]:
        if source["batches"]:
            give_batches(n)
        schema("parent", wide)
    odd = n % source["odd_every"] == 3
    more = {"more": n / 4} if n >= source["wide_from"] else {}
    give("parent", id=n, at=n, v=n * 10, t="row %d" % n, **more)
    give("child", id=n * 10 + 1, at=n, v="odd" if odd else n, parent=n)
    give("child", id=n * 10 + 2, at=n, v=n, parent=n)
    if n > 4:
        give("parent", id=n // 2, at=n, v="odd" if odd else n, t="again %d" % n)
    if n % source["state_every"] == 0:
        if source["batches"]:
            give_batches(n)
        mark = {"replication_key": "at", "replication_key_value": n}
        by_stream = {"bookmarks": {"parent": mark, "child": mark}}
        say("STATE", value=by_stream if source["state"] == "by stream" else {"at": n})
        sys.stdout.flush()
"""


def grow_source(folder: Path, groups: int, **more: Any) -> None:
    """Let the scripted tap's source have so many groups."""
    file = folder / "source.json"
    source = json.loads(file.read_text())
    file.write_text(json.dumps({**source, "groups": groups, **more}))


def grow_files(folder: Path, groups: int, **_: Any) -> None:
    """Let the folder of the files tap have the rows of so many groups.

    One file grows, each four groups are a new one, and one is always written anew.
    """
    files = folder / "inbox"
    (files / "child").mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"id": n, "v": n * 10}) for n in range(1, groups + 1)]
    (files / "parent.jsonl").write_text("\n".join(lines) + "\n")
    for first in range(1, groups, 4):
        rows = [f"{n},{'odd' if n == 3 else n}" for n in range(first, first + 4)]
        file = files / "child" / f"from-{first:06}.csv"
        if not file.exists():
            file.write_text("\n".join(["id,v", *rows]) + "\n")
    (files / "child" / "always.csv").write_text(f"id,v\n0,{groups}\n")


FILES_CONFIG = """
[taps.t]
plugin = "files"
[taps.t.config]
streams = [
    { name = "parent", path = "inbox/parent.jsonl" },
    { name = "child", path = "inbox/child/*.csv", columns = { v = "integer" } },
]
"""
TAP_CONFIG = """
[taps.t]
executable = "./tap.py"
"""


@dataclass(frozen=True, kw_only=True)
class WriteMode:
    """`source` is what differs from SOURCE, `stream` what elt.toml says of a stream."""

    source: dict[str, Any] = field(default_factory=dict)
    stream: str = ""
    config: str = TAP_CONFIG
    grow: Callable[..., None] = grow_source
    # Words of the second run; the first is an ordinary one.
    words: tuple[str, ...] = ()
    # Whether each row is loaded once, also when a run is killed and begun again.
    once: bool = False
    ignored: tuple[str, ...] = ()  # columns with moments in them

    def make(self, folder: Path, *, commit_megabytes: float = 0.000001) -> Path:
        """Make a project whose source has its first four groups."""
        folder.mkdir(parents=True)
        streams = "".join(
            f"[taps.t.streams.{name}]\n{self.stream}\n" for name in ("parent", "child")
        )
        (folder / "elt.toml").write_text(
            f'[project]\nname = "crash"\n[run]\nretries = 0\n'
            f"[warehouse]\ncommit_megabytes = {commit_megabytes}\n"
            + self.config
            + (streams if self.stream else "")
        )
        tap = folder / "tap.py"
        tap.write_text(f"#!{sys.executable} -IS\n{TAP}")
        tap.chmod(0o755)
        (folder / "batches").mkdir()
        (folder / "source.json").write_text(json.dumps({**SOURCE, **self.source}))
        self.grow(folder, 4)
        return folder


NO_KEY: dict[str, Any] = {"key": []}
MODES = {
    "append": WriteMode(
        source={"begins": "behind it"}, stream='mode = "append"', once=True
    ),
    "append, one number": WriteMode(
        source={
            **NO_KEY,
            "method": "LOG_BASED",
            "begins": "behind it",
            "state": "one number",
        },
        once=True,
    ),
    "keyless": WriteMode(source=NO_KEY),
    "upsert": WriteMode(),
    "lookback": WriteMode(stream="lookback = 3"),
    "history": WriteMode(stream='mode = "history"', ignored=("valid_from", "valid_to")),
    "overwrite": WriteMode(source={"method": "FULL_TABLE", "begins": "anew"}),
    "full refresh": WriteMode(words=("--full-refresh",)),
    "batch": WriteMode(
        source={**NO_KEY, "begins": "behind it", "batches": "batches"}, once=True
    ),
    "files": WriteMode(config=FILES_CONFIG, grow=grow_files, once=True),
}


def copied(project: Path, folder: Path) -> Path:
    """Copy a project; the files in it stay as old as they are."""
    return Path(shutil.copytree(project, folder))

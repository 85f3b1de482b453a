"""Asking a tap for its catalog, and finding it between whatever else the tap prints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from elt.singer.private_files import private_files
from elt.singer.process import OnLine, TapProcess, TapProgram, read_all


def discover(
    program: TapProgram,
    config: Mapping[str, Any],
    *,
    timeout_seconds: float = 300.0,
    on_line: OnLine = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Ask a tap for its catalog.

    Raises EltError with the tap's last words when it fails, takes too long, or
    writes no catalog; Unavailable when they say that it may answer later, and
    Interrupted when it should stop.
    """
    with private_files(program.private_dir, {"config": config}) as paths:
        arguments = ["--config", str(paths["config"]), "--discover"]
        with TapProcess(program, arguments, on_line) as tap:
            deadline = time.monotonic() + timeout_seconds
            output = read_all(tap, deadline, should_stop=should_stop)
            code = tap.wait(timeout=30.0)
    if code != 0:
        raise tap.error(f"discovery failed with exit code {code}")
    catalog = _find_catalog(output.decode("utf-8", "replace"))
    if catalog is None:
        raise tap.error("discovery wrote no catalog on stdout")
    return catalog


def _find_catalog(output: str) -> dict[str, Any] | None:
    """Find the catalog between whatever else a tap printed."""
    decoder = json.JSONDecoder()
    start = 0
    while start >= 0:
        line = output[start:].lstrip()
        if line.startswith("{"):
            found = _object_at(decoder, line)
            if found is not None and isinstance(found.get("streams"), list):
                return found
        start = output.find("\n{", start)
        start += start >= 0
    return None


def _object_at(decoder: json.JSONDecoder, text: str) -> dict[str, Any] | None:
    try:
        found, _ = decoder.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None

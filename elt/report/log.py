"""A stored event as a line of text, for reading a run afterwards."""

from __future__ import annotations

from elt.events import (
    AssetFinished,
    Event,
    LogLine,
    ReceiptsStored,
    RowsLoaded,
    SchemaChanged,
    StepFinished,
    StepRetrying,
    StepStarted,
)
from elt.report import clean, figures


def words(event: Event) -> str:  # noqa: C901, PLR0911, PLR0912  a case an event
    """Say what happened; empty for what only machines want to know."""
    match event:
        case LogLine():
            return _log_words(event)
        case RowsLoaded(stream=stream, rows=rows, rejects=rejects):
            if not rows and not rejects:
                return ""  # a bookmark alone
            also = f", {figures.counted(rejects, 'reject')}" if rejects else ""
            return f"{stream}: {figures.counted(rows, 'row')} committed{also}"
        case AssetFinished():
            return _asset_words(event)
        case StepStarted(attempt=attempt):
            return f"started (attempt {attempt})" if attempt > 1 else "started"
        case StepRetrying(attempt=attempt, delay_seconds=delay, reason=reason):
            return f"attempt {attempt} failed, again in {delay:.0f} s: {reason}"
        case StepFinished():
            return _step_words(event)
        case SchemaChanged(table=table, column=column, change=change):
            return f"{table}.{column}: {change}"
        case ReceiptsStored(accepted=accepted, rejected=rejected, total=total):
            return f"{accepted:,} of {total:,} changes accepted, {rejected:,} rejected"
        case _:
            return ""


def _log_words(event: LogLine) -> str:
    source = "" if event.source == event.step else f"{event.source}: "
    level = "" if event.level == "info" else f"{event.level}: "
    return clean.plain(f"{level}{source}{event.text.rstrip()}")


def _asset_words(event: AssetFinished) -> str:
    parts = [f"{event.asset} {event.status}"]
    if event.rows is not None:
        parts.append(figures.counted(event.rows, "row"))
    if event.rejects:
        parts.append(figures.counted(event.rejects, "reject"))
    if event.seconds:
        parts.append(figures.duration(event.seconds))
    message = f": {event.message}" if event.message else ""
    return ", ".join(parts) + clean.plain(message)


def _step_words(event: StepFinished) -> str:
    lines = [f"{event.status}, {figures.duration(event.seconds)}"]
    if event.message:
        lines.append(event.message)
    if event.hint:
        lines.append(f"hint: {event.hint}")
    return clean.plain("\n".join(lines))

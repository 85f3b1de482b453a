"""What a tap's step answers for each stream: its rows, and what to look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from elt.errors import EltError, Guarded, Unavailable, name_of
from elt.events import SKIPPED
from elt.project.toml_text import key_text
from elt.runner.attempt import AssetResult
from elt.runner.graph import Asset
from elt.singer.diagnosis import asking_to_wait, diagnose, of_no_stream
from elt.singer.endings import Ending
from elt.singer.process import SAID
from elt.targets.bookmarks import can_tell_apart
from elt.targets.stream_load import StreamLoad
from elt.targets.writing.evolve import Change
from elt.targets.writing.plans import StreamPlan

_NAMED = 3  # streams in one message


def results(
    assets: Sequence[Asset],
    loads: Iterable[StreamLoad],
    *,
    endings: Mapping[str, Ending] | None = None,
    tap_error: EltError | None = None,
) -> Iterator[AssetResult]:
    """Answer for each stream; raise the error of one that is no asset.

    `endings` are what the tap has told, by the stream's id. `tap_error` is how the tap
    itself ended, which counts for the streams of which it has told nothing.

    Raises Unavailable at the end, for the streams that are worth another try.
    """
    by_id = {load.plan.stream: load for load in loads}
    told = dict(endings or {})
    answers, left = [], {}
    for asset in assets:
        stream = asset.detail["stream"]
        load, ending = by_id.pop(stream, None), told.pop(stream, None)
        rows = load.rows if load is not None else 0
        error = told_error(stream, ending, tap_error)
        if load is not None and load.error is not None:
            answers.append(failed(asset, load.error, rows=rows))
        elif isinstance(error, Unavailable):
            left[stream] = error
        elif error is not None:
            answers.append(failed(asset, error, rows=rows))
        else:
            answers.append(_result(asset, load, ending))
    _raise_of_no_asset(by_id, told)
    yield from answers
    if left:
        raise all_in_one(left)


def told_error(
    stream: str, ending: Ending | None, tap_error: EltError | None = None
) -> EltError | None:
    """Make the error of a stream as the tap told it; None where it did not fail."""
    if ending is None:
        return tap_error
    if ending.end != "failed":
        return None
    found = diagnose([ending.why])
    hint = found.remedy if found.cause != "unknown" else None
    error = Unavailable if ending.temporary else EltError
    made = error(f"stream `{stream}` could not be read: {ending.why}", hint=hint)
    return asking_to_wait(made, found)


def is_of_no_stream(assets: Iterable[Asset], told: Mapping[str, Ending]) -> bool:
    """Say whether no stream answers for how the tap ended: it told how all did."""
    ends = [told.get(asset.detail["stream"]) for asset in assets]
    return all(ending is not None and ending.end != "failed" for ending in ends)


def _raise_of_no_asset(
    loads: Mapping[str, StreamLoad], told: Mapping[str, Ending]
) -> None:
    for load in loads.values():
        if load.error is not None:
            raise load.error
    for stream, ending in told.items():
        error = told_error(stream, ending)
        if error is not None:
            raise error


def all_in_one(left: Mapping[str, Unavailable]) -> Unavailable:
    """Make one error of those of several streams, which often have one cause.

    It asks for the longest of their waits.
    """
    alike: dict[str, list[str]] = {}
    for error in left.values():
        alike.setdefault(of_no_stream(error.what), []).append(error.what)
    said = [
        of_all[0]
        if len(set(of_all)) == 1
        else f"{len(of_all)} streams could not be read: {words}"
        for words, of_all in alike.items()
    ]
    more = [f"and {len(said) - _NAMED} more"] if len(said) > _NAMED else []
    hints = {error.hint for error in left.values()}
    one = Unavailable(
        "; ".join([*said[:_NAMED], *more]),
        hint=hints.pop() if len(hints) == 1 else None,
    )
    waits = [error.retry_after_seconds for error in left.values()]
    one.retry_after_seconds = max(filter(None, waits), default=None)
    return one


def failed(asset: Asset, error: EltError, *, rows: int | None = 0) -> AssetResult:
    stopped = error.exit_code == Guarded.exit_code
    return AssetResult(
        asset=asset.id,
        status="stopped" if stopped else "failed",
        rows=rows,
        message=_text(error),
        hint=error.hint or "",
        error=name_of(error),
    )


def _result(
    asset: Asset, stream: StreamLoad | None, ending: Ending | None
) -> AssetResult:
    if ending is not None and ending.end == "skipped":
        return AssetResult(
            asset=asset.id,
            status="warned",
            rows=stream.rows if stream is not None else 0,
            rejects=stream.rejects if stream is not None else 0,
            message=f"{SKIPPED}{ending.why}",
        )
    if stream is None:
        return AssetResult(
            asset=asset.id, status="done", rows=0, message="the tap sent nothing of it"
        )
    why = ending.why if ending is not None else ""
    notes = "; ".join(filter(None, (why, _notes(stream))))
    return AssetResult(
        asset=asset.id,
        status="warned" if stream.rejects or notes else "done",
        rows=stream.rows,
        rejects=stream.rejects,
        message="; ".join(filter(None, (notes, _left_out(stream)))),
    )


def _left_out(stream: StreamLoad) -> str:
    """Say what happened to rows as it was asked for."""
    told = []
    if stream.filtered:
        told.append(f"{_rows(stream.filtered)} left out by the `filter`")
    if stream.gone:
        told.append(f"{_rows(stream.gone)} gone from the source: {_how(stream.plan)}")
    return "; ".join(told)


def _how(plan: StreamPlan) -> str:
    if plan.mode.name == "history":
        return "ended"
    return "deleted" if plan.deletes_missing else "marked"


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def _text(error: EltError) -> str:
    if (error.where or "").startswith(SAID):
        return error.what  # the best of its last words are in it
    return f"{error.what} ({error.where})" if error.where else error.what


def _notes(stream: StreamLoad) -> str:
    """Say what a person should look at, though all rows are in.

    Rejects alone need no words: their number says it.
    """
    notes = [f"`{c.column}`: {c.sentence}" for c in stream.to_look_at]
    if became_text := [c for c in stream.to_look_at if c.before_text]:
        notes.append(_way_back(became_text))
    if stream.unlike:
        keys = ", ".join(f"`{name}`" for name in stream.plan.key)
        notes.append(
            f"{_rows(stream.unlike)} gave way to a later one with the same {keys} and"
            " other values: if they are not the same thing, set a `key` that tells them"
            " apart"
        )
    if stream.in_part:
        notes.append(_of_a_part(stream.plan))
    if stream.set_aside and stream.rows:
        notes.append("the tap set them aside: each row says why")
    if stream.plan.doubtful and stream.rows:
        notes.append(
            "added to the rows of earlier runs, and perhaps the same ones again: it has"
            " no key, and the tap does not say how it reads. If it reads all of it each"
            ' time, set `replication_method = "FULL_TABLE"`, else `mode = "append"`'
        )
    if _may_come_again(stream):
        notes.append(
            "rows at the bookmark may be there twice: it is kept for partitions that no"
            " column tells apart. If the rows have a key, set `key`, else"
            ' `mode = "append"`'
        )
    if notes and stream.rejects:
        one = "1 reject" if stream.rejects == 1 else f"{stream.rejects:,} rejects"
        notes.insert(0, one)
    return "; ".join(notes)


def _way_back(became_text: Sequence[Change]) -> str:
    types = ", ".join(f'{key_text(c.column)} = "{c.before_text}"' for c in became_text)
    return (
        "text is sorted and compared letter by letter: if one bad value did it, set"
        f" `types = {{ {types} }}` of the stream, so that such a value is a reject, and"
        " read all again with `--full-refresh`"
    )


def _of_a_part(plan: StreamPlan) -> str:
    if plan.spared:
        return "its rows stay as they were"
    if not plan.key:
        return "its older rows are gone: without a key nothing tells them from others"
    return "so rows that did not come stay, also those that are gone"


def _may_come_again(stream: StreamLoad) -> bool:
    """Say whether rows were added of which those read again cannot be found."""
    plan = stream.plan
    if plan.mode.name != "append" or plan.mode.asked_for or not stream.rows:
        return False
    properties = {column.property for column in stream.columns}
    return not can_tell_apart(plan.replace_from, properties)

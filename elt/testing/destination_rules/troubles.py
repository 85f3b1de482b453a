"""Rules about bad days: who says what when rows, batches or we are refused."""

from __future__ import annotations

from collections.abc import Sequence

from elt.errors import ConfigError, Rejected, Unavailable
from elt.reverse.destination import Change, Receipt, Route, Sender, Writer
from elt.testing.destination_rules.example import (
    NOTHING,
    REFUSED,
    FarSide,
    Rule,
    Sync,
    Trouble,
    added,
    delivered,
    keep,
    there,
)

NEIGHBOURS = ("ann", "bob", "zoe")


def a_refused_row_holds_back_no_other(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    _one_bad_row(destination, route, far, "refuses a row")


def the_bad_row_of_a_refused_batch_is_found(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    _one_bad_row(destination, route, far, "refuses the batch")


def refused_credentials_stop_the_sync(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    if "refuses us" not in far.troubles:
        return
    met = _met(destination, route, far, "refuses us")
    keep(
        isinstance(met, ConfigError), f"refused credentials are a ConfigError: {met!r}"
    )


def a_destination_that_is_down_took_nothing(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    if "is down" not in far.troubles:
        return
    before = dict(there(far)())
    met = _met(destination, route, far, "is down")
    if isinstance(destination, Writer):
        keep(isinstance(met, Exception), "a writer that wrote nothing raises")
    else:
        later = isinstance(met, Unavailable) or _statuses(met) == {"retryable"}
        keep(later, f"nothing was taken: Unavailable, or all rows retryable: {met!r}")
    keep(there(far)() == before, "the rows over there are as they were")


def a_lost_answer_is_unknown(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    _nobody_knows(destination, route, far, "loses the answer")


def an_answer_that_comes_too_late_is_unknown(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    _nobody_knows(destination, route, far, "is slow")


def no_error_shows_a_secret(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    if not far.secrets:
        return
    for trouble in far.troubles:
        said = _told(_met(destination, route, far, trouble))
        shown = [secret for secret in far.secrets if secret in said]
        keep(not shown, f"what it says when the other side {trouble} shows a secret")


def _one_bad_row(
    destination: Sender | Writer, route: Route, far: FarSide, trouble: Trouble
) -> None:
    if trouble not in far.troubles or not isinstance(destination, Sender):
        return
    with far.troubles[trouble]():
        answers = delivered(destination, route, _with_a_bad_row())
    good = all(answers[key].status == "accepted" for key in NEIGHBOURS)
    keep(good, f"one refused row holds back no other: {answers}")
    bad = answers[REFUSED]
    keep(bad.status == "rejected", f"a refused row is rejected: {bad}")
    keep(bool(bad.message.strip()), "the receipt of a refused row says why")
    if far.rows:
        keep(REFUSED not in far.rows(), "a refused row is not there")
        keep(set(NEIGHBOURS) <= set(far.rows()), "its neighbours are there")


def _nobody_knows(
    destination: Sender | Writer, route: Route, far: FarSide, trouble: Trouble
) -> None:
    if trouble not in far.troubles or not isinstance(destination, Sender):
        return
    met = _met(destination, route, far, trouble)
    keep(not isinstance(met, Exception), f"no error says more than is known: {met!r}")
    keep(_statuses(met) <= {"unknown"}, f"nobody knows, so no receipt does: {met!r}")


def _met(
    destination: Sender | Writer, route: Route, far: FarSide, trouble: Trouble
) -> list[Receipt] | Exception:
    """Give what a destination answers in trouble, or what it raises."""
    changes = _with_a_bad_row()
    with far.troubles[trouble]():
        try:
            if isinstance(destination, Sender):
                return list(destination.send(route, changes))
            return list(Sync(destination, route).send(changes).values())
        except (ConfigError, Unavailable, Rejected) as error:
            return error
        except Exception as error:
            if isinstance(destination, Sender):
                raise
            return error


def _with_a_bad_row() -> list[Change]:
    return added(*NEIGHBOURS[:2], REFUSED, *NEIGHBOURS[2:])


def _statuses(met: Sequence[Receipt] | Exception) -> set[str]:
    return set() if isinstance(met, Exception) else {r.status for r in met}


def _told(met: Sequence[Receipt] | Exception) -> str:
    if isinstance(met, Exception):
        return f"{met} {met!r}"
    return " ".join(receipt.message for receipt in met)


RULES: tuple[Rule, ...] = (
    a_refused_row_holds_back_no_other,
    the_bad_row_of_a_refused_batch_is_found,
    refused_credentials_stop_the_sync,
    a_destination_that_is_down_took_nothing,
    a_lost_answer_is_unknown,
    an_answer_that_comes_too_late_is_unknown,
    no_error_shows_a_secret,
)

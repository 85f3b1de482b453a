"""The rules find destinations that are wrong in one small way each."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from elt.errors import ConfigError, Rejected, Unavailable
from elt.reverse.destination import Receipt, Removed, Traits
from elt.reverse.payload import payload
from elt.testing.destination_rules import (
    REFUSED,
    RULES,
    BrokenRule,
    FarSide,
    example_route,
)
from elt.testing.destinations import Memory, MemoryFile

SECRET = "hunter-two"  # noqa: S105 - it opens nothing


class Sound(Memory):
    """Keeps all the rules. Each destination below breaks one of them."""

    def __init__(self) -> None:
        super().__init__(traits=Traits(batch_size=20))

    def lose_answers(self):
        self.silent = {"ann", "bob", REFUSED, "zoe"}


class Forgets(Sound):
    def send(self, route, changes):
        return list(super().send(route, changes))[1:]


class Repeats(Sound):
    def send(self, route, changes):
        return [r for r in super().send(route, changes) for _ in range(2)]


class AnswersInItsOwnWords(Sound):
    def send(self, route, changes):
        return [replace(r, status="ok") for r in super().send(route, changes)]


class TrimsKeys(Sound):
    def send(self, route, changes):
        return [replace(r, key=r.key.strip()) for r in super().send(route, changes)]


class DoesNotTakePlainRows(Sound):
    def _refusal(self, route, change):
        return "no" if change.key == "ann" else super()._refusal(route, change)


class FoldsCase(Sound):
    def _keep(self, change):
        super()._keep(replace(change, key=change.key.lower()))


class CutsKeys(Sound):
    def _keep(self, change):
        super()._keep(replace(change, key=change.key[:255]))


class BendsNumbers(Sound):
    def _keep(self, change):
        super()._keep(change)
        if not isinstance(change, Removed):
            self.rows[change.key] = json.loads(change.text)


class WritesNullAsText(Sound):
    def _keep(self, change):
        super()._keep(change)
        row = self.rows.get(change.key, {})
        self.rows[change.key] = {n: "None" if v is None else v for n, v in row.items()}


class EmptiesTexts(Sound):
    def _keep(self, change):
        super()._keep(change)
        row = self.rows.get(change.key, {})
        self.rows[change.key] = {n: None if v == "" else v for n, v in row.items()}


class CannotRepeat(Sound):
    def send(self, route, changes):
        answers = list(super().send(route, changes))
        seen = [key for call in self.calls[:-1] for key in call]
        return [replace(r, status="rejected") if r.key in seen else r for r in answers]


class ChokesOnNothing(Sound):
    def send(self, route, changes):
        if not changes:
            raise IndexError("no first row")
        return super().send(route, changes)


class TakesHalfABatch(Sound):
    def send(self, route, changes):
        return super().send(route, changes[:10])


class ChecksBySending(Sound):
    def check(self):
        self.rows["check"] = {"id": "check"}


class DoesNotKnowItsOwnIds(Sound):
    def _refusal(self, route, change):
        given = getattr(change, "destination_id", None)
        return "no such id" if given else super()._refusal(route, change)


class NeverChangesRows(Sound):
    def _keep(self, change):
        if change.key not in self.rows or isinstance(change, Removed):
            super()._keep(change)


class UpdateMakesRows(Sound):
    def send(self, route, changes):
        mode = "upsert" if route.mode == "update" else route.mode
        return super().send(replace(route, mode=mode), changes)


class AcceptsUpdatesOfNothing(Sound):
    def send(self, route, changes):
        for receipt in super().send(route, changes):
            update = route.mode == "update"
            yield replace(receipt, status="accepted") if update else receipt


class InsertOverwrites(Sound):
    def send(self, route, changes):
        mode = "upsert" if route.mode == "insert" else route.mode
        return super().send(replace(route, mode=mode), changes)


class NeverRemoves(Sound):
    def _keep(self, change):
        if not isinstance(change, Removed):
            super()._keep(change)


class RemovesAll(Sound):
    def _keep(self, change):
        super()._keep(change)
        if isinstance(change, Removed):
            self.rows.clear()


class RemovesOnlyOnce(Sound):
    def _refusal(self, route, change):
        if isinstance(change, Removed) and change.key not in self.rows:
            return "404"
        return super()._refusal(route, change)


class OneBadRowSpoilsAll(Sound):
    def send(self, route, changes):
        answers = list(super().send(route, changes))
        bad = any(r.status == "rejected" for r in answers)
        return [replace(r, status="rejected") if bad else r for r in answers]


class SwallowsRefusals(Sound):
    def send(self, route, changes):
        for receipt in super().send(route, changes):
            yield replace(receipt, status="accepted")


class RefusesWithoutAReason(Sound):
    def send(self, route, changes):
        for receipt in super().send(route, changes):
            yield replace(receipt, message="")


class TakesARefusedBatch(Sound):
    def send(self, route, changes):
        if any(change.key in self.poison for change in changes):
            self.poison = set()
            list(super().send(route, changes))
            raise Rejected("the batch is spoilt")
        return super().send(route, changes)


class RefusedCredentialsAreTemporary(Sound):
    def send(self, route, changes):
        try:
            return super().send(route, changes)
        except ConfigError as error:
            raise Unavailable(error.what) from error


class RefusedCredentialsRejectRows(Sound):
    def send(self, route, changes):
        try:
            return super().send(route, changes)
        except ConfigError:
            return [Receipt(c.key, "rejected", "401") for c in changes]


class DownRejectsRows(Sound):
    def send(self, route, changes):
        try:
            return super().send(route, changes)
        except Unavailable:
            return [Receipt(c.key, "rejected", "503") for c in changes]


class DownTakesSome(Sound):
    def send(self, route, changes):
        if self.down:
            list(self._take(route, changes[:1]))
        return super().send(route, changes)


class GuessesLostAnswersWell(Sound):
    def send(self, route, changes):
        answers = {r.key: r for r in super().send(route, changes)}
        return [answers.get(c.key, Receipt(c.key, "accepted")) for c in changes]


class TakesLostAnswersForDown(Sound):
    def send(self, route, changes):
        answers = list(super().send(route, changes))
        if len(answers) < len(changes):
            raise Unavailable("no answer")
        return answers


class ShowsASecret(Sound):
    def check(self):
        if self.bad_credentials:
            raise ConfigError(f"refused the password `{SECRET}`")


class TellsNothingAboutDelivery(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.traits = Traits(delivery="")


class TakesNoRows(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.traits = Traits(batch_size=0)


class SoundFile(MemoryFile):
    """Keeps all the rules, too."""

    def __init__(self) -> None:
        super().__init__(wants_rows=True)

    @property
    def rows(self):
        texts = self.writes[-1][1] if self.writes else []
        return {row["id"]: row for row in map(payload, texts)}


class SwallowsErrors(SoundFile):
    def write(self, route, changes, rows):
        try:
            return super().write(route, changes, rows)
        except Exception:  # noqa: BLE001
            return "written"


class WritesHalf(SoundFile):
    def write(self, route, changes, rows):
        self.writes.append(([], ['{"id":"half"}']))
        return super().write(route, changes, rows)


class SaysNothing(SoundFile):
    def write(self, route, changes, rows):
        super().write(route, changes, rows)


class SendsAndWrites(SoundFile):
    def send(self, route, changes):
        del route
        return [Receipt(change.key, "accepted") for change in changes]


@dataclass
class Broken:
    make: Any
    rule: str

    def __str__(self) -> str:
        return self.make.__name__


BROKEN = [
    Broken(Forgets, "every_change_is_answered_once"),
    Broken(Repeats, "every_change_is_answered_once"),
    Broken(AnswersInItsOwnWords, "every_change_is_answered_once"),
    Broken(TrimsKeys, "odd_keys_stay_apart"),
    Broken(DoesNotTakePlainRows, "a_plain_row_is_accepted"),
    Broken(FoldsCase, "odd_keys_stay_apart"),
    Broken(CutsKeys, "odd_keys_stay_apart"),
    Broken(BendsNumbers, "values_arrive_as_they_are"),
    Broken(WritesNullAsText, "values_arrive_as_they_are"),
    Broken(EmptiesTexts, "values_arrive_as_they_are"),
    Broken(CannotRepeat, "a_change_can_come_again"),
    Broken(ChokesOnNothing, "an_empty_batch_is_nothing"),
    Broken(TakesHalfABatch, "a_full_batch_is_answered"),
    Broken(ChecksBySending, "a_check_finds_nothing_wrong_and_sends_nothing"),
    Broken(DoesNotKnowItsOwnIds, "the_id_that_it_gave_is_understood"),
    Broken(NeverChangesRows, "an_upsert_makes_rows_and_changes_them"),
    Broken(UpdateMakesRows, "an_update_makes_nothing_new"),
    Broken(AcceptsUpdatesOfNothing, "an_update_makes_nothing_new"),
    Broken(InsertOverwrites, "an_insert_overwrites_nothing"),
    Broken(NeverRemoves, "a_mirror_removes_what_it_is_told_to"),
    Broken(RemovesAll, "a_mirror_removes_what_it_is_told_to"),
    Broken(RemovesOnlyOnce, "a_row_can_be_removed_twice"),
    Broken(OneBadRowSpoilsAll, "a_refused_row_holds_back_no_other"),
    Broken(SwallowsRefusals, "a_refused_row_holds_back_no_other"),
    Broken(RefusesWithoutAReason, "a_refused_row_holds_back_no_other"),
    Broken(TakesARefusedBatch, "the_bad_row_of_a_refused_batch_is_found"),
    Broken(RefusedCredentialsAreTemporary, "refused_credentials_stop_the_sync"),
    Broken(RefusedCredentialsRejectRows, "refused_credentials_stop_the_sync"),
    Broken(DownRejectsRows, "a_destination_that_is_down_took_nothing"),
    Broken(DownTakesSome, "a_destination_that_is_down_took_nothing"),
    Broken(GuessesLostAnswersWell, "a_lost_answer_is_unknown"),
    Broken(TakesLostAnswersForDown, "a_lost_answer_is_unknown"),
    Broken(ShowsASecret, "no_error_shows_a_secret"),
    Broken(TellsNothingAboutDelivery, "traits_are_sensible"),
    Broken(TakesNoRows, "traits_are_sensible"),
    Broken(SwallowsErrors, "a_writer_lets_errors_through"),
    Broken(WritesHalf, "a_writer_lets_errors_through"),
    Broken(SaysNothing, "every_change_is_answered_once"),
    Broken(SendsAndWrites, "it_sends_or_it_writes"),
]


def far_side(made):
    if isinstance(made, MemoryFile):
        begins = {"is down": partial(setattr, made, "fails", True)}
    else:
        begins = {
            "refuses a row": partial(made.refuse.add, REFUSED),
            "refuses the batch": partial(made.poison.add, REFUSED),
            "refuses us": partial(setattr, made, "bad_credentials", True),
            "is down": partial(setattr, made, "down", 1),
            "loses the answer": made.lose_answers,
        }
    return FarSide(
        rows=lambda: dict(made.rows),
        secrets=[SECRET],
        troubles={name: partial(begun, begin) for name, begin in begins.items()},
    )


def begun(begin):
    begin()
    return nullcontext()


def broken_rules(make):
    """Name the rules that a destination does not keep, each asked with a new one."""
    found = {}
    for rule in RULES:
        made = make()
        try:
            rule(made, example_route("people"), far_side(made))
        except BrokenRule as error:
            found[rule.__name__] = str(error)
        except Exception as error:  # noqa: BLE001
            found[rule.__name__] = repr(error)
    return found


@pytest.mark.parametrize("sound", [Sound, SoundFile])
def test_a_sound_destination_breaks_no_rule(sound):
    assert broken_rules(sound) == {}


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_a_broken_destination_is_found(broken):
    found = broken_rules(broken.make)

    assert broken.rule in found
    assert found[broken.rule]


def test_every_rule_finds_something():
    found = {broken.rule for broken in BROKEN}

    assert {rule.__name__ for rule in RULES} - found <= {
        # Their twins find these: a batch of one, and an answer that is only late.
        "a_single_change_is_a_batch",
        "an_answer_that_comes_too_late_is_unknown",
    }

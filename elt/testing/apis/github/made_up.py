"""Kettle & Crew's organisation on GitHub, made up by dice, day after day.

Each day's beginnings (an issue, a pull request, a star) are thrown from the seed and
the day; what becomes of them is put on the agenda with its own time. So more becomes
known as the clock moves, and nothing that was known changes without its time of change.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import count

from elt.testing.apis.github import deeds
from elt.testing.apis.github.life import Deed, Life
from elt.testing.apis.github.tables import Repository, stamp
from elt.testing.apis.github.world import World
from elt.testing.dice import Dice
from elt.testing.lives import FOUNDED

ORGANIZATION = "kettle-and-crew"
PEOPLE = (  # login, name, role; the first is the owner of the simulation's token
    ("ines-almeida", "Ines Almeida", "admin"),
    ("tomasz-k", "Tomasz Kowalski", "member"),
    ("freyae", "Freya Eriksen", "member"),
    ("jonasfischer", "Jonas Fischer", "member"),
    ("chloe-dubois", "Chloé Dubois", "member"),
    ("nils-l", "Nils Lindqvist", "member"),
)
TEAMS = (
    ("Product", ("ines-almeida", "freyae", "chloe-dubois")),
    ("Platform", ("tomasz-k", "jonasfischer", "nils-l")),
)
LABELS = (
    ("bug", "d73a4a", "Something is not working"),
    ("enhancement", "a2eeef", "New feature or request"),
    ("customer", "0e8a16", "A customer asked for it"),
    ("good first issue", "7057ff", "Good for newcomers"),
)
_OUTSIDERS = 120
_THURSDAY, _SATURDAY = 3, 5
_STARS_A_DAY = 0.35


@dataclass(frozen=True, slots=True)
class Pace:
    """How much begins in a repository on a working day."""

    name: str
    description: str
    language: str | None
    private: bool
    issues: float
    pulls: float


PACES = (
    Pace("roster", "Shift planning for cafés", "Python", False, 0.9, 0.8),
    Pace("warehouse", "What our numbers are made of", "SQL", True, 0.3, 0.35),
    Pace("next-roster", "Nothing here yet", None, False, 0.0, 0.0),
)


@dataclass(slots=True)
class MadeUp:
    """Lets the organisation live in a world until a moment, and then further."""

    seed: int
    world: World
    company: bool = True
    _agenda: list[tuple[datetime, int, Deed]] = field(default_factory=list)
    _order: Callable[[], int] = field(default_factory=lambda: count().__next__)
    _day: date | None = None

    def live_until(self, moment: datetime) -> None:
        """Let everything happen up to a moment, in the order of its time."""
        if self._day is None:
            found(self.world)
            self._day = FOUNDED
        while self.company and self._day <= moment.date():
            # Not before the day before is over: what begins looks at what is there.
            self._happen_until(datetime.combine(self._day, time(), UTC))
            self._begin(self._day)
            self._day += timedelta(days=1)
        self._happen_until(moment)

    def _happen_until(self, moment: datetime) -> None:
        while self._agenda and self._agenda[0][0] <= moment:
            _, _, deed = heapq.heappop(self._agenda)
            deed()

    def plan(self, at: datetime, deed: Deed) -> None:
        heapq.heappush(self._agenda, (at, self._order(), deed))

    def _begin(self, day: date) -> None:
        works = day.weekday() < _SATURDAY
        for pace in PACES:
            repository = self.world.find(ORGANIZATION, pace.name)
            if repository is None:  # it was renamed, and the name taken
                continue
            life = Life(self.world, repository, self.plan)
            dice = Dice(self.seed, "github", pace.name, day)
            if works:
                self._begin_work(life, pace, dice, day)
            if not pace.private and dice.chance(_STARS_A_DAY):
                self._begin_star(repository, dice, day)

    def _begin_work(self, life: Life, pace: Pace, dice: Dice, day: date) -> None:
        if pace.issues:
            self._begin_quarter(life.repository, day)
        for number in range(_times(dice, pace.issues)):
            own = Dice(self.seed, "issue", pace.name, day, number)
            at = _moment(own, day)
            self.plan(at, partial(life.open_issue, own, at))
        for number in range(_times(dice, pace.pulls)):
            own = Dice(self.seed, "pull", pace.name, day, number)
            at = _moment(own, day)
            self.plan(at, partial(life.open_pull, own, at))
        if pace.pulls and day.weekday() == _THURSDAY and day.isocalendar().week % 2:
            at = datetime.combine(day, time(15, dice.between(0, 59)), UTC)
            self.plan(at, partial(life.publish, dice, at))

    def _begin_quarter(self, repository: Repository, day: date) -> None:
        """Close the last quarter's milestone and open the next one, once."""
        title = f"{day.year} Q{(day.month + 2) // 3}"
        milestones = repository.tables["milestones"]
        at = datetime.combine(day, time(9, 30), UTC)
        if milestones.find("title", title):
            return

        def begin() -> None:
            for row in milestones.rows.values():
                if row["state"] == "open":
                    closed = {"state": "closed", "closed_at": stamp(at)}
                    milestones.update(row, {**closed, "updated_at": stamp(at)})
            due_on = stamp(at + timedelta(days=90))
            creator = PEOPLE[0][0]
            self.world.add_milestone(
                repository, title, at, due_on=due_on, creator=creator
            )

        self.plan(at, begin)

    def _begin_star(self, repository: Repository, dice: Dice, day: date) -> None:
        login = f"barista-{dice.between(1, _OUTSIDERS):03}"
        at = _moment(dice, day)

        def begin() -> None:
            if login not in self.world.users:
                self.world.add_user(login, at)
            if repository.tables["stars"].find("user", login) is None:
                deeds.star(self.world, repository, login, at)

        self.plan(at, begin)


def found(world: World) -> None:
    """Make the organisation, its people, teams and repositories on its first day."""
    at = datetime.combine(FOUNDED, time(9), UTC)
    world.make_organization(ORGANIZATION, "Kettle & Crew", at)
    for login, name, role in PEOPLE:
        world.add_user(login, at, name=name, company="Kettle & Crew")
        world.members[login] = role
    world.add_user("web-flow", at, name="GitHub")
    for name, logins in TEAMS:
        world.add_team(name, list(logins), at)
    for pace in PACES:
        repository = world.add_repository(
            pace.name,
            at,
            private=pace.private,
            description=pace.description,
            language=pace.language,
        )
        if pace.pulls:
            _furnish(world, repository, at)


def _furnish(world: World, repository: Repository, at: datetime) -> None:
    for name, color, description in LABELS:
        world.add_label(repository, name, color=color, description=description)
    deeds.commit(world, repository, PEOPLE[0][0], at, message="Begin")


def _times(dice: Dice, mean: float) -> int:
    """Throw how often something happens on a day: none to three times."""
    return sum(dice.chance(mean / 3) for _ in range(3))


def _moment(dice: Dice, day: date) -> datetime:
    at = time(dice.between(7, 17), dice.between(0, 59), dice.between(0, 59))
    return datetime.combine(day, at, UTC)

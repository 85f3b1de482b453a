"""The lives of issues, pull requests and releases: what follows when one began."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from elt.testing.apis.github import deeds, runs
from elt.testing.apis.github.tables import Repository, Row
from elt.testing.apis.github.world import World, sha_of
from elt.testing.dice import Dice
from elt.testing.lives import ACCOUNTS_A_WEEK, FOUNDED

Deed = Callable[[], object]

_WRITERS = ("ines-almeida", "tomasz-k", "freyae", "jonasfischer", "chloe-dubois")
_SYMPTOMS = (
    "Swapped shift is shown twice",
    "Export forgets the hours after midnight",
    "Roster closes on bank holidays",
    "Invitation e-mail has the wrong language",
    "Printed week is cut at Sunday",
)
_CHANGES = (
    "Show the swapped shift once",
    "Count hours after midnight",
    "Ask for bank holidays",
    "Write invitations in the café's language",
    "Print a week on one page",
    "Pin the calendar library",
)
_SAYINGS = ("I can see it too", "On it", "Happens on my phone only", "Thank you! 👍")
_REMARKS = ("Could this be a constant?", "A test for this one, please", "Typo")
_MINUTES_OF_A_RUN = (2, 11)


@dataclass(frozen=True, slots=True)
class Life:
    """What begins in one repository, and puts what follows on the agenda."""

    world: World
    repository: Repository
    plan: Callable[[datetime, Deed], None]

    def open_issue(self, dice: Dice, at: datetime) -> None:
        is_asked = dice.chance(0.5)
        body = "Steps to see it:\n1. Open the roster"
        if is_asked:
            body += f"\n\nAsked for by {_account(dice, at)}"
        labels = [dice.pick(("bug", "enhancement"))]
        issue = self.world.open_issue(
            self.repository,
            dice.pick(_WRITERS),
            at,
            title=dice.pick(_SYMPTOMS),
            body=body,
            labels=[*labels, "customer"] if is_asked else labels,
            milestone=self._milestone(dice),
        )
        self._talk(issue, dice, at, most=4)
        if dice.chance(0.75):
            closer, closes_at = dice.pick(_WRITERS), at + _hours(dice, 4, 24 * 40)
            reason = "completed" if dice.chance(0.85) else "not_planned"
            self.plan(closes_at, lambda: self._close(issue, closer, closes_at, reason))
        if dice.chance(0.6):
            assigned_at = at + _hours(dice, 1, 48)
            login = dice.pick(_WRITERS)
            self.plan(assigned_at, lambda: self._assign(issue, login, assigned_at))

    def open_pull(self, dice: Dice, at: datetime) -> None:
        author = dice.pick(_WRITERS)
        title = dice.pick(_CHANGES)
        branch = f"{author.split('-')[0]}/{sha_of(title, at)[:7]}"
        main = self.repository.tables["branches"].find("name", deeds.MAIN)
        if main is None:
            return
        for number in range(dice.between(1, 3), 0, -1):
            written_at = at - number * _hours(dice, 1, 20)
            self._commit(author, written_at, title=title, branch=branch)
        pull = new_pull(branch, self._head(branch), main["sha"])
        issue = self.world.open_issue(
            self.repository, author, at, title=title, body=f"{title}.", pull=pull
        )
        commits = self.repository.tables["commits"]
        for row in list(commits.rows.values()):
            if row["branch"] == branch:
                commits.update(row, {"issue": issue["number"]})
        self._check(author, dice, at, branch)
        self._talk(issue, dice, at, most=2)
        self._review(issue, dice, at)

    def publish(self, dice: Dice, at: datetime) -> None:
        """Publish what is there: a release, and its deployment a little later."""
        number = len(self.repository.tables["releases"]) + 1
        author = dice.pick(_WRITERS)
        tag = f"v{number // 10}.{number % 10}.0"
        deeds.release(self.world, self.repository, author, at, tag=tag)
        deployment = deeds.deploy(self.world, self.repository, author, at)
        for minutes, state in ((1, "in_progress"), (dice.between(4, 30), "success")):
            then = at + timedelta(minutes=minutes)
            self.plan(then, self._reporting(deployment, then, state))

    def _review(self, issue: Row, dice: Dice, at: datetime) -> None:
        reviewer = dice.pick([who for who in _WRITERS if who != issue["user"]])
        asks = dice.chance(0.35)
        seen_at = at + _hours(dice, 1, 30)
        remarks = tuple(dice.pick(_REMARKS) for _ in range(dice.between(1, 2)))
        state = "CHANGES_REQUESTED" if asks else "APPROVED"
        lines = remarks if asks else ()

        def look() -> None:
            deeds.review(
                self.world,
                self.repository,
                issue,
                reviewer,
                seen_at,
                state=state,
                lines=lines,
            )

        self.plan(seen_at, look)
        ends_at = seen_at + _hours(dice, 1, 60)
        if dice.chance(0.08):
            self.plan(ends_at, lambda: self._close(issue, reviewer, ends_at, None))
        elif dice.chance(0.95):
            keeps = dice.chance(0.3)
            own = Dice("merge", self.repository.name, issue["title"], ends_at)
            self.plan(
                ends_at, lambda: self._merge(issue, reviewer, ends_at, keeps, own)
            )

    def _merge(
        self, issue: Row, user: str, at: datetime, keeps: bool, dice: Dice
    ) -> None:
        if issue["state"] != "open":
            return
        deeds.merge(self.world, self.repository, issue, user, at, keeps_commits=keeps)
        self._check(user, dice, at, deeds.MAIN)

    def _check(self, user: str, dice: Dice, at: datetime, branch: str) -> None:
        """Run the workflow; a failure is sometimes run once more."""
        event = "push" if branch == deeds.MAIN else "pull_request"
        run = runs.start_run(
            self.world, self.repository, user, at, branch=branch, event=event
        )
        ended_at = self._go_through(run, dice, at, failed=dice.chance(0.18))
        if dice.chance(0.08):
            again_at = ended_at + _hours(dice, 1, 70)

            def again() -> None:
                runs.run_again(self.world, self.repository, run, again_at)
                self._go_through(run, dice, again_at, failed=False)

            self.plan(again_at, again)

    def _go_through(
        self, run: Row, dice: Dice, at: datetime, *, failed: bool
    ) -> datetime:
        begins_at = at + timedelta(seconds=dice.between(5, 50))
        ends_at = begins_at + timedelta(minutes=dice.between(*_MINUTES_OF_A_RUN))
        conclusion = "failure" if failed else "success"
        self.plan(begins_at, lambda: runs.begin_run(self.repository, run, begins_at))
        self.plan(
            ends_at,
            lambda: runs.end_run(self.repository, run, ends_at, conclusion=conclusion),
        )
        return ends_at

    def _talk(self, issue: Row, dice: Dice, at: datetime, *, most: int) -> None:
        for _ in range(dice.between(0, most)):
            then = at + _hours(dice, 0, 24 * 20)
            self.plan(then, self._saying(issue, dice.pick(_WRITERS), then, dice))

    def _saying(self, issue: Row, login: str, at: datetime, dice: Dice) -> Deed:
        body = dice.pick(_SAYINGS)
        return lambda: self.world.comment(self.repository, issue, login, at, body=body)

    def _reporting(self, deployment: Row, at: datetime, state: str) -> Deed:
        return lambda: deeds.report_deployment(
            self.world, self.repository, deployment, at, state=state
        )

    def _close(self, issue: Row, user: str, at: datetime, reason: str | None) -> None:
        if issue["state"] == "open":
            self.world.close_issue(self.repository, issue, user, at, reason=reason)

    def _assign(self, issue: Row, login: str, at: datetime) -> None:
        self.world.change_issue(self.repository, issue, at, assignees=[login])

    def _commit(self, author: str, at: datetime, *, title: str, branch: str) -> None:
        deeds.commit(
            self.world, self.repository, author, at, message=title, branch=branch
        )

    def _head(self, branch: str) -> str:
        found = self.repository.tables["branches"].find("name", branch)
        return str(found["sha"]) if found else ""

    def _milestone(self, dice: Dice) -> int | None:
        numbers = [
            row["number"] for row in self.repository.tables["milestones"].rows.values()
        ]
        return dice.pick(numbers) if numbers and dice.chance(0.4) else None


def new_pull(head: str, head_sha: str, base_sha: str) -> Row:
    """Give what a pull request has beside what every issue has."""
    return {
        "head": head,
        "head_sha": head_sha,
        "base": deeds.MAIN,
        "base_sha": base_sha,
        "draft": False,
        "merged_at": None,
        "merged_by": None,
        "merge_sha": None,
        "reviewers": [],
    }


def _hours(dice: Dice, least: int, most: int) -> timedelta:
    return timedelta(hours=least, seconds=int(dice.share() * (most - least) * 3600))


def _account(dice: Dice, at: datetime) -> str:
    """Give the id of an account that the company knows on a day."""
    known = int((at.date() - FOUNDED).days * ACCOUNTS_A_WEEK / 7)
    return f"acc_{dice.between(1, max(1, known)):04}"

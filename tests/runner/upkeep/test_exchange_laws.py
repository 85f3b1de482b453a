"""Whoever pushes and pulls in whatever order, and whatever fails: nothing is undone.

Several runners push to and pull from two places. Each call to the storage is a step of
its own, between which others do theirs; it may fail, be answered by nobody, happen
later, be the last one of its process, or show the folder as it was a while ago.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from elt.errors import Guarded, Unavailable
from elt.project.load import load_project
from elt.runner.upkeep.exchange import AtRest, pull, push
from elt.runner.upkeep.generations import Folder

PLACES = ("s3://acme/a", "s3://acme/b")
WELL = "well"
FAILS = "fails"  # nothing happened
UNANSWERED = "unanswered"  # it happened
LATE = "late"  # it will happen, if nothing prevents it then
STALE = "stale"  # a list from a while ago
DIES = "dies"
DIES_AFTER = "dies after"
HOWS = (FAILS, UNANSWERED, LATE, STALE, DIES, DIES_AFTER)

RUNNERS = st.integers(0, 2)
ANY_PLACE = st.sampled_from([PLACES[0], PLACES[0], *PLACES])
SELDOM = st.sampled_from([False, False, False, True])


class Killed(BaseException):
    """Stands for the end of the process."""


class Storage:
    """Objects by name, which are created where there are none."""

    def __init__(self):
        self.objects = {}
        self.lists = [[]]
        self.late = []
        self.ever = {}  # the rows of each generation, by its name

    def put(self, path, content):
        self.objects[path] = content
        self.lists.append(list(self.objects))

    def create(self, path, content):
        if path in self.objects:
            raise FileExistsError(path)
        folder = path.rpartition("/")[0]
        self.ever[path] = rows_in(self.objects[f"{folder}/{named_by(content)}"])
        self.put(path, content)

    def remove(self, path):
        del self.objects[path]
        self.lists.append(list(self.objects))


def named_by(generation):
    return json.loads(generation)["data"]


def rows_in(content):
    return frozenset(content.decode().split())


def name_of(place, number):
    return f"{place.removeprefix('s3://')}/generation-{number:08}.json"


class Calls:
    """What fsspec gives for the storage, to one runner; `ask` says how a call ends."""

    def __init__(self, storage, ask):
        self.storage = storage
        self.ask = ask

    def invalidate_cache(self):
        pass

    def makedirs(self, path, *, exist_ok):
        pass

    def ls(self, path, *, detail):  # noqa: ARG002
        age = self.ask()
        names = self.storage.lists[-1 if age != STALE else len(self.storage.lists) // 2]
        return [name for name in names if name.startswith(f"{path}/")]

    def cat_file(self, path):
        self.do(lambda: None)
        return self.found(path)

    def get_file(self, path, to):
        self.do(lambda: None)
        Path(to).write_bytes(self.found(path))

    def put_file(self, path, to):
        content = Path(path).read_bytes()
        self.do(lambda: self.storage.put(to, content))

    def pipe_file(self, path, content, *, mode):
        assert mode == "create"
        self.do(lambda: self.storage.create(path, content))

    def rm_file(self, path):
        self.do(lambda: self.storage.remove(path))

    def found(self, path):
        if path not in self.storage.objects:
            raise FileNotFoundError(path)
        return self.storage.objects[path]

    def do(self, act):
        match self.ask():
            case "fails":
                raise OSError("no network")
            case "late":
                self.storage.late.append(act)
                raise OSError("no answer")
            case "unanswered":
                act()
                raise OSError("no answer")
            case "dies after":
                act()
                raise Killed
        act()


@contextmanager
def a_text_file(warehouse):
    """Stand for a warehouse: each line is a row, and nobody else opens it."""
    digest = hashlib.sha256(warehouse.path.read_bytes()).hexdigest()
    yield AtRest(warehouse.path, digest, "the only one")


class Runner:
    """A machine whose command waits before each call to the storage."""

    def __init__(self, folder, storage):
        folder.mkdir()
        (folder / "elt.toml").write_text('[project]\nname = "acme"\n')
        self.project = load_project(folder)
        self.file = folder / "warehouse.duckdb"
        self.storage = storage
        self.answers, self.news = SimpleQueue(), SimpleQueue()
        self.thread = None
        self.is_dead = False

    @property
    def is_at_work(self):
        return self.thread is not None

    def rows(self):
        return rows_in(self.file.read_bytes()) if self.file.exists() else frozenset()

    def write(self, row):
        with self.file.open("a") as file:
            file.write(f"{row}\n")

    def start(self, command, url, **flags):
        self.is_dead = False
        self.thread = Thread(target=self._work, args=(command, url, flags))
        self.thread.start()
        return self._next()

    def step(self, how):
        """Let it make one call; give what the command came to, when that ended it."""
        self.answers.put(how)
        return self._next()

    def _next(self):
        news = self.news.get(timeout=60)
        if news is None:
            return None
        self.thread.join()
        self.thread = None
        return news

    def _ask(self):
        if self.is_dead:
            raise Killed
        self.news.put(None)
        how = self.answers.get(timeout=60)
        self.is_dead = how in {DIES, DIES_AFTER}
        if how == DIES:
            raise Killed
        return how

    def _work(self, command, url, flags):
        def opened(place):
            calls = Calls(self.storage, self._ask)
            return Folder(place, lambda url: (calls, url.removeprefix("s3://")))

        try:
            done = command(self.project, url, opened=opened, rest=a_text_file, **flags)
        except BaseException as error:  # noqa: BLE001  the test looks at it
            self.news.put(error)
        else:
            self.news.put(done)


class Exchanges(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="elt-")
        self.storage = Storage()
        self.runners = [
            Runner(Path(self.folder.name, f"r{n}"), self.storage) for n in range(3)
        ]
        self.doing = {}  # what each runner is at: its command, its place, its flags
        self.before = {}  # its rows when it began
        self.told = {}  # each generation that a runner was told to have made
        self.row = 0

    @initialize(keep=st.integers(1, 3))
    def all_begin_with_one_warehouse(self, keep):
        self.keep = keep
        self.loads_a_row(0)
        for place in PLACES:
            self.begins(0, push, place)
            self.ends(0)
        for n in range(1, 3):
            self.begins(n, pull, PLACES[0])
            self.ends(n)

    def teardown(self):
        for n in range(3):
            self.ends(n)
        self.data_of_the_newest_is_there()
        self.folder.cleanup()

    @rule(n=RUNNERS, place=ANY_PLACE)
    def a_night_goes_well(self, n, place):
        self.ends(n)
        self.begins(n, pull, place, force=True)
        self.ends(n)
        self.loads_a_row(n)
        self.begins(n, push, place)
        self.ends(n)

    @rule(
        n=RUNNERS,
        place=ANY_PLACE,
        calls=st.integers(0, 4),
        how=st.sampled_from([WELL, WELL, *HOWS]),
    )
    def a_night_gets_as_far_as(self, n, place, calls, how):
        self.ends(n)
        self.begins(n, pull, place, force=True)
        self.ends(n)
        self.loads_a_row(n)
        self.begins(n, push, place)
        self.goes_on(n, calls)
        self.goes_on(n, 1, how)

    @rule(n=RUNNERS, place=ANY_PLACE)
    def somebody_pulls(self, n, place):
        self.ends(n)
        self.begins(n, pull, place)
        self.ends(n)

    @rule(n=RUNNERS, place=ANY_PLACE, force=SELDOM, calls=st.integers(0, 4))
    def a_push_begins(self, n, place, force, calls):
        self.ends(n)
        self.loads_a_row(n)
        self.begins(n, push, place, force=force)
        self.goes_on(n, calls)

    @rule(
        n=RUNNERS,
        place=ANY_PLACE,
        force=SELDOM,
        calls=st.integers(0, 3),
        how=st.sampled_from([WELL, WELL, *HOWS]),
    )
    def a_pull_gets_as_far_as(self, n, place, force, calls, how):
        self.ends(n)
        self.begins(n, pull, place, force=force)
        self.goes_on(n, calls)
        self.goes_on(n, 1, how)

    @rule(n=RUNNERS, how=st.sampled_from(HOWS))
    def a_call_ends_badly(self, n, how):
        self.goes_on(n, 1, how)

    @rule(n=RUNNERS)
    def what_a_runner_is_at_ends(self, n):
        self.ends(n)

    @rule()
    def what_was_under_way_arrives(self):
        for act in self.storage.late:
            with suppress(FileExistsError, KeyError):
                act()
        self.storage.late.clear()

    def loads_a_row(self, n):
        if not self.runners[n].is_at_work:
            self.row += 1
            self.runners[n].write(self.row)

    def begins(self, n, command, place, *, force=False):
        runner = self.runners[n]
        self.doing[n] = (command, place, force)
        self.before[n] = runner.rows()
        flags = {"keep": self.keep} if command is push else {}
        self.heard(n, runner.start(command, place, force=force, **flags))

    def goes_on(self, n, calls, how=WELL):
        for _ in range(calls):
            if self.runners[n].is_at_work:
                self.heard(n, self.runners[n].step(how))

    def ends(self, n):
        while self.runners[n].is_at_work:
            self.goes_on(n, 1)

    def heard(self, n, news):
        if news is None:
            return
        assert isinstance(news, (Killed, Guarded, Unavailable)) or not isinstance(
            news, BaseException
        ), repr(news)
        command, place, force = self.doing.pop(n)
        if command is pull:
            self.pulled(n, place, force=force)
        elif not isinstance(news, BaseException) and news.changed:
            self.pushed(n, place, news.generation, force=force)

    def pulled(self, n, place, *, force):
        now, before = self.runners[n].rows(), self.before[n]
        if now == before:
            return
        here = [r for name, r in self.storage.ever.items() if in_place(name, place)]
        assert now in here
        assert force or not before or before in here

    def pushed(self, n, place, made, *, force):
        name = name_of(place, made.number)
        assert name not in self.told
        self.told[name] = made.data
        assert self.storage.ever[name] == self.runners[n].rows()
        if made.number > 1 and not force:
            one_before = self.storage.ever[name_of(place, made.number - 1)]
            assert one_before <= self.storage.ever[name]

    @invariant()
    def who_was_told_done_has_made_that_generation(self):
        for name, data in self.told.items():
            assert named_by(self.storage.objects[name]) == data

    @invariant()
    def generations_are_in_one_line(self):
        for place in PLACES:
            here = sorted(n for n in self.storage.ever if in_place(n, place))
            assert here == [name_of(place, i + 1) for i in range(len(here))]

    @invariant()
    def data_of_the_newest_is_there(self):
        for place in PLACES:
            here = sorted(n for n in self.storage.ever if in_place(n, place))
            for name in here[-self.keep :] if here else ():
                data = named_by(self.storage.objects[name])
                content = self.storage.objects[f"{name.rpartition('/')[0]}/{data}"]
                assert rows_in(content) == self.storage.ever[name]


def in_place(name, place):
    return name.startswith(f"{place.removeprefix('s3://')}/")


@pytest.fixture
def storage():
    return Storage()


@pytest.fixture
def ann(tmp_path, storage):
    return Runner(tmp_path / "ann", storage)


@pytest.fixture
def bob(tmp_path, storage):
    return Runner(tmp_path / "bob", storage)


def does(runner, command, place, *, third_call=WELL, **flags):
    """Do all of a command; the third call of a first push creates the generation."""
    news = runner.start(command, place, **flags)
    calls = 0
    while runner.is_at_work:
        calls += 1
        news = runner.step(third_call if calls == 3 else WELL)
    return news


def test_a_push_whose_answer_was_lost_looks_and_finds_its_generation(ann, storage):
    ann.write(1)

    done = does(ann, push, PLACES[0], third_call=UNANSWERED)

    assert done.generation.number == 1
    assert f"acme/a/{done.generation.data}" in storage.objects


@pytest.mark.parametrize("how", [LATE, DIES_AFTER])
def test_a_generation_of_which_nobody_was_told_is_gone_on_from(ann, bob, storage, how):
    ann.write(1)
    not_told = does(ann, push, PLACES[0], third_call=how)
    assert isinstance(not_told, Unavailable if how == LATE else Killed)
    for act in storage.late:
        act()

    does(bob, pull, PLACES[0])
    ann.write(2)
    done = does(ann, push, PLACES[0])

    assert bob.rows() == {"1"}
    assert done.generation.number == 2


def test_what_was_pulled_from_one_place_does_not_go_on_top_of_another(
    ann, bob, storage
):
    ann.write(1)
    does(ann, push, PLACES[0])
    does(bob, pull, PLACES[0])
    bob.write(2)
    does(bob, push, PLACES[1])
    does(bob, pull, PLACES[0], force=True)
    bob.write(3)

    refused = does(bob, push, PLACES[1])

    assert isinstance(refused, Guarded)
    assert storage.ever[name_of(PLACES[1], 1)] == {"1", "2"}
    assert name_of(PLACES[1], 2) not in storage.ever


@pytest.mark.slow
def test_whatever_runners_do_nothing_is_undone():
    run_state_machine_as_test(
        Exchanges, settings=settings(max_examples=15, stateful_step_count=25)
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whatever_runners_do_nothing_is_undone_in_many_orders():
    run_state_machine_as_test(
        Exchanges, settings=settings(max_examples=60, stateful_step_count=50)
    )

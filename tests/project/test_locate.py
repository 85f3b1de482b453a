from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import tomli
from hypothesis import given
from hypothesis import strategies as st

from elt.project.locate import KeyPath, dotted, locate, nearest_line


def test_tables_keys_and_dotted_keys_have_their_lines():
    lines = locate(
        "# a comment with [brackets] and = signs\n"
        "[project] # and another\n"
        'name = "acme"\n'
        "\n"
        "[taps . 'my tap' . config]\n"
        'auth . "api key" = 1\n'
        "auth.user = 2\n"
    )

    assert lines[("project",)] == 2
    assert lines[("project", "name")] == 3
    assert lines[("taps",)] == 5
    assert lines[("taps", "my tap", "config")] == 5
    assert lines[("taps", "my tap", "config", "auth")] == 6
    assert lines[("taps", "my tap", "config", "auth", "api key")] == 6
    assert lines[("taps", "my tap", "config", "auth", "user")] == 7


def test_a_header_of_its_own_counts_more_than_a_mention():
    lines = locate("[taps.a.config]\nx = 1\n[taps.a]\nplugin = 'a'\n")

    assert lines[("taps", "a")] == 3
    assert lines[("taps", "a", "config")] == 1


def test_repeated_tables_are_counted():
    lines = locate(
        "[[a]]\nx = 1\n[a.b]\ny = 2\n[[a]]\nx = 3\n[[a.c]]\n[[a.c]]\nz = 4\n"
    )

    assert lines[("a",)] == 1
    assert lines[("a", 0, "b", "y")] == 4
    assert lines[("a", 1)] == 5
    assert lines[("a", 1, "x")] == 6
    assert lines[("a", 1, "c", 1, "z")] == 9


def test_inline_tables_and_arrays_over_several_lines():
    lines = locate(
        "rows = [ # ] }\n"
        "  { a = 1, b.c = 2 },\n"
        "  # , {\n"
        '  { a = "],}", d = [1,\n'
        "      2] },\n"
        "]\n"
        "after = 1979-05-27 07:32:00 # comment\n"
        "end = 1\n"
    )

    assert lines[("rows", 0, "b", "c")] == 2
    assert lines[("rows", 1, "a")] == 4
    assert lines[("rows", 1, "d", 1)] == 5
    assert lines[("after",)] == 7
    assert lines[("end",)] == 8


def test_texts_of_several_lines_hide_what_looks_like_keys():
    lines = locate(
        'sql = """\n[not.a.table]\nkey = 1 \\"""\n"" five quotes end it"""""\n'
        "raw = '''\nkey = 2\n''''\n"
        "key = 3\r\n"
        '"es\\"caped" = 4\n'
    )

    assert lines[("raw",)] == 5
    assert lines[("key",)] == 8
    assert lines[('es"caped',)] == 9
    assert ("not",) not in lines


def test_the_innermost_known_table_lends_its_line():
    lines = locate("[a]\nb = 1\n")

    assert nearest_line(lines, ("a", "b", "c", 0)) == 2
    assert nearest_line(lines, ("a", "x")) == 1
    assert nearest_line(lines, ("x",)) is None


def test_a_path_is_written_as_toml_would():
    assert dotted(("taps", "my tap", 'a"b', 3, "c")) == 'taps."my tap"."a\\"b".c'


# Every leaf is a number of its own, so its line can be found by looking for it.
LEAVES = st.just("leaf")
KEYS = st.sampled_from(["a", "b-1", "", "x y", "ä.b", 'q"', "#", "[c]"])
TREES = st.recursive(
    LEAVES,
    lambda below: (
        st.lists(below, min_size=1, max_size=3)
        | st.dictionaries(KEYS, below, min_size=1, max_size=3)
    ),
    max_leaves=12,
)


class Writer:
    """Writes a tree as TOML in one of the many ways that are right."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.numbers = count(100_001)

    def any_of(self, *options: str) -> str:
        return self.draw(st.sampled_from(options))

    def document(self, tree: dict[str, Any]) -> str:
        return "".join(self.table(tree, ()))

    def table(self, tree: dict[str, Any], path: tuple[str, ...]) -> Iterator[str]:
        later = {}
        for key, value in tree.items():
            if self.are_tables(value) and self.draw(st.booleans()):
                later[key] = value
            else:
                yield from self.pairs((key,), value)
        for key, value in later.items():
            below = (*path, key)
            for each in value if isinstance(value, list) else [value]:
                brackets = "[[%s]]" if isinstance(value, list) else "[%s]"
                yield self.noise() + brackets % self.key(below) + self.end()
                yield from self.table(each, below)

    def are_tables(self, value: Any) -> bool:
        entries = value if isinstance(value, list) else [value]
        return all(isinstance(entry, dict) for entry in entries)

    def pairs(self, path: tuple[str, ...], value: Any) -> Iterator[str]:
        if isinstance(value, dict) and self.draw(st.booleans()):
            for key, below in value.items():
                yield from self.pairs((*path, key), below)
        else:
            yield f"{self.noise()}{self.key(path)} = {self.value(value)}{self.end()}"

    def value(self, value: Any) -> str:
        if isinstance(value, dict):
            pairs = (f"{self.key((k,))}={self.value(v)}" for k, v in value.items())
            return "{ " + ", ".join(pairs) + " }"
        if isinstance(value, list):
            gap = self.any_of("", "\n", " # ], }\n", "\n\n")
            return "[" + f",{gap}".join(map(self.value, value)) + gap + "]"
        return str(next(self.numbers))

    def key(self, path: tuple[str, ...]) -> str:
        dot = self.any_of(".", " . ")
        return dot.join(self.part(part) for part in path)

    def part(self, part: str) -> str:
        forms = [json.dumps(part), json.dumps(part, ensure_ascii=False), f"'{part}'"]
        if re.fullmatch(r"[A-Za-z0-9_-]+", part):
            forms.append(part)
        return self.any_of(*forms)

    def noise(self) -> str:
        return self.any_of("", "\n", "# a = [ {\n", "\t")

    def end(self) -> str:
        return self.any_of("\n", "\r\n", ' # "\n', "\n\n")


def leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, int]]:
    if isinstance(value, int):
        yield path, value
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, (*path, key))
    else:
        for index, below in enumerate(value):
            yield from leaves(below, (*path, index))


@given(tree=st.dictionaries(KEYS, TREES, max_size=4), data=st.data())
def test_for_all_documents_each_value_is_found_on_its_line(tree, data):
    text = Writer(data.draw).document(tree)

    lines = locate(text)

    for path, number in leaves(tomli.loads(text)):
        assert lines[path] == text[: text.index(str(number))].count("\n") + 1

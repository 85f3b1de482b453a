from __future__ import annotations

import pytest

from elt.errors import ConfigError
from elt.runner.words import Word, parts, read_word, split


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("orders", Word("orders", None, "orders")),
        ("tag:daily", Word("tag:daily", "tag", "daily")),
        ("+orders", Word("+orders", None, "orders", up=-1)),
        ("orders+", Word("orders+", None, "orders", down=-1)),
        ("2+orders+1", Word("2+orders+1", None, "orders", up=2, down=1)),
        ("@orders", Word("@orders", None, "orders", around=True)),
        ("0+orders", Word("0+orders", None, "orders")),
        ("@tag:daily", Word("@tag:daily", "tag", "daily", around=True)),
        (
            "owner:ann@acme.example",
            Word("owner:ann@acme.example", "owner", "ann@acme.example"),
        ),
        ("stream:crm.a:b", Word("stream:crm.a:b", "stream", "crm.a:b")),
        ("path:a/*.sql+", Word("path:a/*.sql+", "path", "a/*.sql", down=-1)),
    ],
)
def test_a_word_is_a_pattern_with_operators(text: str, word: Word):
    assert read_word(text) == word


@pytest.mark.parametrize("text", ["", "+", "@", "a+b", "+@a", "@@a", "++a", "tag:"])
def test_what_is_no_word_is_refused(text: str):
    with pytest.raises(ConfigError, match="is not a selection"):
        read_word(text)


def test_around_and_below_together_say_one_thing_twice():
    with pytest.raises(ConfigError, match="an `@` before it and a `\\+` behind it"):
        read_word("@orders+")


@pytest.mark.parametrize("text", ["tap:crm+,", ",sync:top", ",", "a,,b"])
def test_a_comma_that_joins_nothing_is_told(text: str):
    with pytest.raises(ConfigError, match="a comma with nothing on one side") as raised:
        parts(text)

    assert str(raised.value.hint) == (
        "It joins two words without a space: `tap:crm+,tag:sales`"
    )


def test_spaces_part_words_and_commas_their_parts():
    assert split(["a b,c", "d"]) == ["a", "b,c", "d"]
    assert split("a b") == ["a", "b"]
    assert [part.text for part in parts("b,+c")] == ["b", "+c"]

from __future__ import annotations

import pytest

from elt.errors import ConfigError, ConfigErrors
from elt.taps.described.tap import DescribedTap

PAGE = {"type": "page", "param": "page"}
CURSOR = {"field": "at", "param": "since"}


def config(stream=None, **more):
    orders = {"path": "/orders", **(stream or {})}
    return {
        "base_url": "https://api.example.com/v1",
        "streams": {"orders": orders},
        **more,
    }


def flaws(given):
    with pytest.raises(ConfigError) as caught:
        DescribedTap.check(given)
    error = caught.value
    return list(error.errors) if isinstance(error, ConfigErrors) else [error]


# What stands in the stream, what is said of it, and the hint.
WRONG = [
    ({"recrods": "x"}, "`recrods` is no setting", "Did you mean `records`?"),
    ({"cursor": {"feild": "at"}}, "`cursor.feild` is no setting", "`field`"),
    ({"paging": {"type": "pages"}}, '`paging.type` cannot be "pages"', '"page"'),
    ({"paging": {"type": "page"}}, "`paging.param` is missing", "parameter"),
    ({"paging": {**PAGE, "path": "x"}}, "`paging.path` is not for", "`param`"),
    ({"paging": {**PAGE, "size": 0}}, "`paging.size` must be 1 or more, not 0", None),
    ({"paging": {**PAGE, "size_param": "n"}}, "`paging.size` is missing", None),
    ({"paging": {**PAGE, "short_page_ends": True}}, "`paging.size` is missing", None),
    ({"paging": {**PAGE, "into": "body"}}, '`paging.into` is "body", and a GET', None),
    ({"paging": {"type": "last_id", "param": "a"}}, "`paging.field` is missing", None),
    ({"paging": "page"}, '`paging` must be a table, not "page"', None),
    ({"method": "PUT"}, '`method` cannot be "PUT"', "GET"),
    ({"sorted": "yes"}, '`sorted` must be true or false, not "yes"', None),
    ({"sorted": True}, "`sorted` needs a `cursor`", None),
    ({"key": [1]}, "`key` must be a text", None),
    ({"body": {"a": 1}}, "`body` is not for a GET", 'method = "POST"'),
    ({"params": {"a": [{}]}}, "`params.a` must be a text", None),
    ({"params": {"a": "{since}"}}, "`params` has `{since}`", None),
    ({"params": {"a": "{sinse}"}, "cursor": "at"}, "`{sinse}`", "`since`"),
    ({"params": {"a": "{b c"}}, "`params` cannot be read: `{`", "{{"),
    ({"path": "/o/{id}"}, "`path` has `{id}`, and the stream has no `parent`", None),
    ({"parent": "ordrs"}, "`parent` is `ordrs`, and there is no", None),
    ({"parent_fields": {"a": "b"}}, "`parent_fields` needs a `parent`", None),
    ({"columns": {"a": "money"}}, "`columns.a` cannot be: `money`", "decimal(18,2)"),
    ({"columns": {"a": "decimal(50,2)"}}, "`columns.a` cannot be:", "38 digits"),
    ({"columns": {"a": "decimal(2,5)"}}, "more than a decimal can hold", "decimal"),
    ({"key": "id", "drop": "id"}, "`drop` has `id`, which is in the `key`", None),
    ({"cursor": "at", "drop": "at"}, "`drop` has `at`, which is the `cursor`", None),
    ({"cursor": {**CURSOR, "format": "epoch"}}, "`cursor.format` cannot be", "%Y"),
    (
        {"cursor": {**CURSOR, "time_zone": "Europe/Rome"}},
        "`cursor.time_zone` needs a `format` without %z, %Z and %s",
        "Kinds",
    ),
    (
        {"cursor": {**CURSOR, "format": "%Y-%m-%d", "time_zone": "Rome"}},
        '`cursor.time_zone` cannot be "Rome"',
        "America/New_York",
    ),
    (
        {"cursor": {**CURSOR, "kind": "plain", "format": "iso"}},
        '`cursor.format` is not for `kind = "plain"`',
        None,
    ),
    (
        {"cursor": CURSOR, "window": {"until": "to", "days": 7}},
        "`window.days` needs a start",
        "start_date",
    ),
    ({"window": {"days": 7, "until": "to"}}, "need", None),
    ({"path": ""}, "`path` is missing", None),
]


@pytest.mark.parametrize(("stream", "what", "hint"), WRONG)
def test_a_wrong_setting_of_a_stream_is_named(stream, what, hint):
    told = flaws(config(stream))

    found = [error for error in told if what in error.what]
    assert found, [error.what for error in told]
    assert "stream `orders`" in found[0].what
    assert hint is None or hint in (found[0].hint or "")


@pytest.mark.parametrize(
    ("given", "what", "hint"),
    [
        ({"base_ur": "x"}, "`base_ur` is no setting", "`base_url`"),
        ({"base_url": "api.example.com"}, "`base_url` is not an address", "https://"),
        ({"base_url": ""}, "`base_url` is missing", None),
        ({"start_date": "soon"}, "`start_date` is not a date", None),
        ({"streams": {}}, "`streams` is missing", None),
        ({"params": {"a": ["b"]}}, "`params.a` must be a text", None),
        ({"auth": {"type": "bearer"}}, "`auth.token` is missing", "token"),
        ({"auth": {"type": "berer", "token": "x"}}, "`auth.type` cannot be", "bearer"),
        ({"auth": {"type": "none", "token": "x"}}, "`auth.token` is not for", None),
        ({"auth": {"type": "bearer", "token": 123456}}, "must be a text", None),
        ({"requests_per_second": 0}, "`requests_per_second` must be more than 0", None),
        (
            {"auth": {"type": "oauth2", "token_url": "x", "client_id": "y"}},
            "`auth.client_secret` is missing",
            "refresh_token",
        ),
    ],
)
def test_a_wrong_setting_of_the_tap_is_named(given, what, hint):
    told = flaws({**config(), **given})

    found = [error for error in told if what in error.what]
    assert found, [error.what for error in told]
    assert hint is None or hint in (found[0].hint or "")
    assert "123456" not in str(found[0])


def test_all_that_is_wrong_is_told_at_once():
    given = config({"recrods": "x", "sorted": 1}, bas_url="y", concurrency=0)

    told = [error.what for error in flaws(given)]

    assert told == [
        "stream `orders`: `recrods` is no setting",
        "stream `orders`: `sorted` must be true or false, not 1",
        "`bas_url` is no setting",
        "`concurrency` must be 1 or more, not 0",
    ]


def test_a_parent_that_leads_back_is_told_for_each_stream_of_the_circle():
    streams = {
        "a": {"path": "/a/{id}", "parent": "b"},
        "b": {"path": "/b/{id}", "parent": "a"},
    }

    told = flaws(config(streams=streams))

    assert [error.what for error in told] == [
        "stream `a`: `parent` leads back to the stream itself",
        "stream `b`: `parent` leads back to the stream itself",
    ]


def test_a_child_that_asks_the_same_of_all_parents_is_told():
    streams = {"a": {"path": "/a"}, "b": {"path": "/b", "parent": "a"}}

    (told,) = flaws(config(streams=streams))

    assert told.what == "stream `b`: `path` has no field of the `parent` in braces"


def test_a_child_with_its_parents_cursor_has_its_kind_and_no_parameter():
    cursor = {"field": "at", "kind": "unix_seconds"}
    child = {
        "path": "/a/{id}/b",
        "parent": "a",
        "parent_fields": {"a_at": "at"},
        "cursor": {"field": "a_at", "param": "since"},
    }

    told = flaws(config(streams={"a": {"path": "/a", "cursor": cursor}, "b": child}))

    first, second = (error.what for error in told)
    assert first == (
        "stream `b`: `cursor.field` is the parent's, so that the stream has no"
        " `{since}` of its own"
    )
    assert second == 'stream `b`: `cursor.kind` must be the parent\'s, "unix_seconds"'


def test_braces_that_are_doubled_are_braces():
    DescribedTap.check(config({"params": {"q": "{{id}}"}}))

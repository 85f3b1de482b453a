from __future__ import annotations

import pytest


def test_a_window_names_two_settings_of_the_tap(folder):
    error = folder.error("""
        [taps.crm]
        plugin = "crm"
        window = { start = "since", end = "since" }
    """)

    assert error.what == "`since` cannot be both the start and the end of a window"
    assert error.where == "elt.toml:4  [taps.crm.window]"


def test_a_window_needs_a_start_and_knows_nothing_else(folder):
    missing, unknown = folder.errors("""
        [taps.crm]
        plugin = "crm"
        [taps.crm.window]
        end = "end_date"
        fromat = "%Y"
    """)

    assert missing.what == "`[taps.crm.window]` needs a `start`"
    assert missing.hint == (
        'Add `start = "..."`: the setting for the moment from which it reads'
    )
    assert unknown.what == "unknown key `fromat` in `[taps.crm.window]`"
    assert unknown.hint == "Did you mean `format`?"


@pytest.mark.parametrize(
    ("format_", "what"),
    [
        ("YYYY-MM-DD", "`YYYY-MM-DD` writes each day alike"),
        ("%H:%M", "`%H:%M` writes each day alike"),
        ("%s", "`%s` means another moment on each machine, if anything"),
    ],
)
def test_a_format_tells_days_apart(folder, format_, what):
    error = folder.error(f"""
        [taps.crm]
        plugin = "crm"
        window = {{ start = "a", end = "b", format = "{format_}" }}
    """)

    assert error.what == what


def test_a_tap_with_a_foreign_target_has_no_window(folder):
    error = folder.error("""
        [taps.crm]
        plugin = "crm"
        target = "lake"
        window = { start = "a", end = "b" }
        [targets.lake]
        package = "target-jsonl"
    """)

    assert "is loaded by target `lake`" in error.what
    assert error.hint == "Take `window` out, or `target`"


@pytest.mark.parametrize(
    ("stream", "what", "hint"),
    [
        ('lookback = "3 days"', "`3 days` is no duration", "Write a number and a unit"),
        ('lookback = "0d"', "has a `lookback` of nothing", "as in `3d`"),
        ("lookback = 0", "must be a text or a whole number of at least 1", ""),
        (
            'lookback = "3d", mode = "append"',
            "is written by `append`, and rows that are read again by `lookback` could",
            'or use `mode = "upsert"`',
        ),
        (
            'lookback = "3d", replication_method = "FULL_TABLE"',
            "is read in full each time, and has nothing to look back to",
            "Take `lookback` out",
        ),
    ],
)
def test_a_lookback_is_a_distance_for_a_stream_that_is_upserted(
    folder, stream, what, hint
):
    error = folder.error(f"""
        [taps.crm]
        plugin = "crm"
        streams.deals = {{ {stream} }}
    """)

    assert what in error.what
    assert hint in (error.hint or "")


def test_a_foreign_target_knows_no_lookback(folder):
    error = folder.error("""
        [taps.crm]
        plugin = "crm"
        target = "lake"
        streams.deals = { lookback = 100 }
        [targets.lake]
        package = "target-jsonl"
    """)

    assert "is written by target `lake`" in error.what

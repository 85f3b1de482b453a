from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from elt.errors import ConfigError
from elt.taps.events.settings import CONFIG_SCHEMA, check, event_files, settings_of

PAGE = Path(__file__).parents[3] / "docs/reference/events-tap.md"
GOOD = {"path": "in/", "format": "segment"}
NOW = datetime(2026, 3, 10, tzinfo=UTC)


def test_every_setting_is_on_the_reference_page():
    page = PAGE.read_text(encoding="utf-8")

    ours = CONFIG_SCHEMA["properties"].keys() - {"batch_config"}
    assert [key for key in ours if f"`{key}`" not in page] == []


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"pth": "x"}, "unknown setting `pth`", "Did you mean `path`?"),
        ({"path": ""}, "`path` is missing", "For example"),
        ({"format": None}, "`format` is missing", "For example"),
        ({"format": "segmnt"}, "`format` cannot be `segmnt`", 'mean "segment"'),
        ({"contexts": "tables"}, '`contexts` is not for `format = "segment"`', "tsv"),
        (
            {"format": "snowplow_tsv", "split": True},
            '`split` is not for `format = "snowplow_tsv"`',
            "segment",
        ),
        ({"start_date": "soon"}, "`start_date` is no date", "2026-01-31"),
        ({"unknown_schemas": "drop"}, "`unknown_schemas` cannot be", "accept"),
    ],
)
def test_a_mistake_is_told_with_the_way_out(changes, message, hint):
    with pytest.raises(ConfigError) as raised:
        check({**GOOD, **changes})

    assert message in raised.value.what
    assert hint in raised.value.hint


@pytest.mark.parametrize(
    ("changes", "since"),
    [
        ({}, None),
        ({"start_date": "2026-03-01"}, "2026-03-01T00:00:00+00:00"),
        ({"start_date": "2026-03-01T02:00:00+02:00"}, "2026-03-01T02:00:00+02:00"),
        ({"lookback_days": 2}, "2026-03-08T00:00:00+00:00"),
        (
            {"start_date": "2026-03-09", "lookback_days": 2},
            "2026-03-09T00:00:00+00:00",
        ),
    ],
)
def test_events_may_be_left_out_by_the_collectors_time(changes, since):
    settings = settings_of({**GOOD, **changes}, Path("/p"), now=NOW)

    assert settings.since == (datetime.fromisoformat(since) if since else None)


def test_a_folder_gives_all_files_but_hidden_ones(tmp_path):
    names = ("a", "b.gz", "2026/c.tsv", "2026/_SUCCESS", ".hidden", "_tmp/d")
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()

    found = event_files(settings_of(GOOD, tmp_path), tmp_path)

    assert [(one.name, one.compression) for one in found] == [
        ("in/2026/c.tsv", "none"),
        ("in/a", "none"),
        ("in/b.gz", "gzip"),
    ]


def test_no_file_at_all_is_a_mistake_unless_allowed(tmp_path):
    with pytest.raises(ConfigError, match="no file matches"):
        event_files(settings_of(GOOD, tmp_path), tmp_path)

    allowed = settings_of({**GOOD, "missing_ok": True}, tmp_path)
    assert event_files(allowed, tmp_path) == []

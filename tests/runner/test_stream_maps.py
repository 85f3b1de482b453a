"""Stream maps and metadata columns of a whole project, run as a user does."""

from __future__ import annotations

import hashlib

import pytest

from tests.runner.shop import ELT_TOML, make_shop

SETTINGS = """
hash_salt = "${env:SALT}"
add_record_metadata = true
[taps.shop.streams.keyed]
rename = { at = "changed" }
hash = ["t"]
filter = "changed > 1"
"""


def digest(text):
    return hashlib.sha256(f"pepper{text}".encode()).hexdigest()


@pytest.fixture
def shop(tmp_path):
    made = make_shop(tmp_path)
    (tmp_path / ".env").write_text("SALT=pepper\n")
    (tmp_path / "elt.toml").write_text(ELT_TOML + SETTINGS)
    return made


def test_a_run_maps_streams_and_retries_what_it_set_aside(shop):
    shop.rows(keyed=[(1, 1, "a"), (2, 2, "b"), ("x", 3, "c")], log=[], whole=[])

    done = shop.elt("run", "tap:shop")

    assert "1 row left out by the `filter`" in done.out + done.err
    assert shop.sql("SELECT id, changed, t FROM raw_shop.keyed") == [
        (2, 2, digest("b"))
    ]
    ((record,),) = shop.sql("SELECT record FROM _elt.rejects")
    assert f'"t":"sha256:{digest("c")}"' in record
    assert '"c"' not in record


def test_a_run_adds_the_columns_of_the_singer_world_on_request(shop):
    shop.rows(keyed=[(2, 2, "b")], log=[(1, 1, "a")], whole=[])

    shop.elt("run", "tap:shop")

    assert shop.sql(
        "SELECT _sdc_received_at = _sdc_batched_at, _sdc_sequence > 0,"
        " _sdc_sync_started_at <= _sdc_sequence, _sdc_deleted_at FROM raw_shop.log"
    ) == [(True, True, True, None)]


def test_a_filter_that_cannot_be_used_keeps_the_bookmark_where_it_is(shop, tmp_path):
    wrong = SETTINGS.replace("changed > 1", "nothing > 1")
    (tmp_path / "elt.toml").write_text(ELT_TOML + wrong)
    shop.rows(keyed=[(2, 2, "b")], log=[(1, 1, "a")], whole=[])

    done = shop.elt("run", "tap:shop", code=1)

    said = " ".join((done.out + done.err).split())
    assert "[taps.shop.streams.keyed]" in said
    assert "`changed`" in said
    assert shop.state() is None


def test_a_name_that_the_catalog_does_not_know_is_warned_of(shop, tmp_path):
    more = SETTINGS + 'drop = ["snn"]\n'
    (tmp_path / "elt.toml").write_text(ELT_TOML + more)
    shop.rows(keyed=[(2, 2, "b")], log=[], whole=[])

    done = shop.elt("run", "tap:shop")

    assert "drop or hash `snn`, which its catalog does not know" in done.err

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from elt.errors import ConfigError, ConfigErrors
from elt.project.edit import editing, set_value
from elt.project.locate import comments
from elt.project.toml_text import key_text, table_text, value_text

SHOP = """\
# The shop.
[project]
name = "shop" # its name

# A tap of our own.
[taps.days]
plugin = "days"
config = { first_day = "2025-01-01" }  # the beginning

# Files, perhaps:
# [taps.exports]
# plugin = "files"

# An ordinary dbt project.
[transform]
project_dir = "transform"

# The end.
"""


@pytest.fixture
def shop(tmp_path) -> Path:
    (tmp_path / "elt.toml").write_text(SHOP)
    return tmp_path


def text_of(root: Path) -> str:
    return (root / "elt.toml").read_text()


def tables_of(root: Path) -> dict:
    return tomli.loads(text_of(root))


def add_table(root, path, table, **comments):
    with editing(root) as file:
        file.add_table(path, table, **comments)


def remove(root, path):
    with editing(root) as file:
        file.remove(path)


def test_a_value_is_replaced_where_it_stands_and_keeps_its_comment(shop):
    set_value(shop, ("project", "name"), "store")

    assert text_of(shop) == SHOP.replace('"shop" #', '"store" #')


def test_a_new_key_goes_below_the_keys_of_its_table(shop):
    set_value(shop, ("taps", "days", "schema"), "raw")

    line = 'config = { first_day = "2025-01-01" }  # the beginning\n'
    assert text_of(shop) == SHOP.replace(line, line + 'schema = "raw"\n')


def test_a_new_table_goes_below_its_neighbours_and_above_the_next_ones_comment(shop):
    table = {"package": "tap-github", "config": {"token": "${env:TOKEN}"}}

    add_table(shop, ("taps", "github"), table, above={(): "Issues and stars"})

    added = (
        "# Issues and stars\n"
        "[taps.github]\n"
        'package = "tap-github"\n'
        "\n"
        "[taps.github.config]\n"
        'token = "${env:TOKEN}"\n\n'
    )
    after = "# An ordinary dbt project.\n"
    assert text_of(shop) == SHOP.replace(after, added + after)


def test_the_first_table_of_a_kind_goes_where_the_reference_tells_of_it(shop):
    add_table(shop, ("targets", "lake"), {"executable": "target-jsonl"})
    add_table(shop, ("destinations", "out"), {"plugin": "file"})

    places = [text_of(shop).index(f"[{t}") for t in ("taps", "targets", "transform")]
    assert places == sorted(places)
    assert text_of(shop).endswith('# The end.\n\n[destinations.out]\nplugin = "file"\n')


def test_a_table_that_a_key_needs_is_made(shop):
    set_value(shop, ("taps", "days", "streams", "days", "key"), ["id"])

    assert tables_of(shop)["taps"]["days"]["streams"] == {"days": {"key": ["id"]}}
    assert "[taps.days.streams.days]\nkey = " in text_of(shop)


def test_a_key_in_a_table_on_one_line_stays_on_it(shop):
    set_value(shop, ("taps", "days", "config", "last_day"), "2026-01-01")

    (line,) = [each for each in text_of(shop).split("\n") if "last_day" in each]
    assert line.startswith('config = { first_day = "2025-01-01", last_day')
    assert line.endswith("# the beginning")


def test_a_header_is_made_for_a_table_that_only_has_tables(shop):
    laid_over = '\n[environments.prod.taps.days.config]\nfirst_day = "2020-01-01"\n'
    (shop / "elt.toml").write_text(SHOP + laid_over)

    set_value(shop, ("environments", "prod", "taps", "days", "select"), ["days"])

    added = '\n[environments.prod.taps.days]\nselect = ["days"]\n'
    assert text_of(shop) == SHOP + laid_over + added


def test_entries_of_a_list_keep_their_own_comments(shop):
    (shop / "elt.toml").write_text(
        SHOP.replace(
            'plugin = "days"\n',
            'plugin = "days"\n'
            "select = [\n"
            '  "days", # all of them\n'
            "  # not these:\n"
            '  "!hours", # too many\n'
            "]\n",
        )
    )

    set_value(shop, ("taps", "days", "select"), ["days", "weeks"])

    assert tables_of(shop)["taps"]["days"]["select"] == ["days", "weeks"]
    assert '  "days", # all of them\n  # not these:\n' in text_of(shop)


def test_what_the_rules_refuse_is_not_written(shop):
    with pytest.raises(ConfigErrors, match=r"has both a `plugin` and a `package`"):
        set_value(shop, ("taps", "days", "package"), "tap-days")

    assert text_of(shop) == SHOP


def test_an_error_in_what_was_meant_names_no_line_that_nobody_wrote(shop):
    with pytest.raises(ConfigErrors) as caught:
        set_value(shop, ("taps", "days", "plugni"), "x")

    assert caught.value.errors[0].where == "elt.toml  [taps.days]"


def test_a_table_that_is_there_is_not_added_again(shop):
    with pytest.raises(ConfigError, match="is there already"):
        add_table(shop, ("taps", "days"), {"plugin": "days"})


def test_a_broken_file_is_told_as_it_stands_and_left_alone(shop):
    (shop / "elt.toml").write_text("[project]\nname = 1\n")

    with pytest.raises(ConfigErrors) as caught:
        set_value(shop, ("project", "name"), "fine")

    assert caught.value.errors[0].where == "elt.toml:2  [project]"
    assert text_of(shop) == "[project]\nname = 1\n"


def test_several_edits_are_one(shop):
    def edit(send_in: str) -> None:
        table = {"plugin": "file", "send_in": [send_in]}
        with editing(shop) as file:
            file.add_table(("environments", "prod"), {})
            file.add_table(("destinations", "x"), table)

    with pytest.raises(ConfigErrors):
        edit("live")
    assert text_of(shop) == SHOP

    edit("prod")
    assert tables_of(shop)["environments"] == {"prod": {}}


def test_a_key_or_table_is_removed(shop):
    remove(shop, ("taps", "days", "config"))
    remove(shop, ("transform",))
    remove(shop, ("taps", "nobody"))

    assert tables_of(shop) == {
        "project": {"name": "shop"},
        "taps": {"days": {"plugin": "days"}},
    }


def test_line_ends_of_windows_and_a_byte_order_mark_stay(shop):
    path = shop / "elt.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SHOP.replace("\n", "\r\n").encode())

    add_table(shop, ("taps", "github"), {"executable": "tap-github"})

    written = path.read_bytes()
    assert written.startswith(b"\xef\xbb\xbf# The shop.\r\n")
    assert written.count(b"\n") == written.count(b"\r\n")


def test_permissions_stay_and_a_link_stays_a_link(shop, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("shared") / "elt.toml"
    (shop / "elt.toml").rename(elsewhere)
    elsewhere.chmod(0o640)
    (shop / "elt.toml").symlink_to(elsewhere)

    set_value(shop, ("project", "name"), "store")

    assert (shop / "elt.toml").is_symlink()
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o640
    assert 'name = "store"' in elsewhere.read_text()
    assert list(elsewhere.parent.iterdir()) == [elsewhere]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_told(shop):
    shop.chmod(0o500)
    try:
        with pytest.raises(ConfigError, match=r"`elt.toml` cannot be written"):
            set_value(shop, ("project", "name"), "store")
    finally:
        shop.chmod(0o700)
    assert text_of(shop) == SHOP


words = st.text("abc xyz'\"\\#=[]{}é\t", max_size=12)
remarks = st.one_of(st.just(""), words.map(lambda w: f"# {w}".replace("\t", " ")))
values = st.recursive(
    st.one_of(
        words,
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.dates(),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)
    ),
    max_leaves=5,
)
names = st.from_regex(r"[a-z][a-z0-9_-]{0,5}", fullmatch=True)


@st.composite
def files(draw) -> str:
    """Give a valid file with comments wherever TOML lets them stand."""
    lines = [draw(remarks), "[project]", f'name = "x" {draw(remarks)}', draw(remarks)]
    for name in draw(st.lists(names, unique=True, max_size=4)):
        group = draw(st.sampled_from(["taps", "targets"]))
        key = "plugin" if group == "taps" else "package"
        lines += [draw(remarks), f"  [{group}.{name}] {draw(remarks)}"]
        lines += [f'{key} = "p"{draw(remarks)}', draw(remarks)]
        lines += [f"args = [ {draw(remarks)}", f'"a", {draw(remarks)}', "]"]
        lines += draw(
            st.sampled_from([[""], ["config.x = '''", "# no comment", "'''"]])
        )
        lines += [draw(remarks)]
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n# last"]))


@settings(deadline=None)  # a file is made durable, which takes what it takes
@given(files(), st.sampled_from(["taps", "targets"]), st.data())
def test_whatever_is_edited_every_comment_and_every_other_value_stays(
    tmp_path_factory, text, group, data
):
    root = tmp_path_factory.mktemp("any")
    (root / "elt.toml").write_text(text)
    before = tomli.loads(text)
    tables = before.get(group, {})
    name = data.draw(st.one_of(names, st.sampled_from([*tables, "new"])))
    value, key = data.draw(values), data.draw(words)

    if name not in tables:
        add_table(root, (group, name), {"executable": "x", "config": {key: value}})
        before.setdefault(group, {})[name] = {"executable": "x", "config": {key: value}}
    else:
        set_value(root, (group, name, "config", key), value)
        tables[name].setdefault("config", {})[key] = value

    assert tomli.loads(text_of(root)) == before
    kept = iter(comments(text_of(root)))
    assert all(comment in kept for comment in comments(text))


@given(st.dictionaries(words, values, max_size=4))
def test_a_table_that_is_written_is_read_back(table):
    text = table_text(["a", "b c"], table, above={(): "Comment\twith\x00 control"})

    assert tomli.loads(text) == {"a": {"b c": table}}


def test_a_long_list_is_written_line_by_line():
    long = [f"stream_{number}" for number in range(20)]

    assert value_text(long).startswith('[\n  "stream_0",\n')
    assert tomli.loads(f"x = {value_text(long)}") == {"x": long}
    assert key_text("a", "b c") == 'a."b c"'

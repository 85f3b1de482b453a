from __future__ import annotations

import io

from elt.report.tables import Column, print_table


def drawn(columns, rows, width: int) -> list[str]:
    out = io.StringIO()
    print_table(columns, rows, stream=out, width=width)
    return out.getvalue().splitlines()


def test_names_are_cut_before_numbers_and_statuses_are():
    columns = (Column("name"), Column("status", status=True), Column("n", right=True))

    lines = drawn(columns, [("a_very_long_name_of_a_test", "failed", 1_234_567)], 30)

    assert lines[1].endswith("✗ failed  1,234,567")
    assert "…" in lines[1]


def test_a_column_without_a_value_is_left_out_when_it_may_be():
    columns = (Column("name"), Column("rejects", right=True, optional=True))

    assert drawn(columns, [("a", None), ("b", None)], 80)[0] == "name"


def test_a_spare_column_gives_its_place_to_the_others():
    columns = (Column("run", whole=True), Column("assets", spare=True))
    row = ("20261121T090000-a1b2", "7 done, 1 failed")

    assert drawn(columns, [row], 80)[1] == "20261121T090000-a1b2  7 done, 1 failed"
    assert drawn(columns, [row], 30)[1] == "20261121T090000-a1b2"


def test_of_spare_columns_only_those_that_do_not_fit_are_left_out():
    columns = (
        Column("run", whole=True),
        Column("window", optional=True, spare=True),
        Column("assets", spare=True),
        Column("retry of", optional=True, spare=True),
    )
    row = ("a1b2", "a long window of days", "7 done", "20261121T090000-c3d4")

    assert drawn(columns, [row], 40) == [
        "run   window                 assets",
        "a1b2  a long window of days  7 done",
    ]
    assert drawn(columns, [row], 20) == ["run   assets", "a1b2  7 done"]


def test_markup_and_escape_sequences_in_values_are_only_text():
    lines = drawn((Column("v"),), [("[red]x[/] \x1b[31my\n:smile:",)], 80)

    assert lines[1] == "[red]x[/] y :smile:"


def test_wide_letters_keep_the_columns_straight():
    lines = drawn((Column("v"), Column("w")), [("日本", "a"), ("abcd", "b")], 80)

    assert lines[1:] == ["日本  a", "abcd  b"]

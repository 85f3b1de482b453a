from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from elt.errors import EltError
from elt.report.junit import junit, write_junit
from tests.report.outcomes import asset, bad_night, result, step, unreadable


def read(told):
    return ET.fromstring(junit(told))  # noqa: S314  our own


def cases(root):
    return {case.get("name"): case for case in root.iter("testcase")}


def test_the_file_is_as_promised(golden):
    golden("junit.xml", junit(bad_night()).decode())


def test_steps_are_suites_and_their_assets_are_cases():
    root = read(bad_night())

    assert [suite.get("name") for suite in root] == [
        "tap:crm",
        "tap:billing",
        "dbt",
        "sync:health",
    ]
    counts = {key: root.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "7", "failures": "2", "errors": "0", "skipped": "2"}


@pytest.mark.parametrize(
    ("status", "element"),
    [
        ("failed", "failure"),
        ("stopped", "failure"),
        ("interrupted", "error"),
        ("skipped", "skipped"),
        ("planned", "skipped"),
        ("warned", "system-out"),
    ],
)
def test_each_status_is_told_with_its_word(status, element):
    told = asset("test:a", status, message="3 rows failed", error="Guarded")

    case = cases(read(result(step("dbt", told))))["test:a"]

    (answer,) = case
    assert answer.tag == element
    assert f"{status}: 3 rows failed" in (answer.text or "") + str(answer.attrib)


def test_what_is_done_has_nothing_to_say():
    case = cases(read(result(step("dbt", asset("model:a")))))["model:a"]

    assert list(case) == []


def test_a_hint_and_rejects_are_told_with_the_message():
    told = asset("stream:a.b", "failed", message="one\ntwo", hint="Do it", rejects=2)

    (answer,) = cases(read(result(step("tap:a", told))))["stream:a.b"]

    assert answer.text == "failed: one\ntwo\n2 rejects\nhint: Do it"


def test_what_kept_a_run_from_beginning_is_a_case():
    root = read(result(status="failed", run="", errors=[unreadable()]))

    (name,) = cases(root)
    assert name == "elt.toml:14"
    assert root.get("failures") == "1"


def test_a_step_that_never_began_is_a_case_that_was_skipped():
    root = read(result(step("dbt", status=None), status="interrupted"))

    (answer,) = cases(root)["dbt"]
    assert answer.tag == "skipped"


def test_no_letter_can_break_the_xml():
    every = "".join(map(chr, [*range(0x300), 0xD800, 0xDFFF, 0xFFFE, 0xFFFF, 0x1F600]))
    hostile = f'{every}\x1b[31m]]><!--<x y="&'
    told = asset("test:" + hostile, "failed", message=hostile, hint=hostile)

    root = read(result(step(hostile, told), errors=[unreadable()]))

    (case,) = [c for c in root.iter("testcase") if (c.get("name") or "")[:4] == "test"]
    assert '<x y="&' in (case[0].text or "")
    assert "\x1b" not in ET.tostring(root, encoding="unicode")


def test_folders_are_made_and_a_place_that_cannot_be_is_told(tmp_path):
    write_junit(bad_night(), tmp_path / "reports" / "elt.xml")

    assert (tmp_path / "reports" / "elt.xml").read_bytes().startswith(b"<?xml")
    with pytest.raises(EltError, match="cannot be written"):
        write_junit(bad_night(), tmp_path / "reports")

from __future__ import annotations

import json

import pytest

PROBLEMS = """
[project]
name = "shop"

[taps.crm]
plugin = "fiels"

[taps.billing]
executable = "tap-that-nobody-has"

[taps.days]
plugin = "days"
[taps.days.config]
token = "${env:NOT_SET_ANYWHERE}"

[transform]
project_dir = "nowhere"

[destinations.out]
plugin = "fiel"
"""


def test_a_sound_project_is_told_what_is_fine(run_elt, project):
    done = run_elt("-C", project, "check")

    assert done.code == 0
    assert "✓ tap days: plugin `days`, project" in done.out
    assert "✓ warehouse" in done.out


def test_every_problem_is_told_at_once_with_its_way_out(run_elt, project):
    (project / "elt.toml").write_text(PROBLEMS)

    done = run_elt("-C", project, "check", "--json")

    told = json.loads(done.out)
    problems = {f["subject"]: f for f in told["findings"] if f["problem"]}
    assert done.code == 2
    assert told["ok"] is False
    assert set(problems) == {
        "tap crm",
        "tap billing",
        "tap days",
        "dbt project",
        "destination out",
    }
    assert "`files`" in problems["tap crm"]["hint"]
    assert "NOT_SET_ANYWHERE" in problems["tap days"]["problem"]
    assert all(problem["hint"] for problem in problems.values())


def test_problems_of_the_file_itself_are_findings_too(run_elt, project):
    (project / "elt.toml").write_text("[project]\nnmae = 1\n")

    done = run_elt("-C", project, "check")

    assert done.code == 2
    assert "✗ elt.toml" in done.out
    assert "elt.toml:2" in done.out


@pytest.mark.parametrize(
    ("tap", "line", "problem", "hint"),
    [
        (
            'plugin = "files"\n[taps.x.config.streams.a]\npath = "a.csv"\nkee = "id"',
            6,
            "stream `a`: unknown setting `kee`",
            "Did you mean `key`?",
        ),
        (
            'plugin = "files"\n[taps.x.config.streams.a]\nformat = "csv"',
            4,
            "stream `a`: `path` is missing",
            "Each stream needs it",
        ),
        (
            'plugin = "files"\n[[taps.x.config.streams]]\nname = "a"\nformat = "xml"',
            4,
            "stream `1`: `path` is missing",
            "Each stream needs it",
        ),
        (
            'plugin = "files"\n[taps.x.config.streams.a]\npath = "a"\nformat = "xml"',
            6,
            "stream `a`: `format` cannot be `xml`",
            'It is "csv", "jsonl", "parquet"',
        ),
        (
            'plugin = "files"\n[taps.x.config.steams.a]\npath = "a.csv"',
            4,
            "unknown setting `steams`",
            "Did you mean `streams`?",
        ),
        (
            'plugin = "events"\n[taps.x.config]\npath = "a"\nfromat = "segment"',
            6,
            "unknown setting `fromat`",
            "Did you mean `format`?",
        ),
        (
            (
                'plugin = "stripe"\n[taps.x.config]\napi_key = "sk_1"\n'
                'base_url = "127.0.0.1:8701"'
            ),
            6,
            "`base_url` is not an address: 127.0.0.1:8701",
            "Write it with https://, as in https://api.example.com/v1",
        ),
        (
            (
                'plugin = "recurly"\n[taps.x.config]\napi_key = "sk_1"\n'
                'start_date = "last May"'
            ),
            6,
            "`start_date` is not a date: last May",
            'Write `start_date = "2025-01-31"` or `"2025-01-31T08:00:00Z"`',
        ),
        (
            (
                'plugin = "recurly"\n[taps.x.config]\napi_key = "sk_1"\n'
                'start_date = "2026-05-02"\nend_date = "2026-05-01"'
            ),
            7,
            "`end_date` is before the start: 2026-05-01",
            "Nothing is between them, so nothing would ever be read",
        ),
        (
            'plugin = "stripe"\n[taps.x.config]\napi_key = "sk_1"\nlookback_second = 3',
            6,
            "`lookback_second` is no setting",
            "Did you mean `lookback_seconds`?",
        ),
        (
            'plugin = "github"\n[taps.x.config]\ntoken = "ghp_1"\ntries = "many"',
            6,
            '`tries` must be a whole number, not "many"',
            "",
        ),
        (
            'plugin = "github"\n[taps.x.config]\ntoken = "ghp_1"',
            4,
            "no repository is named",
            (
                'Write `organizations = ["acme"]`, `users = ["ann"]` or `repositories ='
                ' ["acme/site", "acme/app-*"]` in the tap\'s config'
            ),
        ),
        (
            'plugin = "hubspot"\n[taps.x.config]\nclient_id = "c"',
            5,
            (
                "the tap needs an `access_token`, or `client_id`, `client_secret`,"
                " `refresh_token`"
            ),
            (
                "Make a private app in HubSpot (Settings, Integrations) and write"
                ' `access_token = "${env:HUBSPOT_TOKEN}"`'
            ),
        ),
        (
            'plugin = "stripe"\n[taps.x.config]\napi_key = "pk_live_1"',
            5,
            "`api_key` is a publishable key (pk_...), which may not read",
            (
                "Make a restricted key at dashboard.stripe.com/apikeys that may read"
                " what you want to load; it begins with rk_"
            ),
        ),
    ],
)
def test_the_config_of_a_built_in_tap_is_read(
    run_elt, project, tap, line, problem, hint
):
    (project / "elt.toml").write_text(f'project.name = "p"\n[taps.x]\n{tap}\n')

    done = run_elt("-C", project, "check", "--json")

    found = next(f for f in json.loads(done.out)["findings"] if f["problem"])
    assert found == {
        "subject": "tap x",
        "fine": "",
        "problem": problem,
        "warning": "",
        "where": f"elt.toml:{line}  [taps.x.config]",
        "hint": hint,
    }


def test_the_config_of_a_built_in_tap_may_have_a_date(run_elt, project):
    (project / "elt.toml").write_text(
        'project.name = "p"\n[taps.x]\nplugin = "events"\n[taps.x.config]\n'
        'path = "a"\nformat = "segment"\nstart_date = 2026-01-31\n'
    )

    assert run_elt("-C", project, "check").code == 0

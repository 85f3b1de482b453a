"""Lines that uv 0.13 and pip 26 wrote, and what they mean."""

from __future__ import annotations

import pytest

from elt.errors import ConfigError, EltError, Unavailable
from elt.singer.install_errors import install_error, program_hint

UNREACHABLE = "the package index or repository cannot be reached"


@pytest.mark.parametrize(
    ("said", "kind", "what"),
    [
        (
            (
                "error: Failed to fetch: http://h/simple/tap-x/\n"
                "  cause: error sending request for url (http://h/simple/tap-x/)\n"
                "  cause: tcp connect error"
            ),
            Unavailable,
            UNREACHABLE,
        ),
        (
            (
                "WARNING: Retrying (Retry(total=0)) after connection broken by"
                " 'NewConnectionError('Failed to establish a new connection')'\n"
                "ERROR: Could not find a version that satisfies the requirement tap-x"
                " (from versions: none)"
            ),
            Unavailable,
            UNREACHABLE,
        ),
        (
            (
                "fatal: unable to access 'https://h/x.git/': Failed to connect to h"
                " port 443 after 0 ms\nerror: subprocess-exited-with-error"
            ),
            Unavailable,
            UNREACHABLE,
        ),
        (
            (
                "  cause: Because tap-x was not found in the package registry and you"
                " require tap-x, we can conclude that your requirements are"
                " unsatisfiable."
            ),
            ConfigError,
            "there is no such package",
        ),
        (
            (
                "ERROR: Could not find a version that satisfies the requirement tap-x"
                " (from versions: none)"
            ),
            ConfigError,
            "there is no such package",
        ),
        (
            (
                "  cause: Because there is no version of tap-x==99 and you require"
                " tap-x==99, we can conclude that your requirements are unsatisfiable."
            ),
            ConfigError,
            "this version of the package does not exist",
        ),
        (
            (
                "ERROR: Ignored the following versions that require a different python"
                " version: 0.1 Requires-Python <3.9\n"
                "ERROR: Could not find a version that satisfies the requirement"
                " tap-x==9 (from versions: 0.2, 0.3)"
            ),
            ConfigError,
            "this version of the package does not exist",
        ),
        (
            (
                "ERROR: Ignored the following versions that require a different python"
                " version: 0.1.0 Requires-Python >=3.7.1,<3.11\n"
                "ERROR: Could not find a version that satisfies the requirement"
                " tap-x==0.1.0 (from versions: 0.2)"
            ),
            ConfigError,
            "what is asked for is made for another Python",
        ),
        (
            (
                "  cause: Because the current Python version (3.11.7) does not satisfy"
                " Python>=3.12 and tap-x==0.4.0 depends on Python>=3.12"
            ),
            ConfigError,
            "what is asked for is made for another Python",
        ),
        (
            (
                "  cause: Because tap-x==1 depends on singer-sdk>=0.53 and you require"
                " singer-sdk==0.10, we can conclude that your requirements are"
                " unsatisfiable."
            ),
            ConfigError,
            "the package's requirements contradict each other",
        ),
        (
            "ERROR: ResolutionImpossible: for help visit ...",
            ConfigError,
            "the package's requirements contradict each other",
        ),
        (
            (
                "error: Failed to build `pendulum==2.1.2`\n"
                "  cause: The build backend returned an error"
            ),
            ConfigError,
            "a package cannot be built here",
        ),
        (
            (
                "ERROR: HTTP error 401 while getting http://h/x: 401 Client Error:"
                " Unauthorized for url: http://h/x"
            ),
            ConfigError,
            "the index or repository refused the credentials",
        ),
        ("error: No space left on device (os error 28)", EltError, "the disk is full"),
        ("Segmentation fault", EltError, "uv failed"),
    ],
)
def test_an_installers_words_are_understood(said, kind, what):
    error = install_error("uv", said.splitlines())

    assert type(error) is kind
    assert error.what == what
    assert error.hint
    assert said.splitlines()[-1] in error.where


def test_only_pip_is_told_that_uv_minds_no_upper_bound():
    said = ["ERROR: Package 'tap-x' requires a different Python: 3.12 not in '<3.11'"]

    assert "install uv" in install_error("pip", said).hint
    assert "install uv" not in install_error("uv", said).hint


def test_the_last_lines_are_shown_and_none_of_them_is_endless():
    error = install_error("pip", [f"line {n}" for n in range(100)] + ["x" * 9999])

    assert "line 85\n" not in error.where
    assert "line 86\n" in error.where
    assert len(error.where) < 1000


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("ModuleNotFoundError: No module named 'pkg_resources'", "` setuptools<81`"),
        ("ModuleNotFoundError: No module named 'yaml.nodes'", "It needs `yaml`"),
        (
            "ImportError: cannot import name 'Mapping' from 'collections' (/x.py)",
            'python = "3.9"',
        ),
    ],
)
def test_a_program_that_lacks_something_gets_the_way_to_it(said, hint):
    assert hint in program_hint(["Traceback", said])


def test_a_program_that_fails_otherwise_gets_none():
    assert program_hint(["401: bad token"]) is None

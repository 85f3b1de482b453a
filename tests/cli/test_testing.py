"""`elt testing serve`, as a program of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest


@contextmanager
def serving(*arguments):
    command = [sys.executable, "-m", "elt", "testing", "serve", *map(str, arguments)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        try:
            yield program, program.stdout.readline().strip()
        finally:
            program.kill()


@pytest.mark.parametrize(
    "ended_by",
    [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM],
)
def test_an_api_is_played_until_somebody_ends_it(ended_by):
    with serving("stripe", "--at", "2025-06-01") as (program, origin):
        now = httpx.get(f"{origin}/_simulation/clock").json()["now"]
        refused = httpx.get(f"{origin}/v1/customers")
        program.send_signal(ended_by)
        _, said = program.communicate(timeout=20)

    assert now.startswith("2025-06-01T00:00:")
    assert refused.status_code == 401
    assert program.returncode == 0
    assert "2025-06-01 00:00 UTC in the simulated stripe" in said
    assert "Its credential is sk_live_" in said


@pytest.mark.slow
def test_a_taken_port_is_told():
    with serving("stripe") as (_, origin):
        port = origin.rpartition(":")[2]
        with serving("stripe", "--port", port) as (second, nothing):
            _, said = second.communicate(timeout=20)

    assert nothing == ""
    assert second.returncode == 2
    assert f"error: port {port} cannot be had: Address already in use" in said


def test_a_time_that_is_none_is_told(run_elt):
    done = run_elt("testing", "serve", "stripe", "--at", "monday")

    assert done.code == 2
    assert "`monday` is neither a date nor a moment" in done.err


def test_a_file_that_keeps_no_requests_is_told(run_elt, tmp_path):
    notes = tmp_path / "notes.md"
    notes.write_text("\n# Notes\n")

    done = run_elt("testing", "serve", "stripe", "--keep", notes)

    assert done.code == 2
    assert "this is no request that a simulation has kept" in done.err
    assert "notes.md:1" in done.err
    assert notes.read_text() == "\n# Notes\n"


def test_an_api_that_is_not_there_is_told_with_those_that_are(run_elt):
    done = run_elt("testing", "serve", "salesforce")

    assert done.code == 2
    assert "There are github, hubspot, recurly, stripe" in done.err

"""A secret that is planted everywhere is found nowhere."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from urllib.parse import quote

from tests.promises.conftest import record, schema, state

SECRET = "s3cr3t/Tok+en=&äö"  # noqa: S105
OTHER = "file-password-42"


def plant(folder, *lines):
    folder.write(".env", f"TOKEN='{SECRET}'\n")
    folder.write("password.txt", OTHER + "\n")
    text = (folder.path / "elt.toml").read_text()
    config = (
        'config = { script = "script.json", token = "${env:TOKEN}",'
        ' password = "${file:password.txt}" }'
    )
    folder.write(
        "elt.toml", text.replace('config = { script = "script.json" }', config)
    )
    folder.script(*lines)


def run(folder, *arguments):
    environ = {k: v for k, v in os.environ.items() if k != "TOKEN"}
    return subprocess.run(
        [sys.executable, "-m", "elt", *arguments],
        cwd=folder.path,
        env=environ,
        capture_output=True,
        check=False,
    )


def forms(secret):
    raw = secret.encode()
    yield raw
    yield quote(secret, safe="").encode()
    yield base64.b64encode(raw)
    yield secret.encode("unicode_escape")


def places_with_a_secret(folder, *outputs):
    """Look into every output and every file that a run leaves."""
    texts = {f"output {number}": text for number, text in enumerate(outputs)}
    ours = {"script.json", ".env", "password.txt"}
    for path in folder.path.rglob("*"):
        if path.is_file() and path.name not in ours:
            texts[str(path)] = path.read_bytes()
    return [
        name
        for name, text in texts.items()
        for secret in (SECRET, OTHER)
        if any(form in text for form in forms(secret))
    ]


def test_secrets_of_a_tap_are_in_no_output_no_log_and_no_database(folder):
    said = f"calling https://api/?token={quote(SECRET, safe='')} with {SECRET}"
    plant(
        folder,
        schema(),
        record(1),
        state(at=3),
        {"do": "say", "much": said},
        {"do": "say", "much": f"password is {OTHER}"},
        {"do": "raise", "much": f"bad token {SECRET}"},
    )

    loud = run(folder, "run")
    json_log = run(folder, "run", "--log-format", "json", "--json")
    logs = run(folder, "logs", "last")
    checked = run(folder, "check")

    assert loud.returncode == 1
    assert b"***" in loud.stderr + logs.stdout
    outputs = [
        text
        for process in (loud, json_log, logs, checked)
        for text in (process.stdout, process.stderr)
    ]
    assert places_with_a_secret(folder, *outputs) == []


def test_garbage_with_a_secret_on_stdout_is_scrubbed_too(folder):
    plant(folder, f"DEBUG token={SECRET}")

    result = run(folder, "run")

    assert b"not a Singer message" in result.stderr
    assert places_with_a_secret(folder, result.stdout, result.stderr) == []


def test_a_tap_sees_its_secrets_in_a_private_file_that_is_gone_afterwards(folder):
    plant(folder, schema(), record(1))

    run(folder, "run")

    assert not list((folder.path / ".elt").rglob("config*.json"))

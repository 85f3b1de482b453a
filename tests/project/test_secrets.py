from __future__ import annotations

import base64
import json
import traceback
from pathlib import Path
from time import perf_counter
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elt.errors import ConfigError, ConfigErrors
from elt.project.secrets import Secrets

ODD = "s3cr3t/with+odd ch@rs\"'\\ü"


def knowing(*secrets: str) -> Secrets:
    known = Secrets(Path("/nowhere"), environ={})
    for secret in secrets:
        known.remember(secret)
    return known


def test_references_are_resolved_however_deep(tmp_path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "crm.txt").write_text("file-secret\n")
    secrets = Secrets(tmp_path, environ={"TOKEN": "env-secret", "PIN": "123456"})

    config = secrets.resolve(
        {
            "a": "Bearer ${env:TOKEN}",
            "b": [{"c": "${file:keys/crm.txt}"}, 3, None, True],
            "d": "${env:PIN}",
            "e": "$${env:TOKEN} and $5",
        },
        "[taps.x.config]",
    )

    assert config == {
        "a": "Bearer env-secret",
        "b": [{"c": "file-secret"}, 3, None, True],
        "d": "123456",
        "e": "${env:TOKEN} and $5",
    }


def test_dotenv_is_read_and_never_overrides_the_environment(tmp_path):
    (tmp_path / ".env").write_text(
        "# comment\nexport ONE=from-dotenv\nTWO='from $dotenv ${ONE}'\nEMPTY\n"
    )

    secrets = Secrets(tmp_path, environ={"ONE": "from-environment"})

    assert secrets.resolve("${env:ONE}", "") == "from-environment"
    assert secrets.resolve("${env:TWO}", "") == "from $dotenv ${ONE}"
    assert secrets.environ["TWO"] == "from $dotenv ${ONE}"


def test_a_line_of_dotenv_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / ".env").write_text("ONE=1\n'\nTWO=2\n")

    with pytest.raises(ConfigError) as caught:
        Secrets(tmp_path, environ={})

    assert caught.value.where == ".env:2"


def test_a_dotenv_that_is_no_text_is_one_message(tmp_path):
    (tmp_path / ".env").write_bytes(b"ONE=\xff\xfe\n")

    with pytest.raises(ConfigError, match="it is not UTF-8 text"):
        Secrets(tmp_path, environ={})


def test_what_looks_secret_in_dotenv_is_struck_out_because_children_see_it(tmp_path):
    (tmp_path / ".env").write_text("SHOP_API_KEY=abcdef123\nREGION=eu-central\n")

    secrets = Secrets(tmp_path, environ={})

    assert secrets.scrub("abcdef123 in eu-central") == "*** in eu-central"


def test_a_missing_secret_says_where_it_is_needed_and_what_to_do(tmp_path):
    secrets = Secrets(tmp_path, environ={"EMPTY": ""})

    with pytest.raises(ConfigErrors) as caught:
        secrets.resolve(
            {
                "auth": {"token": "${env:MISSING}"},
                "b": "${env:EMPTY}",
                "c": "${file:x}",
            },
            "elt.toml:4  [taps.shop.config]",
        )

    missing, empty, file = caught.value.errors
    assert missing.what == (
        "`auth.token` needs the environment variable `MISSING`, which is not set"
    )
    assert missing.where == "elt.toml:4  [taps.shop.config]"
    assert "`.env`" in str(missing.hint)
    assert empty.what.endswith("which is empty")
    assert "`x`, which cannot be read: No such file" in file.what


def test_a_short_secret_is_refused_without_showing_it():
    secrets = Secrets(Path("/nowhere"), environ={"PIN": "12345"})

    with pytest.raises(ConfigError, match="shorter than 6 characters") as caught:
        secrets.resolve("${env:PIN}", "[taps.shop.config]")

    assert "12345" not in str(caught.value)
    assert secrets.scrub("12345") == "12345"


def test_a_wrong_reference_is_an_error_here_too():
    with pytest.raises(ConfigError, match="is never closed"):
        knowing().resolve("${env:TOKEN", "[taps.shop.config]")


@pytest.mark.parametrize(
    "dressed",
    [
        ODD,
        quote(ODD),
        quote(ODD, safe=""),
        quote_plus(ODD),
        quote(ODD, safe="").lower().replace("s3cr3t", "s3cr3t"),
        json.dumps(ODD)[1:-1],
        json.dumps(ODD, ensure_ascii=False)[1:-1],
        repr(ODD)[1:-1],
    ],
)
def test_a_secret_is_struck_out_in_every_dress(dressed):
    assert knowing(ODD).scrub(f"GET /x?key={dressed}&y=1") == "GET /x?key=***&y=1"


@given(secret=st.text(min_size=6), before=st.binary(max_size=7), after=st.binary())
def test_for_all_secrets_base64_of_any_text_around_them_hides_them(
    secret, before, after
):
    if len(secret.strip()) < 6:
        return
    core = secret.strip().encode("utf-8", "surrogatepass")
    text = base64.b64encode(before + core + after).decode()
    url_text = base64.urlsafe_b64encode(before + core + after).decode()

    scrubbed = knowing(secret).scrub(f"{text} {url_text}")

    assert scrubbed.count("***") >= 2
    assert text not in scrubbed
    assert url_text not in scrubbed


def test_a_secret_of_several_lines_is_struck_out_line_by_line():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----"
    secrets = knowing(key)

    assert secrets.scrub("  hkiG9w0BAQEFAASC") == "  ***"
    assert secrets.scrub(key) == "***"
    assert secrets.scrub(json.dumps({"key": key})) == '{"key": "***"}'


def test_parts_that_programs_show_alone_are_struck_out():
    account = {"type": "service_account", "private_key": "MIIEvQ\nhkiG9w", "id": "1"}
    secrets = knowing("postgres://ann:p%40ssw0rd@db/x", json.dumps(account))

    assert secrets.scrub("login as ann with p@ssw0rd") == "login as ann with ***"
    assert secrets.scrub("p%40ssw0rd") == "***"
    assert secrets.scrub("hkiG9w of a service_account") == "*** of a service_account"


def test_the_longest_secret_goes_first():
    assert knowing("abcdef", "abcdef-ghijkl").scrub("abcdef-ghijkl") == "***"


def test_what_is_learnt_later_counts_from_then_on():
    secrets = knowing()
    before = secrets.scrub("refreshed-token")

    secrets.remember("refreshed-token")

    assert before == "refreshed-token"
    assert secrets.scrub("refreshed-token") == "***"


def test_a_traceback_with_a_secret_in_it_is_clean():
    secrets = knowing(ODD)
    error = ValueError({"token": ODD})

    scrubbed = secrets.scrub("".join(traceback.format_exception(error)))

    assert "***" in scrubbed
    assert "s3cr3t" not in scrubbed


def test_a_secret_that_is_not_utf8_is_struck_out_too():
    odd = b"caf\xe9-caf\xe9".decode("utf-8", "surrogateescape")

    assert knowing(odd).scrub(f"at the {odd}") == "at the ***"


def test_the_secrets_do_not_show_themselves():
    assert ODD not in repr(knowing(ODD))


def test_an_error_leaves_its_block_without_secrets_and_stays_what_it_was():
    secrets = knowing("s3cr3t-word")

    said = ConfigError("s3cr3t-word?", where="at s3cr3t-word", hint="a s3cr3t-word")

    with pytest.raises(ConfigErrors) as caught, secrets.kept_out_of_errors():
        raise ConfigErrors([said])

    (error,) = caught.value.errors
    assert (error.what, error.where, error.hint) == ("***?", "at ***", "a ***")


def test_a_hundred_thousand_lines_are_scrubbed_in_a_moment():
    secrets = knowing(*(f"secret-number-{n:03}/with+marks" for n in range(20)))
    line = "2025-01-01 10:00:00 INFO loaded 5,000 rows of orders into raw_shop.orders"

    start = perf_counter()
    for _ in range(100_000):
        secrets.scrub(line)

    assert perf_counter() - start < 5

"""How MySQL is reached: settings, what the driver is told, a connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from msgspec import Meta

from elt.errors import ConfigError, Rejected
from elt.project.nearest import did_you_mean
from elt.project.table import LONGEST_SECONDS, Seconds
from elt.reverse.loopback import is_loopback
from elt.reverse.sql.mysql.errors import translated
from elt.reverse.sql.session import not_installed

if TYPE_CHECKING:
    from pymysql.connections import Connection

DSN_HINT = "Write `dsn` as `mysql://user:password@host:3306/database`"
SCHEMES = frozenset(("mysql", "mariadb"))
OPTIONS = frozenset(
    {
        *("ssl_ca", "ssl_cert", "ssl_key", "ssl_key_password", "ssl_disabled"),
        *("ssl_verify_cert", "ssl_verify_identity", "unix_socket", "bind_address"),
        "server_public_key",
    }
)
# The server ends a statement at its timeout; this is for one that answers no more.
GRACE_SECONDS = 15


class MysqlConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a MySQL or MariaDB destination."""

    dsn: str | None = None  # a URL, in place of those below
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = None
    database: str | None = None
    # For TLS and sockets: ssl_ca, ssl_cert, ssl_key, ssl_verify_identity, ...
    options: dict[str, str | bool] = {}
    create_table: bool = False
    batch_size: Annotated[int, Meta(ge=1)] = 5000
    connect_timeout_seconds: Annotated[int, Meta(ge=1, le=LONGEST_SECONDS)] = 10
    statement_timeout_seconds: Seconds = 300.0
    lock_timeout_seconds: Annotated[float, Meta(ge=1, le=LONGEST_SECONDS)] = 30.0


Address = Mapping[str, Any]  # the driver's keywords


def address_of(config: MysqlConfig) -> Address:
    """Put together what the driver is told, the `dsn` taken apart.

    Raises ConfigError, in which no word of the DSN stands: it holds a password.
    """
    try:
        import pymysql  # noqa: F401
    except ImportError as error:
        raise not_installed("pymysql", "mysql") from error
    parts = {
        "host": config.host,
        "port": config.port,
        "user": config.user,
        "password": config.password,
        "database": config.database,
    }
    given: dict[str, Any] = {k: v for k, v in parts.items() if v is not None}
    if config.dsn is not None and given:
        raise ConfigError("`dsn` stands for host, user and the rest", hint=DSN_HINT)
    read = given if config.dsn is None else _from_url(config.dsn)
    address = {"host": "localhost", "port": 3306, **read, **config.options}
    for name in sorted(address.keys() - parts.keys() - OPTIONS):
        raise ConfigError(
            f"unknown option `{name}`",
            where="options of the destination",
            hint=did_you_mean(name, OPTIONS),
        )
    return address


def is_local(address: Address) -> bool:
    return "unix_socket" in address or is_loopback(address["host"])


def place_of(address: Address) -> str:
    return str(address.get("unix_socket") or f"{address['host']}:{address['port']}")


def connect(address: Address, config: MysqlConfig) -> Connection[Any]:
    """Raise ConfigError when we are not let in, Unavailable when nobody is there."""
    import pymysql
    from pymysql.constants import CLIENT

    silence = round(config.statement_timeout_seconds) + GRACE_SECONDS
    try:
        with translated(place_of(address)):
            return pymysql.connect(
                **address,
                charset="utf8mb4",
                autocommit=True,
                connect_timeout=config.connect_timeout_seconds,
                read_timeout=silence,
                write_timeout=silence,
                # An UPDATE counts the rows that it found, changed or not.
                client_flag=CLIENT.FOUND_ROWS,
            )
    except (OSError, ValueError, Rejected) as error:
        # A file of TLS that is not there; a locked account, for which each kind of
        # server has a number of its own.
        said = error.what if isinstance(error, Rejected) else error
        raise ConfigError(
            f"no connection can be made: {said}",
            where=place_of(address),
            hint="Look at user, password and `options` in the destination's config",
        ) from error


def _from_url(dsn: str) -> dict[str, Any]:
    try:
        url = urlsplit(dsn)
        parts = {
            "host": url.hostname,
            "port": url.port,
            "user": url.username and unquote(url.username),
            "password": url.password and unquote(url.password),
            "database": unquote(url.path.removeprefix("/")),
        }
    except ValueError:
        raise ConfigError("`dsn` cannot be read", hint=DSN_HINT) from None
    if url.scheme.partition("+")[0] not in SCHEMES or not parts["database"]:
        raise ConfigError("`dsn` cannot be read", hint=DSN_HINT)
    options = {name: _option(value) for name, value in parse_qsl(url.query)}
    return {**{k: v for k, v in parts.items() if v is not None}, **options}


def _option(text: str) -> str | bool:
    return {"true": True, "1": True, "false": False, "0": False}.get(text, text)

"""How Postgres is reached: settings, what libpq makes of them, a connection."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from elt.errors import ConfigError, EltError, Unavailable
from elt.project.table import LONGEST_SECONDS, Seconds
from elt.reverse.loopback import is_loopback
from elt.reverse.sql.session import not_installed

if TYPE_CHECKING:
    import psycopg

DSN_HINT = "Write `dsn` as `postgresql://user:password@host:5432/database`"
ENVIRONMENT = ("PGHOST", "PGHOSTADDR", "PGSERVICE")
# The server's and libpq's words for what is not mended by waiting, and for what is.
REFUSALS = ("FATAL", "SSL", "certificate", "password", "authentication")
PASSING = ("starting up", "shutting down", "recovery", "too many", "slots", "terminat")


class PostgresConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a Postgres destination."""

    dsn: str | None = None  # a URL or `key=value` pairs, in place of those below
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = None
    database: str | None = None
    # Whatever else libpq knows: sslmode, sslrootcert, target_session_attrs, ...
    options: dict[str, str | int] = {}
    create_table: bool = False
    batch_size: Annotated[int, Meta(ge=1)] = 5000
    connect_timeout_seconds: Annotated[int, Meta(ge=1, le=LONGEST_SECONDS)] = 10
    statement_timeout_seconds: Seconds = 300.0
    lock_timeout_seconds: Seconds = 30.0


Address = Mapping[str, Any]  # libpq's keywords


def address_of(config: PostgresConfig) -> Address:
    """Put together what libpq is told, the `dsn` taken apart.

    Raises ConfigError, in which no word of the DSN stands: it holds a password.
    """
    parts = {
        "host": config.host,
        "port": config.port,
        "user": config.user,
        "password": config.password,
        "dbname": config.database,
    }
    given = {name: value for name, value in parts.items() if value is not None}
    if config.dsn is not None and given:
        raise ConfigError("`dsn` stands for host, user and the rest", hint=DSN_HINT)
    timeout = {"connect_timeout": config.connect_timeout_seconds}
    return {**timeout, **_read(config.dsn), **given, **_known(config.options)}


def is_local(address: Address) -> bool:
    """Say whether every host is this machine: a socket, or a loopback address."""
    hosts = [
        host
        for name in ("host", "hostaddr")
        for host in str(address.get(name) or "").split(",")
        if host
    ]
    if "service" in address or (not hosts and any(map(os.environ.get, ENVIRONMENT))):
        return False  # what libpq finds elsewhere may be anywhere
    return all(host[0] in "/@" or is_loopback(host) for host in hosts)


def connect(address: Address) -> psycopg.Connection:
    """Raise ConfigError when we are not let in, Unavailable when nobody is there."""
    import psycopg

    try:
        return psycopg.connect(
            **{"application_name": "elt", **address},
            client_encoding="utf8",
            autocommit=True,
            # Prepared statements do not go through every pooler.
            prepare_threshold=None,
        )
    except psycopg.Error as error:
        raise _not_connected(error, address) from error


def _conninfo() -> ModuleType:
    try:
        from psycopg import conninfo
    except ImportError as error:
        raise not_installed("psycopg", "postgres") from error
    return conninfo


def _read(dsn: str | None) -> dict[str, Any]:
    conninfo = _conninfo()
    try:
        read: dict[str, Any] = conninfo.conninfo_to_dict(dsn or "")
    except conninfo.e.ProgrammingError:
        raise ConfigError("`dsn` cannot be read", hint=DSN_HINT) from None
    # libpq looks at the port only when it connects.
    if not str(read.get("port") or 0).replace(",", "0").isdigit():
        raise ConfigError("`dsn` cannot be read", hint=DSN_HINT)
    return read


def _known(options: dict[str, str | int]) -> dict[str, str | int]:
    conninfo = _conninfo()
    try:
        conninfo.make_conninfo(**options)
    except conninfo.e.ProgrammingError as error:
        raise ConfigError(
            f"`options`: {str(error).strip()}",
            hint="They are libpq's keywords, `sslmode` for instance",
        ) from error
    return options


def _not_connected(error: psycopg.Error, address: Address) -> EltError:
    """Tell a server that is down from one that does not want us.

    libpq gives no code for what happens before a connection stands, only its words.
    """
    host = str(address.get("host") or "its socket")
    place = f"{host}:{address['port']}" if address.get("port") else host
    said = " ".join(str(error).split()).removeprefix("connection failed: ")
    if any(w in said for w in REFUSALS) and not any(w in said for w in PASSING):
        return ConfigError(
            f"Postgres does not let us in: {said}",
            where=place,
            hint="Look at user, password, database and TLS in the destination's config",
        )
    return Unavailable(f"Postgres cannot be reached: {said}", where=place)

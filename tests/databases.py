"""Fixtures of real databases: `postgres`, `mariadb` and `sqlite`, each test's empty.

    def test_something(postgres):
        postgres.run("CREATE TABLE people (id int PRIMARY KEY)")
        tap_config = postgres.settings

Each worker has a database of its own on the session's one server. Where a server is
not installed, its tests are skipped and say so.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pymysql
import pytest
import servers


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """An empty database, and a connection of somebody else's to look into it."""

    kind: str
    settings: dict[str, Any]  # host, port, user, password, database; or path
    connection: Any
    server: servers.Server | None = None

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        cursor = self.connection.cursor()
        cursor.execute(sql, values or (() if self.kind == "sqlite" else None))
        rows = list(cursor.fetchall()) if cursor.description else []
        cursor.close()
        return rows


@pytest.fixture(scope="session")
def serve(tmp_path_factory) -> Callable[[str], servers.Server]:
    """Give the session's server of a kind, or skip."""

    def served(kind: str) -> servers.Server:
        folder, owner = tmp_path_factory.getbasetemp(), os.getpid()
        if "PYTEST_XDIST_WORKER" in os.environ:
            folder, owner = folder.parent, os.getppid()
        try:
            return servers.shared(kind, folder, owner)
        except servers.NotInstalled as missing:
            pytest.skip(str(missing))

    return served


@pytest.fixture(scope="session")
def _postgres(serve) -> Iterator[Database]:
    server = serve("postgres")
    with connect_postgres(settings_of(server, "postgres")) as first:
        name = _worker()
        first.execute(f"CREATE DATABASE {name}")
    settings = settings_of(server, name)
    with connect_postgres(settings) as connection:
        yield Database(
            kind="postgres", settings=settings, connection=connection, server=server
        )


@pytest.fixture(scope="session")
def _mariadb(serve) -> Iterator[Database]:
    server = serve("mariadb")
    settings = settings_of(server, _worker())
    connection = pymysql.connect(
        **{**settings, "database": None}, charset="utf8mb4", autocommit=True
    )
    with connection:
        yield Database(
            kind="mariadb", settings=settings, connection=connection, server=server
        )


@pytest.fixture
def postgres(_postgres) -> Database:
    _postgres.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return _postgres


@pytest.fixture
def mariadb(_mariadb) -> Database:
    name = _mariadb.settings["database"]
    _mariadb.run(f"DROP DATABASE IF EXISTS {name}")
    _mariadb.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    _mariadb.run(f"USE {name}")
    return _mariadb


@pytest.fixture
def sqlite(tmp_path) -> Iterator[Database]:
    path = tmp_path / "far.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA user_version = 1")  # makes the file
    yield Database(kind="sqlite", settings={"path": str(path)}, connection=connection)
    connection.close()


def settings_of(server: servers.Server, database: str) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": server.port,
        "user": "elt",
        "password": servers.PASSWORD,
        "database": database,
    }


def connect_postgres(settings: dict[str, Any]) -> psycopg.Connection:
    known = {**settings, "dbname": settings["database"]}
    del known["database"]
    return psycopg.connect(**known, autocommit=True)


def _worker() -> str:
    return f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"

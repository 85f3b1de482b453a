from __future__ import annotations

import base64
import json
import sqlite3
from pathlib import Path

import pytest
import tomli

from elt.errors import ConfigError
from elt.project.meltano.plugins import requirements
from elt.project.meltano.project import Imported, import_project
from elt.project.meltano.source import read_source
from elt.project.meltano.states import read_states

STARTUP = {
    "meltano.yml": """
version: 1
default_environment: dev
include_paths: [./config/*.yml]
plugins:
  extractors:
  - name: tap-github
    variant: meltanolabs
    pip_url: git+https://github.com/MeltanoLabs/tap-github.git@v1.30.1
    config:
      start_date: 2024-01-01
      repositories: [acme/shop, acme/site]
      stream_maps:
        issues:
          body: null
          mail: md5(user.email)
    select:
    - issues.*
    - '!issues.body'
    - pull_requests.*
    metadata:
      issues:
        replication-method: INCREMENTAL
        replication-key: updated_at
      '*':
        replication-method: FULL_TABLE
  - name: tap-github-search
    inherit_from: tap-github
    config:
      searches:
      - {name: ours, query: org:acme}
    select: [repositories.*]
    select_filter: ['!contributors']
  loaders:
  - name: target-duckdb
    variant: jwills
    pip_url: target-duckdb~=0.4 duckdb==0.6.1
    config:
      filepath: $MELTANO_PROJECT_ROOT/output/shop.duckdb
      default_target_schema: $MELTANO_EXTRACT__LOAD_SCHEMA
  utilities:
  - name: dbt-duckdb
    variant: jwills
    pip_url: dbt-core dbt-duckdb
    config: {path: $MELTANO_PROJECT_ROOT/output/shop.duckdb}
  - name: superset
    pip_url: apache-superset
  mappers:
  - name: meltano-map-transformer
    pip_url: meltano-map-transform
    mappings:
    - name: hide-mails
      config: {stream_maps: {}}
jobs:
- name: daily refresh
  tasks:
  - tap-github hide-mails target-duckdb
  - tap-github-search target-duckdb dbt-duckdb:run dbt-duckdb:test
schedules:
- {name: daily, interval: '30 5 * * *', job: daily refresh}
- {name: once, interval: '@once', job: daily refresh}
""",
    "config/environments.yml": """
environments:
- name: dev
- name: prod
  config:
    plugins:
      extractors:
      - name: tap-github
        config: {start_date: 2020-01-01}
      - name: tap-github-search
        select: ['*.*']
      loaders:
      - name: target-duckdb
        config: {filepath: /srv/shop.duckdb}
""",
    ".env": "TAP_GITHUB_AUTH_TOKEN=ghp_abcdef\n# a remark\nDBT_PROFILE=x\n",
    "transform/dbt_project.yml": "name: shop\n",
}

WAREHOUSE = {
    "meltano.yml": r"""
default_environment: staging
env:
  REGION: eu-central-1
  API_HOST: https://${REGION}.example.com
environments:
- name: staging
  env: {SHOP: staging}
- name: prod
  env: {SHOP: live, REGION: us-east-1}
  config:
    plugins:
      loaders:
      - name: target-postgres
        config: {dbname: prod}
plugins:
  extractors:
  - name: tap-shop
    namespace: tap_shop
    pip_url: -e ./taps/tap-shop --constraint constraints.txt
    executable: tap-shop-v2
    capabilities: [catalog, discover, state]
    settings:
    - {name: api_url, value: https://default.example.com}
    - {name: page_size, kind: integer, value: 100}
    - {name: verbose, kind: boolean}
    - {name: password, kind: password}
    - {name: auth.client_id}
    - {name: auth.client_secret, sensitive: true}
    - {name: account, env: SHOP_ACCOUNT}
    config:
      api_url: $API_HOST/v1/$SHOP
      page_size: ${PAGE_SIZE}
      verbose: $VERBOSE
      password: hunter2hunter2
      auth:
        client_id: me
        client_secret: abc
      pattern: 'costs \$FIVE or ${lower'
      missing: prefix-$NOT_ANYWHERE
    load_schema: shop_raw
    metadata:
      orders:
        table-key-properties: [order_id]
        updated: {is-replication-key: true}
        selected: false
    schema:
      orders:
        total: {type: [number, 'null']}
    catalog: extract/shop.json
  - name: tap-postgres
    variant: meltanolabs
    config:
      host: ${PGHOST}
      port: ${PGPORT}
      password: ${PGPASSWORD}
      sqlalchemy_url: postgresql://me:$PGPASSWORD@$PGHOST/app
  loaders:
  - name: target-postgres
    variant: meltanolabs
    pip_url: meltanolabs-target-postgres
    config:
      dbname: staging
      password: $WAREHOUSE_PASSWORD
      default_target_schema: $MELTANO_EXTRACT__LOAD_SCHEMA
  - name: target-jsonl
    pip_url: target-jsonl
  utilities:
  - name: dbt-postgres
    pip_url: dbt-core dbt-postgres
jobs:
- name: load
  tasks: [tap-shop target-postgres, [tap-postgres, target-postgres]]
- name: files
  tasks: tap-shop target-jsonl
""",
    ".env": (
        "PAGE_SIZE=500\nVERBOSE=true\nSHOP_ACCOUNT=acct-1234\nPGHOST=db\nPGPORT=5432\n"
        "PGPASSWORD=s3cret-s3cret\nWAREHOUSE_PASSWORD=other-secret\n"
    ),
    "taps/tap-shop/pyproject.toml": "",
    "transform/dbt_project.yml": "name: shop\n",
}

OLD = {
    "meltano.yml": """
version: 1
plugins:
  extractors:
  - name: tap-gitlab
    variant: meltano
    config:
      projects: meltano/meltano
      start_date: '2021-01-01T00:00:00Z'
      _select: ['commits.*']
      _metadata:
        commits.replication-method: INCREMENTAL
  loaders:
  - {name: target-csv, variant: hotgluexyz, pip_url: target-csv}
  transformers:
  - {name: dbt, pip_url: 'dbt==0.18'}
  orchestrators:
  - {name: airflow, pip_url: apache-airflow}
schedules:
- name: gitlab-to-csv
  extractor: tap-gitlab
  loader: target-csv
  transform: run
  interval: '@hourly'
  start_date: 2021-01-01 00:00:00
""",
    "plugins/extractors/tap-gitlab--meltano.lock": json.dumps(
        {
            "name": "tap-gitlab",
            "namespace": "tap_gitlab",
            "pip_url": "git+https://gitlab.com/meltano/tap-gitlab.git",
            "settings": [
                {"name": "private_token", "kind": "password"},
                {"name": "ultimate_license", "kind": "boolean", "value": False},
                {"name": "api_url", "value": "https://gitlab.com"},
            ],
        }
    ),
    ".env": "export TAP_GITLAB_PRIVATE_TOKEN='glpat-12345'\n",
}


@pytest.fixture
def folder(tmp_path) -> Path:
    return (tmp_path / "shop").resolve()


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def imported(
    folder: Path, files: dict[str, str], *, to_warehouse: bool = False
) -> Imported:
    source = read_source(write(folder, files))
    return import_project(source, folder, to_warehouse=to_warehouse)


def tables(found: Imported) -> dict:
    return tomli.loads(found.text)


def test_taps_on_duckdb_with_dbt_become_one_graph(folder):
    found = tables(imported(folder, STARTUP))

    assert found["warehouse"] == {"path": "output/shop.duckdb"}
    assert found["transform"] == {"project_dir": "transform"}
    assert found["taps"]["github"] == {
        "package": "git+https://github.com/MeltanoLabs/tap-github.git@v1.30.1",
        "select": ["issues.*", "!issues.body", "pull_requests.*"],
        "schema": "tap_github",
        "tags": ["daily-refresh"],
        "config": {
            "start_date": "2024-01-01",
            "repositories": ["acme/shop", "acme/site"],
            "stream_maps": {"issues": {"mail": "md5(user.email)"}},
            "auth_token": "${env:TAP_GITHUB_AUTH_TOKEN}",
        },
        "streams": {
            "issues": {
                "replication_method": "INCREMENTAL",
                "replication_key": "updated_at",
            }
        },
    }
    assert "targets" not in found


def test_an_heir_has_what_it_inherits_and_its_own(folder):
    heir = tables(imported(folder, STARTUP))["taps"]["github-search"]

    assert heir["package"].startswith("git+https://github.com/MeltanoLabs/tap-github")
    assert heir["schema"] == "tap_github_search"
    assert heir["select"] == ["repositories.*", "!contributors"]
    assert heir["config"]["searches"] == [{"name": "ours", "query": "org:acme"}]
    assert heir["config"]["start_date"] == "2024-01-01"
    assert "TAP_GITHUB_AUTH_TOKEN" in heir["config"]["auth_token"]


def test_an_environment_holds_what_differs_there_also_for_heirs(folder):
    found = tables(imported(folder, STARTUP))

    assert found["environments"] == {
        "dev": {},
        "prod": {
            "warehouse": {"path": "/srv/shop.duckdb"},
            "taps": {
                "github": {"config": {"start_date": "2020-01-01"}},
                "github-search": {
                    "select": ["*.*", "!contributors"],
                    "config": {"start_date": "2020-01-01"},
                },
            },
        },
    }


def test_schedules_become_lines_for_cron(folder):
    report = imported(folder, STARTUP).report

    assert report.schedules == [
        f"30 5 * * *  cd {folder} && elt run tag:daily-refresh+ --env dev"
    ]
    assert report.left["schedule `once`, which runs @once"] == (
        "By hand: `elt run tag:daily-refresh+`"
    )


def test_what_elt_has_no_word_for_is_told(folder):
    left = imported(folder, STARTUP).report.left

    assert set(left) == {
        "tap-github: the nulls in `stream_maps`",
        "tap-github-search: the nulls in `stream_maps`",
        "tap-github: metadata of the streams `*`",
        "tap-github-search: metadata of the streams `*`",
        "mapper meltano-map-transformer",
        "utility superset",
        "job daily refresh: its task `hide-mails`",
        "schedule `once`, which runs @once",
    }


def test_other_loaders_stay_as_targets_one_for_each_schema(folder):
    found = tables(imported(folder, WAREHOUSE))

    assert found["taps"]["shop"]["target"] == "postgres-shop"
    assert found["taps"]["postgres"]["target"] == "postgres-postgres"
    assert found["targets"]["postgres-shop"] == {
        "package": "meltanolabs-target-postgres",
        "config": {
            "dbname": "staging",
            "password": "${env:WAREHOUSE_PASSWORD}",
            "default_target_schema": "shop_raw",
        },
    }
    schema = found["targets"]["postgres-postgres"]["config"]["default_target_schema"]
    assert schema == "tap_postgres"
    assert "transform" not in found


def test_all_may_load_into_the_warehouse_instead(folder):
    found = imported(folder, WAREHOUSE, to_warehouse=True)

    assert "targets" not in tables(found)
    assert tables(found)["taps"]["shop"]["schema"] == "shop_raw"
    assert tables(found)["transform"] == {"project_dir": "transform"}
    assert "dbt-postgres: its adapter" in found.report.left
    assert "loader target-postgres" in found.report.left


def test_variables_stay_references_unless_they_cannot_be_secrets(folder):
    found = imported(folder, WAREHOUSE)

    assert tables(found)["taps"]["shop"]["config"] == {
        "api_url": "https://eu-central-1.example.com/v1/${env:SHOP}",
        "page_size": 500,
        "password": "${env:TAP_SHOP_PASSWORD}",
        "auth": {"client_id": "me", "client_secret": "abc"},
        "verbose": True,
        "pattern": "costs $FIVE or $${lower",
        "missing": "prefix-${env:NOT_ANYWHERE}",
        "account": "${env:SHOP_ACCOUNT}",
    }
    assert tables(found)["taps"]["postgres"]["config"] == {
        "host": "db",
        "port": "5432",
        "password": "${env:PGPASSWORD}",
        "sqlalchemy_url": "postgresql://me:${env:PGPASSWORD}@db/app",
    }
    assert found.missing == {"NOT_ANYWHERE", "SHOP"}
    assert found.report.secrets == {"TAP_SHOP_PASSWORD": "hunter2hunter2"}


def test_a_secret_inside_a_table_goes_to_dotenv_too(folder):
    config = "{db: {host: h, port: 1, password: hunter2hunter2}}"
    text = f"plugins: {{extractors: [{{name: tap-x, config: {config}}}]}}"

    found = imported(folder, {"meltano.yml": text})

    reference = "${env:TAP_X_DB_PASSWORD}"
    assert tables(found)["taps"]["x"]["config"] == {
        "db": {"host": "h", "port": 1, "password": reference}
    }
    assert found.report.secrets == {"TAP_X_DB_PASSWORD": "hunter2hunter2"}


def test_variables_of_environments_are_laid_over(folder):
    found = tables(imported(folder, WAREHOUSE))["environments"]

    assert found["prod"]["taps"]["shop"]["config"] == {
        "api_url": "https://us-east-1.example.com/v1/live"
    }
    prod = found["prod"]["targets"]
    assert {name: table["config"] for name, table in prod.items()} == {
        "postgres-shop": {"dbname": "prod"},
        "postgres-postgres": {"dbname": "prod"},
    }


def test_a_program_of_this_folder_with_options_is_taken_over(folder):
    found = imported(folder, WAREHOUSE)

    shop = tables(found)["taps"]["shop"]
    assert (shop["package"], shop["executable"]) == ("./taps/tap-shop", "tap-shop-v2")
    assert shop["streams"] == {
        "orders": {"key": ["order_id"], "replication_key": "updated"}
    }
    left = found.report.left
    assert "tap-shop: `--constraint constraints.txt` of its pip_url" in left
    assert "tap-shop: schema overrides of orders" in left
    assert "tap-shop: `catalog`" in left
    assert "tap-shop: metadata `orders`: `selected`" in left
    assert "tap-shop: `auth.client_secret` is in elt.toml in clear" in left
    assert "tap-shop: the loaders target-jsonl" in left
    guess = "git+https://github.com/MeltanoLabs/tap-postgres.git"
    assert tables(found)["taps"]["postgres"]["package"] == guess
    assert any(what.startswith("tap-postgres: no pip_url") for what in left)


def test_an_old_project_with_lock_files_and_underscores(folder):
    found = imported(folder, OLD)

    gitlab = tables(found)["taps"]["gitlab"]
    assert gitlab == {
        "package": "git+https://gitlab.com/meltano/tap-gitlab.git",
        "target": "csv",
        "select": ["commits.*"],
        "config": {
            "projects": "meltano/meltano",
            "start_date": "2021-01-01T00:00:00Z",
            "ultimate_license": False,
            "api_url": "https://gitlab.com",
            "private_token": "${env:TAP_GITLAB_PRIVATE_TOKEN}",
        },
        "streams": {"commits": {"replication_method": "INCREMENTAL"}},
    }
    assert found.report.schedules == [f"@hourly  cd {folder} && elt run tap:gitlab+"]
    assert "orchestrator airflow" in found.report.left


def test_in_another_folder_paths_and_variables_still_lead_there(folder, tmp_path):
    source = read_source(write(folder, WAREHOUSE) / "meltano.yml")

    found = import_project(source, tmp_path / "new", to_warehouse=True)

    taps = tables(found)["taps"]
    assert taps["shop"]["package"] == str(folder / "./taps/tap-shop")
    assert tables(found)["transform"]["project_dir"] == str(folder / "transform")


def test_dbt_knows_the_file_where_the_loader_does_not(folder):
    text = """
    plugins:
      loaders: [{name: target-duckdb}]
      utilities:
      - {name: dbt-duckdb, config: {path: $MELTANO_PROJECT_ROOT/data/shop.db}}
    """

    found = imported(folder, {"meltano.yml": text})

    assert tables(found)["warehouse"] == {"path": "data/shop.db"}


@pytest.mark.parametrize(
    "text", ["", "version: 1", "plugins: {}", "plugins: {extractors: [1, {}]}"]
)
def test_an_empty_project_is_a_project(folder, text):
    assert tables(imported(folder, {"meltano.yml": text}))["project"] == {
        "name": "shop"
    }


@pytest.mark.parametrize(
    ("text", "what"), [("a: [", "this is not YAML"), ("- 1", "no table")]
)
def test_a_broken_file_is_told_with_its_line(folder, text, what):
    with pytest.raises(ConfigError, match=what) as caught:
        imported(folder, {"meltano.yml": text})

    assert "meltano.yml" in (caught.value.where or "")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("plugins: {extractors: [{name: a, config: &c {self: *c}}]}", "holds itself"),
        ("plugins: {extractors: [{name: a, config: {x: !!binary aGk=}}]}", "`bytes`"),
        ("plugins: {extractors: [{name: a, select: {b: c}}]}", "`select` of plugin"),
        ("plugins: {extractors: {a: b}}", "`extractors` of `plugins` is not a list"),
        ("environments: [{name: dev, env: 1}]", "`env` of environment `dev`"),
        ("include_paths: 5", "`include_paths` of the file is not a list"),
        ("include_paths: [/etc/*]", "cannot be followed"),
    ],
)
def test_what_no_project_says_is_one_message(folder, text, what):
    with pytest.raises(ConfigError, match=what) as caught:
        imported(folder, {"meltano.yml": text})

    assert "meltano.yml" in (caught.value.where or "")


def test_lines_that_stand_for_millions_are_not_written_out(folder):
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]

    with pytest.raises(ConfigError, match="more than 200,000 values"):
        imported(folder, {"meltano.yml": "\n".join(lines)})


def test_words_that_other_yaml_takes_for_truth_stay_words(folder):
    text = "plugins: {extractors: [{name: tap-x, config: {a: on, b: yes, c: 1.10}}]}"

    config = tables(imported(folder, {"meltano.yml": text}))["taps"]["x"]["config"]

    assert config == {"a": "on", "b": "yes", "c": 1.1}


def test_names_that_collide_or_that_elt_forbids_are_changed(folder):
    text = "plugins: {extractors: [{name: x}, {name: tap-x}, {name: tap-a.b}]}"

    assert set(tables(imported(folder, {"meltano.yml": text}))["taps"]) == {
        "x",
        "x-2",
        "a-b",
    }


@pytest.mark.parametrize(
    ("pip_url", "kept", "dropped"),
    [
        ("tap-x", "tap-x", []),
        ("duckdb==0.6.1 tap-x~=1.0", "tap-x~=1.0 duckdb==0.6.1", []),
        ("-e ./tap-x", "./tap-x", []),
        (
            "--index-url https://x.example tap-x --no-deps",
            "tap-x",
            ["--index-url https://x.example", "--no-deps"],
        ),
        (
            "git+https://a.example/tap-x.git@main",
            "git+https://a.example/tap-x.git@main",
            [],
        ),
        ("'tap-x >= 1'", "'tap-x >= 1'", []),
    ],
)
def test_requirements_are_parted_from_options(pip_url, kept, dropped):
    assert requirements(pip_url) == (kept, dropped)


def marks(value: str) -> dict:
    return {"bookmarks": {"issues": {"replication_key_value": value}}}


def database(folder: Path) -> sqlite3.Connection:
    """Make the tables as Meltano 4.4 does."""
    path = folder / ".meltano" / "meltano.db"
    path.parent.mkdir(parents=True)
    connection = sqlite3.connect(path)
    connection.executescript("""
        CREATE TABLE "runs" (
            id INTEGER NOT NULL, job_name VARCHAR, state VARCHAR(7),
            started_at DATETIME, ended_at DATETIME, payload VARCHAR,
            payload_flags INTEGER, run_id CHAR(32), "trigger" VARCHAR,
            last_heartbeat_at DATETIME, PRIMARY KEY (id)
        );
        CREATE TABLE state (
            state_id VARCHAR(900) NOT NULL, partial_state VARCHAR,
            completed_state VARCHAR, updated_at DATETIME, PRIMARY KEY (state_id)
        );
    """)
    return connection


def states(folder: Path, *files: Path) -> dict[str, tuple[str | None, str, dict]]:
    found = read_states(read_source(folder), files)
    return {each.id: (each.tap, each.environment, dict(each.state)) for each in found}


def test_states_come_from_the_database_with_what_was_half_done(folder):
    write(folder, STARTUP)
    connection = database(folder)
    half = json.dumps({"singer_state": {"bookmarks": {"pulls": {"a": 1}}}})
    whole = json.dumps({"singer_state": marks("2026-01-03")})
    rows = [
        ("prod:tap-github-to-target-duckdb", half, whole),
        ("dev:tap-github-search-to-target-duckdb:eu", "{}", whole),
        ("custom-id", None, whole),
        ("empty", None, "{}"),
    ]
    connection.executemany("INSERT INTO state VALUES (?, ?, ?, NULL)", rows)
    connection.commit()
    connection.close()

    found = states(folder)

    both = {"bookmarks": {**marks("2026-01-03")["bookmarks"], "pulls": {"a": 1}}}
    assert found == {
        "prod:tap-github-to-target-duckdb": ("tap-github", "prod", both),
        "dev:tap-github-search-to-target-duckdb:eu": (
            "tap-github-search",
            "dev",
            marks("2026-01-03"),
        ),
        "custom-id": (None, "", marks("2026-01-03")),
    }


def test_older_states_come_from_the_last_runs(folder):
    write(folder, OLD)
    connection = database(folder)
    connection.execute("DROP TABLE state")
    rows = [
        ("gitlab-to-csv", json.dumps({"singer_state": marks("2021-01-01")}), 1),
        ("gitlab-to-csv", json.dumps({"singer_state": {"currently": 1}}), 2),
        ("gitlab-to-csv", "{}", 0),
    ]
    insert = "INSERT INTO runs (job_name, payload, payload_flags) VALUES (?, ?, ?)"
    connection.executemany(insert, rows)
    connection.commit()
    connection.close()

    assert states(folder) == {
        "gitlab-to-csv": ("tap-gitlab", "", {**marks("2021-01-01"), "currently": 1})
    }


def test_states_in_files_are_found_in_all_their_dresses(folder, tmp_path):
    write(folder, STARTUP)
    name = base64.b64encode(b"prod:tap-github-to-target-duckdb").decode()
    wrapped = {"completed_state": {"singer_state": marks("1")}, "partial_state": {}}
    write(folder / ".meltano" / "state" / name, {"state.json": json.dumps(wrapped)})
    dump = tmp_path / "dev:tap-github-to-target-duckdb.json"
    dump.write_text(json.dumps({"singer_state": marks("2")}))
    bare = tmp_path / "tap-github.json"
    bare.write_text(json.dumps(marks("3")))

    assert states(folder, dump, bare) == {
        "prod:tap-github-to-target-duckdb": ("tap-github", "prod", marks("1")),
        "dev:tap-github-to-target-duckdb": ("tap-github", "dev", marks("2")),
        "tap-github": ("tap-github", "", marks("3")),
    }


def test_a_database_that_is_none_is_told_with_the_way_out(folder):
    write(folder, STARTUP | {".meltano/meltano.db": "no database, but long enough"})

    with pytest.raises(ConfigError, match="database cannot be read") as caught:
        states(folder)

    assert "meltano state get" in (caught.value.hint or "")

"""The command line against typer, and a run of dbt models against dbt's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from measuring import Program
from pairs import Bench, Side, take_turns
from projects import BIN, PYTHON, RUN
from results import Result, ratio_result

MODELS = 20
_DBT_TOML = '[project]\nname = "models"\n[transform]\nproject_dir = "."\n'
_DBT_PROJECT = """
name: bench
version: '1.0'
profile: bench
models: {bench: {+materialized: table}}
"""
_PROFILES = """
bench:
  target: dev
  outputs: {dev: {type: duckdb, path: plain.duckdb, threads: 2}}
"""


def help_(bench: Bench) -> Iterator[Result]:
    typer = Program(command=(PYTHON, "-c", "import typer"), cwd=bench.folder)
    ours = Program(command=(str(BIN / "elt"), "--help"), cwd=bench.folder)
    yield ratio_result(
        take_turns(Side(program=typer), Side(program=ours), bench),
        work="`elt --help`",
        against='`python -c "import typer"`',
        allowed=1.5,
    )


def models(bench: Bench) -> Iterator[Result]:
    """Each has a copy of its own: they would undo each other's partial parse."""
    for name in ("plain", "ours"):
        (bench.folder / name).mkdir()
        write_models(bench.folder / name)
        (bench.folder / name / "elt.toml").write_text(_DBT_TOML)
    plain = bench.folder / "plain"
    dbt = Side(
        program=Program(
            command=(str(BIN / "dbt"), "build"),
            cwd=plain,
            environ={"DBT_PROFILES_DIR": str(plain)},
        )
    )
    ours = Side(program=Program(command=RUN, cwd=bench.folder / "ours"))
    dbt.run()  # both have parsed, as a project in use has
    ours.run()
    yield ratio_result(
        take_turns(dbt, ours, bench),
        work=f"`elt run` with {MODELS} dbt models, parsed before",
        against="`dbt build`",
        allowed=0.9,
    )


def write_models(folder: Path) -> None:
    models = folder / "models"
    models.mkdir(parents=True)
    (folder / "dbt_project.yml").write_text(_DBT_PROJECT)
    (folder / "profiles.yml").write_text(_PROFILES)
    for number in range(MODELS):
        sql = f"SELECT {number} AS model, range AS id, range * 2 AS v FROM range(1000)"
        if number % 5:
            first, second = f"m{number - 1:02d}", f"m{number // 2:02d}"
            sql = (
                f"SELECT {number} AS model, a.id, a.v + 1 AS v FROM"
                f" {{{{ ref('{first}') }}}} AS a JOIN {{{{ ref('{second}') }}}} AS b"
                " ON a.id = b.id"
            )
        (models / f"m{number:02d}.sql").write_text(sql)

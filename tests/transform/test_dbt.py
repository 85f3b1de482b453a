from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from elt.errors import ConfigError, EltError, Unavailable
from elt.project.settings import DbtDuckdbTable, Project, WarehouseTable
from elt.transform.dbt import Dbt
from elt.transform.invocation import _is_dbts_thread
from elt.transform.manifest import Manifest, Node
from elt.transform.results import NodeResult
from elt.transform.stdout import printed_lines
from elt.warehouse.duckdb import Warehouse

SPECIAL = {"slow", "after_slow", "in_python"}


@dataclass
class Shop:
    """One project whose everything was built once."""

    project: Project
    warehouse: Warehouse
    dbt: Dbt
    manifest: Manifest
    results: list[NodeResult] = field(default_factory=list)
    heard: list[NodeResult] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)

    def nodes(self, *ids: str) -> list[Node]:
        """Find nodes by `kind:name`."""
        nodes = self.manifest.nodes.values()
        return [node for node in nodes if f"{node.kind}:{node.name}" in ids]

    def result(self, id_: str) -> NodeResult:
        [node] = self.nodes(id_)
        return next(each for each in self.heard if each.unique_id == node.unique_id)


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory,
    make_project: Callable[..., Project],
    make_warehouse: Callable[[Project], Warehouse],
) -> Shop:
    project = make_project(tmp_path_factory.mktemp("shop"))
    warehouse = make_warehouse(project)
    dbt = Dbt(project, warehouse)
    shop = Shop(project, warehouse, dbt, dbt.manifest())
    nodes = [node for node in shop.manifest.nodes.values() if node.name not in SPECIAL]
    shop.results = dbt.build(
        nodes,
        on_result=shop.heard.append,
        on_line=shop.lines.append,
        on_start=shop.started.append,
    )
    return shop


def read_elsewhere(path: Path, sql: str) -> str:
    code = "import duckdb, sys; print(duckdb.connect(sys.argv[1]).sql(sys.argv[2]))"
    command = [sys.executable, "-c", code, str(path), sql]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_every_node_is_answered_for_once(shop: Shop):
    wanted = {
        node.unique_id
        for node in shop.manifest.nodes.values()
        if node.name not in SPECIAL
    }

    assert sorted(each.unique_id for each in shop.heard) == sorted(wanted)
    assert {each.unique_id for each in shop.results} == wanted
    assert set(shop.started) == wanted


def test_results_come_in_dbts_order(shop: Shop):
    ids = [each.unique_id for each in shop.heard]

    assert ids.index("model.shop.orders") < ids.index("model.shop.only_here")
    assert ids.index("model.shop.only_here") < ids.index("model.shop.customers")
    assert ids.index("model.shop.customers") < ids.index("model.shop.reports")


def test_a_table_tells_its_rows_and_a_view_none(shop: Shop):
    assert shop.result("model:orders").rows is None
    assert shop.result("model:customers").rows == 2
    assert shop.result("seed:colours").rows == 3
    assert shop.result("snapshot:kept").rows == 2


def test_an_ephemeral_model_is_done(shop: Shop):
    assert shop.result("model:only_here").status == "done"


def test_a_unit_test_runs_with_its_model(shop: Shop):
    assert shop.result("test:sums, by customer").status == "done"


def test_a_warning_test_warns_and_holds_nothing_back(shop: Shop):
    test = shop.result("test:only_ann,or_nobody")

    assert (test.status, test.message) == ("warned", "1 row failed the test")
    assert shop.result("model:reports").status == "done"


def test_a_failing_test_stops_what_lies_below(shop: Shop):
    test = shop.result("test:unique_untested_id")
    below = shop.result("model:below_untested")

    assert (test.status, test.message) == ("stopped", "1 row failed the test")
    assert below.status == "skipped"
    assert below.message == "because test unique_untested_id stopped"


def test_a_failing_model_fails_alone_and_its_children_are_skipped(shop: Shop):
    broken = shop.result("model:broken")
    below = shop.result("model:below_broken")

    assert broken.status == "failed"
    assert "nothing_of_this_name" in broken.message
    assert (below.status, below.message) == ("skipped", "because model broken failed")


def test_what_a_macro_prints_is_a_line(shop: Shop):
    assert shop.lines.count("printed by customers") >= 1


# dbt-duckdb makes an event loop for a Python model and never closes it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_a_python_model_prints_is_a_line(
    shop: Shop, capfd: pytest.CaptureFixture[str]
):
    lines: list[str] = []

    [result] = shop.dbt.build(shop.nodes("model:in_python"), on_line=lines.append)
    gc.collect()

    assert result.status == "done"
    assert "printed by Python" in lines
    assert capfd.readouterr().out == ""


def test_another_process_can_open_the_file_afterwards(shop: Shop):
    answer = read_elsewhere(shop.project.warehouse_path, "SELECT * FROM reports")

    assert "customers" in answer


def test_dbts_own_files_stay_private(shop: Shop):
    profile = shop.project.private_dir / "dbt" / "default" / "profiles.yml"

    assert profile.stat().st_mode & 0o777 == 0o600
    assert not (shop.project.root / "transform" / "logs").exists()


def test_the_manifest_is_fresh_after_a_parse(shop: Shop):
    assert shop.dbt.is_fresh()


def test_exactly_the_chosen_nodes_are_built(shop: Shop):
    # `customers` is a model, a folder of models and a test here.
    chosen = shop.nodes("model:customers", "test:only_ann,or_nobody")
    started: list[str] = []

    results = shop.dbt.build(chosen, on_start=started.append)

    assert started == [node.unique_id for node in chosen]
    assert [each.status for each in results] == ["done", "warned"]


def test_a_unit_test_can_be_chosen_without_its_model(shop: Shop):
    [result] = shop.dbt.build(shop.nodes("test:sums, by customer"))

    assert result.status == "done"


def test_nothing_reaches_stdout(shop: Shop, capfd: pytest.CaptureFixture[str]):
    shop.dbt.build(shop.nodes("model:customers"))

    assert capfd.readouterr().out == ""


def test_the_folder_is_ours_again_after_a_build(shop: Shop):
    before = Path.cwd()

    shop.dbt.build(shop.nodes("model:orders"))

    assert Path.cwd() == before


def test_tables_load_while_dbt_builds(shop: Shop):
    loaded = 0
    ended = threading.Event()

    def load() -> None:
        nonlocal loaded
        while not ended.is_set():
            with shop.warehouse.writer() as cursor:
                cursor.execute("CREATE TABLE IF NOT EXISTS loaded (i INTEGER)")
                cursor.execute("INSERT INTO loaded VALUES (?)", [loaded])
            loaded += 1
            time.sleep(0.01)

    loading = threading.Thread(target=load)
    loading.start()
    chosen = ("model:orders", "model:only_here", "model:customers", "snapshot:kept")
    results = shop.dbt.build(shop.nodes(*chosen))
    ended.set()
    loading.join()

    assert {each.status for each in results} == {"done"}
    assert loaded > 1
    with shop.warehouse.session() as cursor:
        row = cursor.execute("SELECT count(*) FROM loaded").fetchone()
    assert row == (loaded,)


def test_cancelling_interrupts_the_running_query_and_what_follows(shop: Shop):
    slow = shop.nodes("model:slow", "model:after_slow", "seed:colours")
    began = time.monotonic()

    def seeded(result: NodeResult) -> None:
        if result.unique_id == "seed.shop.colours":
            threading.Timer(0.2, shop.dbt.cancel).start()

    results = shop.dbt.build(slow, on_result=seeded)

    assert time.monotonic() - began < 20
    assert {each.unique_id: each.status for each in results} == {
        "model.shop.slow": "interrupted",
        "model.shop.after_slow": "interrupted",
        "seed.shop.colours": "done",
    }
    read_elsewhere(shop.project.warehouse_path, "SELECT 1")


def test_an_error_of_the_listener_ends_the_build(shop: Shop):
    def fail(_: str) -> None:
        raise EltError("the run log is full")

    with pytest.raises(EltError, match="the run log is full"):
        shop.dbt.build(shop.nodes("model:slow"), on_start=fail)


def test_the_next_build_after_a_cancelled_one_is_whole(shop: Shop):
    slow = shop.nodes("model:slow")
    shop.dbt.build(slow, on_start=lambda _: shop.dbt.cancel())

    [result] = shop.dbt.build(shop.nodes("model:orders"))

    assert result.status == "done"


def test_warming_up_leaves_less_to_the_build(shop: Shop):
    shop.dbt.warm()

    [result] = shop.dbt.build(shop.nodes("model:orders"))

    assert result.status == "done"


def test_a_dbt_command_prints_as_dbt_does(
    shop: Shop, capfd: pytest.CaptureFixture[str]
):
    code = shop.dbt.command(["--quiet", "ls", "--select", "tag:finance"])

    assert code == 0
    assert "shop.customers\n" in capfd.readouterr().out


def test_a_dbt_command_that_fails_gives_dbts_exit_code(shop: Shop):
    assert shop.dbt.command(["--quiet", "run", "--select", "broken"]) == 1
    read_elsewhere(shop.project.warehouse_path, "SELECT 1")


def test_after_a_dbt_command_what_this_thread_prints_is_its_own(
    shop: Shop, capsys: pytest.CaptureFixture[str]
):
    taken: list[str] = []
    shop.dbt.command(["--quiet", "ls"])

    with printed_lines(_is_dbts_thread, taken.append):
        print("ours")  # noqa: T201

    assert taken == []
    assert capsys.readouterr().out.endswith("ours\n")


def test_what_warehouse_dbt_says_is_passed_on_to_dbt(
    project: Project, write: Callable[[Path, dict[str, str]], None]
):
    options = {"allow_unsigned_extensions": True}
    other = project.root / "other.duckdb"
    table = WarehouseTable(
        dbt=DbtDuckdbTable(
            config_options=options, attach=[{"path": str(other), "alias": "other"}]
        )
    )
    file = msgspec.structs.replace(project.file, warehouse=table)
    project = msgspec.structs.replace(project, file=file)
    sql = "SELECT current_setting('TimeZone') AS zone FROM duckdb_tables()"
    write(project.root / "transform", {"models/untested.sql": sql})
    dbt = Dbt(project, Warehouse(project.warehouse_path, config=options))

    nodes = [n for n in dbt.manifest().nodes.values() if n.name == "untested"]
    [result] = dbt.build(nodes)

    assert (result.status, result.message) == ("done", "")


def test_an_attached_file_that_somebody_has_open_is_worth_another_try(
    project: Project, write: Callable[[Path, dict[str, str]], None]
):
    other = project.root / "other.duckdb"
    table = WarehouseTable(
        dbt=DbtDuckdbTable(attach=[{"path": str(other), "alias": "other"}])
    )
    file = msgspec.structs.replace(project.file, warehouse=table)
    project = msgspec.structs.replace(project, file=file)
    sql = "SELECT n FROM other.main.numbers"
    write(project.root / "transform", {"models/untested.sql": sql})
    dbt = Dbt(project, Warehouse(project.warehouse_path))
    nodes = [n for n in dbt.manifest().nodes.values() if n.name == "untested"]
    heard: list[NodeResult] = []
    code = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]);"
        " c.execute('CREATE TABLE numbers AS SELECT 7 AS n'); print(flush=True);"
        " sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(other)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        holder.stdout.readline()
        with pytest.raises(Unavailable, match="lock"):
            dbt.build(nodes, holds_back=True, on_result=heard.append)
        holder.stdin.close()

    assert heard == []
    [result] = dbt.build(nodes, holds_back=True, on_result=heard.append)
    assert result.status == "done"


def test_missing_packages_are_installed_and_a_failing_hook_is_an_error(
    tmp_path: Path, make_project: Callable[..., Project]
):
    files = {
        "transform/dbt_project.yml": """
            name: shop
            profile: shop
            on-run-end: ["SELECT no_such_column"]
        """,
        "transform/packages.yml": "packages: [{local: ../shared}]",
        "transform/models/one.sql": "SELECT {{ shared.one() }} AS n",
        "shared/dbt_project.yml": "name: shared",
        "shared/macros/one.sql": "{% macro one() %}1{% endmacro %}",
    }
    project = make_project(tmp_path, {f"../{name}": files[name] for name in files})
    dbt = Dbt(project, Warehouse(project.warehouse_path))
    lines: list[str] = []
    results: list[NodeResult] = []

    nodes = dbt.parse(on_line=lines.append).nodes.values()
    with pytest.raises(EltError, match="no_such_column"):
        dbt.build(list(nodes), on_result=results.append)

    assert "dbt packages are missing: running `dbt deps`" in lines
    assert [each.status for each in results] == ["done"]
    write_shared = tmp_path / "shared/macros/one.sql"
    write_shared.write_text("{% macro one() %}2{% endmacro %}")
    assert not dbt.is_fresh()


def test_a_warning_of_the_parse_is_a_line_that_may_be_printed(
    project: Project, write: Callable[[Path, dict[str, str]], None]
):
    write(project.root / "transform", {"models/s.yml": "models: [{name: not_there}]"})
    lines: list[str] = []

    def tell(line: str) -> None:
        print(line)  # noqa: T201  it must not come back to us
        lines.append(line)

    Dbt(project, Warehouse(project.warehouse_path)).parse(on_line=tell)

    assert any("not_there" in line for line in lines)


def test_a_project_that_does_not_parse_names_the_file(
    project: Project, write: Callable[[Path, dict[str, str]], None]
):
    write(project.root / "transform", {"models/broken.sql": "SELECT {{ ref('nope') }}"})

    with pytest.raises(ConfigError) as caught:
        Dbt(project, Warehouse(project.warehouse_path)).parse()

    assert "nope" in caught.value.what
    assert caught.value.where == str(project.root / "transform/models/broken.sql")
    assert not project.warehouse_path.exists()

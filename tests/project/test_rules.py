from __future__ import annotations

import pytest

FILE_TO_CRM = """
    [destinations.crm]
    plugin = "file"
    [syncs.health]
    model = "health"
    destination = "crm"
    object = "health.csv"
    key = "id"
"""


def test_a_tap_needs_one_program(folder):
    none, both = folder.errors("""
        [taps.none]
        [taps.both]
        plugin = "files"
        executable = "tap-files"
    """)

    assert none.what == "tap `none` needs a `plugin`, a `package` or an `executable`"
    assert none.where == "elt.toml:2  [taps.none]"
    assert both.what == "tap `both` has both a `plugin` and an `executable`"
    assert both.where == "elt.toml:5  [taps.both]"


def test_a_package_may_name_its_program_but_no_plugin(folder):
    error = folder.error("""
        [taps.fine]
        package = "meltanolabs-tap-github"
        executable = "tap-github"
        [taps.both]
        plugin = "files"
        package = "tap-files"
    """)

    assert error.what == "tap `both` has both a `plugin` and a `package`"


def test_a_python_is_for_a_package(folder):
    error = folder.error("""
        [taps.fine]
        package = "tap-files"
        python = "3.10"
        [taps.mine]
        executable = "tap-files"
        python = "3.10"
    """)

    assert error.what == "tap `mine` has a `python` and no `package`"


def test_a_tap_names_a_target_that_is_there(folder):
    error = folder.error("""
        [taps.shop]
        plugin = "files"
        target = "lak"
        [targets.lake]
        package = "target-jsonl"
    """)

    assert "loads into `lak`, which is not under `[targets]`" in error.what
    assert error.hint == "Did you mean `lake`?"


def test_a_target_needs_a_program(folder):
    error = folder.error("[targets.lake]")

    assert error.what == "target `lake` needs a `package` or an `executable`"


def test_a_misspelt_plugin_key_is_one_error_not_two(folder):
    error = folder.error('[taps.shop]\nplugn = "shop"')

    assert error.hint == "Did you mean `plugin`?"


def test_an_incremental_stream_cannot_be_overwritten(folder):
    error = folder.error("""
        [taps.shop]
        plugin = "shop"
        [taps.shop.streams.orders]
        replication_method = "INCREMENTAL"
        mode = "overwrite"
    """)

    assert "keep the latest changes only" in error.what
    assert error.where == "elt.toml:6  [taps.shop.streams.orders]"


def test_an_upsert_needs_a_key(folder):
    error = folder.error("""
        [taps.shop]
        plugin = "shop"
        streams.orders = { mode = "upsert", key = [] }
    """)

    assert "needs a key" in error.what


def test_two_streams_do_not_share_a_table(folder):
    error = folder.error("""
        [taps.shop]
        plugin = "shop"
        schema = "raw"
        streams.Orders = {}
        [taps.store]
        plugin = "shop"
        schema = "RAW"
        streams.sales = { table = "orders" }
    """)

    assert error.what == (
        "stream `sales` of tap `store` loads into `raw.orders`, and so does stream"
        " `Orders` of tap `shop`"
    )


def test_no_tap_loads_into_the_schema_of_elt(folder):
    error = folder.error('[taps.shop]\nplugin = "shop"\nschema = "_ELT"')

    assert "its own tables" in error.what


@pytest.mark.parametrize(
    ("schema", "path", "why"),
    [
        ("temp", "warehouse.duckdb", "which is DuckDB's own"),
        ("information_schema", "warehouse.duckdb", "which is DuckDB's own"),
        ("Acme", "data/acme.duckdb", "takes for the file `acme.duckdb` itself"),
        ("acme", ".acme.v2.duckdb", "takes for the file `.acme.v2.duckdb` itself"),
    ],
)
def test_a_schema_that_duckdb_takes_for_something_else_is_refused(
    folder, schema, path, why
):
    error = folder.error(f"""
        [warehouse]
        path = "{path}"
        [taps.shop]
        plugin = "shop"
        schema = "{schema}"
    """)

    assert why in error.what
    assert f"`{schema}`" in error.what


@pytest.mark.parametrize("name", ['"my shop"', '"shop.eu"', "-shop", '""'])
def test_names_must_be_readable_in_a_selection(folder, name):
    error = folder.error(f'[taps.{name}]\nplugin = "shop"')

    assert "cannot be a name" in error.what


def test_a_sync_needs_a_destination_that_exists(folder):
    text = FILE_TO_CRM.replace('destination = "crm"', 'destination = "cmr"')

    error = folder.error(text + "[transform]")

    assert error.where == "elt.toml:6  [syncs.health]"
    assert error.hint == "Did you mean `crm`?"


def test_a_sync_needs_a_dbt_project(folder):
    error = folder.error(FILE_TO_CRM)

    assert "has no `[transform]` table" in error.what


def test_a_field_needs_one_source(folder):
    none, both = folder.errors(
        FILE_TO_CRM
        + """
        [transform]
        [syncs.health.fields]
        id = "id"
        none = {}
        both = { column = "a", sql = "b" }
        """
    )

    assert none.what == "field `none` of sync `health` has no source"
    assert both.what == "field `both` of sync `health` has 2 sources: `column`, `sql`"


def test_a_value_of_zero_or_false_is_a_source(folder):
    project = folder.load(
        FILE_TO_CRM + "[transform]\n[syncs.health.fields]\nscore = { value = 0 }"
    )

    assert project.file.syncs["health"].fields["score"].value == 0


def test_sending_in_an_unknown_environment_is_an_error(folder):
    error = folder.error("""
        [destinations.crm]
        plugin = "webhook"
        send_in = ["default", "prd"]
        [environments.prod]
    """)

    assert error.where == "elt.toml:4  [destinations.crm]"
    assert "name one of `default`, `prod`" in str(error.hint)


@pytest.mark.parametrize(
    ("reference", "what", "hint"),
    [
        ("${TOKEN}", "is no reference", "Did you mean `${env:TOKEN}`?"),
        ("${evn:TOKEN}", "is no reference", "Did you mean `${env:TOKEN}`?"),
        ("${env:}", "is no reference", "Name it after the colon"),
        ("${keyring:a/b}", "is no reference", "`keyring` is not supported yet"),
        ("${command:pass x}", "is no reference", "`command` is not supported yet"),
        ("${env:TOKEN", "is never closed", "Write `$${`"),
    ],
)
def test_a_wrong_reference_is_found_before_anything_runs(folder, reference, what, hint):
    error = folder.error(f"""
        [taps.shop]
        plugin = "shop"
        config.login = [{{ token = "a {reference}" }}]
    """)

    assert what in error.what
    assert hint in str(error.hint)
    assert str(error.where).startswith("elt.toml:4  [taps.shop.config.login")


def test_a_reference_where_none_is_resolved_is_an_error(folder):
    error = folder.error('[warehouse]\npath = "${env:FILE}"')

    assert error.what == "`warehouse.path` cannot refer to a secret"


def test_dollars_and_braces_elsewhere_are_only_text(folder):
    folder.load("""
        [taps.shop]
        plugin = "shop"
        config = { a = "$${env:X} costs $5 {x}" }
        tags = ["${x}"]
    """)


def test_a_pinned_type_is_one_that_a_column_can_have(folder):
    error = folder.error("""
        [taps.shop]
        plugin = "shop"
        [taps.shop.streams.orders.types]
        amount = "decimal(18, 2)"
        total = "DECIMAL(50,2)"
    """)

    assert error.what == (
        "`DECIMAL(50,2)` is no type that column `total` of stream `orders` of tap"
        " `shop` can have"
    )
    assert error.where == "elt.toml:6  [taps.shop.streams.orders]"
    assert "`BIGINT`" in error.hint


def test_a_pool_is_under_pools(folder):
    tap, destination, sync, dbt = folder.errors("""
        [pools]
        crm_api = 1
        [taps.crm]
        plugin = "files"
        pool = "crm-api"
        [destinations.crm]
        plugin = "file"
        pool = "crm"
        [syncs.health]
        model = "health"
        destination = "crm"
        object = "health.csv"
        key = "id"
        pool = "other"
        [transform]
        pool = "crm_apo"
    """)

    assert tap.what == (
        "tap `crm` is in the pool `crm-api`, which is not under `[pools]`"
    )
    assert tap.hint == "Did you mean `crm_api`?"
    assert destination.what.startswith("destination `crm` is in the pool `crm`")
    assert sync.hint == "There is `crm_api`"
    assert dbt.what.startswith("`[transform]` is in the pool `crm_apo`")


def test_without_any_pool_the_error_says_how_to_make_one(folder):
    error = folder.error('[taps.crm]\nplugin = "files"\npool = "crm_api"')

    assert error.hint == "Add `[pools]` with `crm_api = 1`"


def test_a_pool_has_a_place_and_a_plain_name(folder):
    size, name = folder.errors('[pools]\ncrm_api = 0\n"my pool" = 1')

    assert size.what == (
        "`crm_api` must be a whole number of at least 1, not the number 0"
    )
    assert name.what == "`my pool` cannot be a name in `[pools]`"


def test_an_environment_has_other_pools(folder):
    project = folder.load(
        "[pools]\ncrm_api = 1\n[environments.prod.pools]\ncrm_api = 4", "prod"
    )

    assert project.file.pools == {"crm_api": 4}

"""What dbt itself writes about a project, summed up, changes only with the project."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from elt.project.settings import Project
from elt.transform.dbt import Dbt
from elt.transform.manifest import Node
from elt.warehouse.duckdb import Warehouse

MACROS = """
    {% macro cents(column) %} round({{ column }}, {{ places() }}) {% endmacro %}
    {% macro places() %} 2 {% endmacro %}
"""
MORE = {
    "macros/money.sql": MACROS,
    "models/priced.sql": "SELECT {{ cents('amount') }} AS a FROM {{ ref('orders') }}",
    "models/reused.sql": "SELECT {{ dbt.current_timestamp() }} AS now",
}

Write = Callable[[Path, dict[str, str]], None]


def parsed(project: Project) -> dict[str, Node]:
    """Let dbt read the project from nothing."""
    assert project.transform_dir is not None
    shutil.rmtree(project.private_dir, ignore_errors=True)
    shutil.rmtree(project.transform_dir / "target", ignore_errors=True)
    nodes = Dbt(project, Warehouse(project.warehouse_path)).parse().nodes
    return {f"{node.kind}:{node.name}": node for node in nodes.values()}


@pytest.mark.slow
def test_a_digest_changes_with_what_a_node_is_made_of(project: Project, write: Write):
    folder = project.transform_dir
    assert folder is not None
    write(folder, MORE)
    first = parsed(project)

    def changed(path: str, old: str, new: str) -> set[str]:
        """Change a file, and tell which nodes have another digest than at first."""
        file, text = folder / path, (folder / path).read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        now = parsed(project)
        file.write_text(text)
        return {name for name, node in now.items() if node.digest != first[name].digest}

    assert changed("models/customers.sql", "'finance'", "'other'") == {
        "model:customers"  # its file is another, as dbt has it
    }
    assert changed("models/untested.sql", "SELECT 1", "select 1") == {"model:untested"}
    assert changed("macros/money.sql", "2", "3") == {"model:priced"}
    assert changed("seeds/colours.csv", "red", "rot") == {"seed:colours"}
    assert changed("models/schema.yml", "[ann]", "[bob]") == {"test:only_ann,or_nobody"}
    assert changed("models/schema.yml", "total: 3}", "total: 4}") == {
        "test:sums, by customer"
    }
    assert changed("snapshots/kept.sql", "'history'", "'kept'") == {"snapshot:kept"}
    seeds = "seeds: {+schema: seeded, +meta: {owner: ann}, +tags: [x]}"
    assert changed("dbt_project.yml", "seeds: {+schema: seeded}", seeds) == set()
    typed = "seeds: {+schema: seeded, +delimiter: ';'}"
    assert changed("dbt_project.yml", "seeds: {+schema: seeded}", typed) == {
        "seed:colours"
    }


@pytest.mark.slow
def test_owners_are_as_dbt_declares_them(project: Project, write: Write):
    assert project.transform_dir is not None
    write(
        project.transform_dir,
        {
            "models/customers/reports.sql": """
                {{ config(meta={'owner': 'bob'}) }} SELECT 1 AS id
            """,
            "models/groups.yml": """
                groups:
                  - name: finance
                    owner: {name: Fin, email: fin@acme.example}
                models:
                  - name: untested
                    config: {group: finance}
            """,
            "models/schema.yml": """
                models:
                  - name: customers
                    columns: [{name: customer, data_tests: [unique]}]
                    config: {group: finance}
            """,
        },
    )

    nodes = parsed(project)

    owned = {name: (n.owner, n.owner_email) for name, n in nodes.items() if n.owner}
    assert owned == {
        "model:reports": ("bob", ""),
        "model:untested": ("Fin", "fin@acme.example"),
        "model:customers": ("Fin", "fin@acme.example"),
    }

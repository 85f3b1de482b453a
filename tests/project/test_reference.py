from __future__ import annotations

import os
from pathlib import Path

from elt.project.reference import EXAMPLES, reference_markdown

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "elt-toml.md"


def test_the_page_is_what_the_declarations_say():
    """`ELT_REWRITE_GOLDEN=1` writes it anew."""
    page = reference_markdown()
    if os.environ.get("ELT_REWRITE_GOLDEN"):
        PAGE.write_text(page, encoding="utf-8")

    assert page == PAGE.read_text(encoding="utf-8")


def test_the_examples_together_are_a_right_file(folder):
    project = folder.load("\n\n".join(EXAMPLES.values()), "prod")

    assert project.file.taps["github"].tags == ["product", "nightly"]


def test_every_example_is_on_the_page():
    page = reference_markdown()

    assert [path for path, text in EXAMPLES.items() if text not in page] == []

"""Links between our own pages lead to a file, and to a heading where they name one."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def prose(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Name the headings as GitHub does: no marks, hyphens for spaces."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def leads_somewhere(page: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    there = page.parent / file if file else page
    return there.exists() and (not anchor or anchor in anchors(there))


def test_each_link_leads_to_a_page_and_a_heading_that_are_there():
    links = [
        (page, link)
        for page in PAGES
        for link in re.findall(r"\]\(([^)\s]+)\)", prose(page))
        if not link.startswith("http")
    ]

    assert len(links) > len(PAGES)
    assert [(p.name, link) for p, link in links if not leads_somewhere(p, link)] == []

"""Draws the terminal pictures of the documentation: real commands, run in the demo.

    python docs/pictures/record.py            all of them
    python docs/pictures/record.py tap run    only these

Each command runs on a pseudo-terminal of 100 columns; what it writes is drawn by rich
as an SVG beside this file. Nothing is retouched but the folder's path.
"""

from __future__ import annotations

import fcntl
import os
import pty
import shlex
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

HERE = Path(__file__).parent
COLUMNS, LINES = 100, 50

# A picture's name, and the commands that it shows, in the order of one project's days.
SCENES: dict[str, tuple[str, ...]] = {
    "plan": ("elt plan tap:code+ --exclude test:*",),
    "run": ("elt run --log-format plain tap:crm tap:billing",),
    "tap": ("elt tap discover crm owners", "elt tap test crm"),
    "preview": ("elt tap preview support tickets --limit 3",),
    "query": ("elt query 'FROM monthly_recurring_revenue' --limit 5",),
    "status": ("elt status",),
    "state": (
        "elt state list",
        "elt state reset support tickets --yes --reason 'a wrong file'",
    ),
    "rejects": ("elt rejects list", "elt rejects show 1"),
    "doctor": ("elt doctor",),
}

# rich's own, without the font that it would fetch from elsewhere.
SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" \
xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
  <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" \
clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main(names: list[str]) -> None:
    chosen = names or list(SCENES)
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "shop"
        run(f"elt demo {project}", Path(folder))
        for name, commands in SCENES.items():
            shown = [(command, run(command, project)) for command in commands]
            if name in chosen:
                draw(name, shown, str(project))


def run(command: str, folder: Path) -> str:
    """Run a command on a terminal of its own, and give what it wrote there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    with subprocess.Popen(
        shlex.split(command), cwd=folder, env=environ, stdout=theirs, stderr=theirs
    ):
        os.close(theirs)
        written = b"".join(iter(lambda: read(ours), b""))
    os.close(ours)
    return written.decode().replace("\r\n", "\n")


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # what Linux says when the other side has closed
        return b""


def draw(name: str, shown: list[tuple[str, str]], project: str) -> None:
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123  not a file
        console = Console(file=nowhere, record=True, width=COLUMNS, force_terminal=True)
        for command, written in shown:
            console.print(Text("$ ", "bold green") + Text(command, "bold"))
            console.print(Text.from_ansi(written.replace(project, "shop")))
    path = HERE / f"{name}.svg"
    path.write_text(
        console.export_svg(
            title="elt", theme=MONOKAI, code_format=SVG, unique_id=f"elt-{name}"
        )
    )
    sys.stderr.write(f"{path.name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])

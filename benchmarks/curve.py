"""The memory of long loads, kept while rows are measured, drawn at the end."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_POINTS = 150  # of each curve in the CSV file: the highest of so many equal spans
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 640, 300, 56, 28, 40
_COLOURS = ("#2563eb", "#d97706")
_LIMIT_MB = 500
_STEP_MB = 100
_FONT = 'font-family="sans-serif" font-size="12" fill="#333"'
_LABELS = tuple(range(0, 101, 25))


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    seconds: float
    rss_mb: float
    pss_mb: float
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    name: str
    about: str
    rows: int
    points: tuple[Point, ...]


kept: list[Curve] = []


def keep(curve: Curve) -> None:
    kept.append(curve)


def thinned(points: Sequence[Point]) -> list[Point]:
    """Give of each span of time the point with the most memory."""
    span = max(1, -(-len(points) // _POINTS))
    return [
        max(points[at : at + span], key=lambda point: point.rss_mb)
        for at in range(0, len(points), span)
    ]


def write_csv(path: Path, curves: Sequence[Curve]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["load", "seconds", "rss_mb", "pss_mb", "rows_loaded"])
        for curve in curves:
            for point in thinned(curve.points):
                numbers = (point.seconds, point.rss_mb, point.pss_mb, point.rows)
                out.writerow([curve.name, *numbers])


def write_picture(path: Path, curves: Sequence[Curve]) -> None:
    """Draw memory over the share of the load's time, a line for each load."""
    highest = max(point.rss_mb for curve in curves for point in curve.points)
    top_mb = (int(max(highest, _LIMIT_MB)) // _STEP_MB + 1) * _STEP_MB
    parts = [_axes(top_mb)]
    for number, curve in enumerate(curves):
        colour = _COLOURS[number % len(_COLOURS)]
        parts.append(_line(curve, colour, top_mb))
        parts.append(
            f'<text x="{_LEFT + 8}" y="{_TOP + 14 + 16 * number}" {_FONT}>'
            f'<tspan fill="{colour}">&#9632;</tspan> {curve.rows:,} {curve.about},'
            f" {curve.points[-1].seconds:.0f} s</text>"
        )
    parts.append(
        f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{_y(_LIMIT_MB, top_mb)}"'
        f' y2="{_y(_LIMIT_MB, top_mb)}" stroke="#b91c1c" stroke-dasharray="4 4"/>'
    )
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH + 20} {_HEIGHT}"'
        f' width="{_WIDTH + 20}" height="{_HEIGHT}">\n'
        '<rect width="100%" height="100%" fill="#fff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n",
        encoding="utf-8",
    )


def _axes(top_mb: int) -> str:
    marks = [
        f'<text x="{_LEFT - 6}" y="{_y(at, top_mb) + 4}" text-anchor="end" {_FONT}>'
        f"{at}</text>"
        f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{_y(at, top_mb)}"'
        f' y2="{_y(at, top_mb)}" stroke="#e5e5e5"/>'
        for at in range(0, top_mb + 1, _STEP_MB)
    ]
    marks += [
        f'<text x="{_x(at / 100)}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle"'
        f" {_FONT}>{at} %</text>"
        for at in _LABELS
    ]
    marks.append(
        f'<text x="{_LEFT}" y="{_TOP - 12}" {_FONT}>MB of all processes, over the'
        " share of the time</text>"
    )
    return "\n".join(marks)


def _line(curve: Curve, colour: str, top_mb: int) -> str:
    end = curve.points[-1].seconds or 1.0
    places = " ".join(
        f"{_x(point.seconds / end)},{_y(point.rss_mb, top_mb)}"
        for point in thinned(curve.points)
    )
    return (
        f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>'
    )


def _x(share: float) -> float:
    return round(_LEFT + share * (_WIDTH - _LEFT), 1)


def _y(megabytes: float, top_mb: int) -> float:
    return round(_HEIGHT - _BOTTOM - megabytes / top_mb * (_HEIGHT - _BOTTOM - _TOP), 1)

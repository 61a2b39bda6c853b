"""What commands print: JSON for programs, plain columns for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cytoshift.durable import new_file

if TYPE_CHECKING:
    from cytoshift.metrics.bootstrap import Intervals


def print_json(data: Any) -> None:
    """Print JSON on stdout."""
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))


def write_json(path: Path, data: Any) -> None:
    """Write JSON new and rename it into place."""
    with new_file(path) as file:
        file.write((json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode())


def print_columns(rows: Sequence[Sequence[object]]) -> None:
    """Print rows as columns, two spaces between them."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo(line.rstrip())


def number(value: Any) -> str:
    """Return a measured number with three decimals, anything else as it is."""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def interval(intervals: Intervals | None, name: str) -> str:
    """Return the two ends of a number's interval; an empty text where it has none."""
    if intervals is None or name not in intervals.ends:
        return ""
    low, high = intervals.ends[name]
    return f"{number(low)} to {number(high)}"

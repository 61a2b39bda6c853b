"""Folders of drawn patches with a table, for tests."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

Row = dict[str, object]


def draw_patch(file: Path, seed: int, side: int = 32) -> Path:
    """Draw one patch that no other seed gives."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(file)
    return file


def write_table(file: Path, rows: Sequence[Row], delimiter: str = ",") -> Path:
    """Write rows as a table."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return file


def usual_rows(slides: int = 4, patches: int = 4, scanners: Sequence[str] = ("A", "B")) -> list[Row]:
    """Return rows of a table in plain words: every second patch is atypical, scanners take turns with slides."""
    return [
        {
            "file_name": f"s{slide}-{k}.png",
            "slide": f"s{slide}",
            "scanner": scanners[slide % len(scanners)],
            "label": ("normal", "atypical")[k % 2],
        }
        for slide in range(slides)
        for k in range(patches)
    ]


def draw_set(folder: Path, rows: Sequence[Row] | None = None, image: str = "file_name", side: int = 32) -> Path:
    """Write a table ``labels.csv`` and draw its patches; returns the folder."""
    rows = usual_rows() if rows is None else rows
    for seed, row in enumerate(rows):
        draw_patch(folder / str(row[image]), seed, side)
    write_table(folder / "labels.csv", rows)
    return folder

"""Data sets of patches that a table describes: a folder with ``labels.csv``, one row an image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cytoshift.errors import DataError
from cytoshift.training.coco import CocoSet, data_folder, unlabelled
from cytoshift.training.rows import choose_rows, read_rows

TABLE = "labels.csv"
NAMES = ("file_name", "file", "name")
"""Columns that may name the image, in this order; paths are relative to the table's folder."""


def find_table(path: str | Path) -> Path | None:
    """Return the table that a path means, a CSV file or a folder with ``labels.csv``; None where it means none."""
    for candidate in (Path(path), data_folder() / path):
        if candidate.suffix.lower() == ".csv" and candidate.is_file():
            return candidate
        if (candidate / TABLE).is_file():
            return candidate / TABLE
    return None


def read_table(table: Path, split: str | None = None, where: Mapping[str, str] | None = None) -> CocoSet:
    """Read the images of a table as a data set without cells.

    Parameters
    ----------
    table : Path
        CSV with a header; a column named as one of `NAMES` says which file a row is about.
    split : str, optional
        Keep the rows whose ``split`` is this; all without.
    where : mapping of str to str, optional
        Keep the rows that have these values in these columns, e.g. ``{"scanner": "Aperio CS2"}``.

    Raises
    ------
    DataError
        The table cannot be read, has no such column or value, or names images that are not there.
    """
    rows = read_rows(table)
    column = next((name for name in NAMES if name in rows[0]), None)
    if column is None:
        raise DataError(f"{table} has no column {' or '.join(NAMES)} that names the image of a row; add one.")
    for key, value in (({"split": split} if split else {}) | dict(where or {})).items():
        rows = choose_rows(table, rows, key, value)
    files = [table.parent / name for name in dict.fromkeys(row[column] for row in rows)]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise DataError(
            f"{table} names {len(missing)} images that are not there, the first {missing[0]};"
            " put them beside the table or correct their names."
        )
    return CocoSet(table.parent.resolve().name, (), tuple(map(unlabelled, files)))

"""Data sets of patches that a table describes: a folder with ``labels.csv``, one row an image."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from cytoshift.errors import DataError
from cytoshift.training.coco import CocoSet, data_folder, unlabelled

TABLE = "labels.csv"
NAMES = ("file_name", "file", "name")
"""Columns that may name the image, in this order; paths are relative to the table's folder."""

DELIMITERS = ",;\t"
"""What may stand between columns: spreadsheets of some countries write semicolons."""

_LISTED = 8
"""Values that an error lists."""

Row = dict[str, str]


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


def read_rows(table: Path) -> list[Row]:
    """Read a table, one dictionary a row, with comma, semicolon or tab between the columns; DataError where none is."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            delimiter = max(DELIMITERS, key=file.readline().count)
            file.seek(0)
            read = csv.DictReader(file, delimiter=delimiter)
            rows = [{key: value or "" for key, value in row.items() if key} for row in read]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table} cannot be read as a table ({error}); save it again as CSV in UTF-8.") from error
    if not rows:
        raise DataError(f"{table} has no row; export the table again.")
    return rows


def choose_rows(table: Path, rows: list[Row], key: str, value: str) -> list[Row]:
    """Return the rows with a value in a column; DataError where there is no such column or value."""
    if key not in rows[0]:
        raise DataError(f"{table} has no column {key}; its columns are {', '.join(rows[0])}.")
    chosen = [row for row in rows if row[key] == value]
    if not chosen:
        there = sorted({row[key] for row in rows})
        more = f" and {len(there) - _LISTED} more" if len(there) > _LISTED else ""
        raise DataError(f"{table} has no row with {key} '{value}'; there are {', '.join(there[:_LISTED])}{more}.")
    return chosen

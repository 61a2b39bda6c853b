"""Rows of tables that spreadsheets write."""

from __future__ import annotations

import csv
from pathlib import Path

from cytoshift.errors import DataError

Row = dict[str, str]

DELIMITERS = ",;\t"
"""What may stand between columns: spreadsheets of some countries write semicolons."""

_LISTED = 8
"""Values that an error lists."""


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

"""Room on a disk: what is about to be written is refused while nothing of it is there yet."""

from __future__ import annotations

import shutil
from pathlib import Path

from cytoshift.errors import DiskFull

MARGIN = 64 << 20
"""Bytes that are left to others: to the study, to what a job says, to the system."""


def check_room(folder: Path, size: int, what: str) -> None:
    """Look whether a disk has room for what is to be written, and a margin.

    Parameters
    ----------
    folder : Path
        Where it is to be written; it need not be there yet.
    size : int
        Bytes. What it takes the place of is not counted: both lie there until the new one is whole.
    what : str
        What it is, for the error.

    Raises
    ------
    DiskFull
        There is too little; it says how much is missing.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    missing = size + MARGIN - shutil.disk_usage(there).free
    if missing > 0:
        raise DiskFull(
            f"The disk of {folder} lacks {-(-missing // 2**20)} MB to write {what} and leave some to others; free that "
            "much and go on from the last checkpoint."
        )

"""Cells as the SQLite database of SlideRunner, which EXACT exports and imports too.

Its tables (SlideRunner's `SlideRunner_dataAccess.database`): ``Slides``, ``Classes`` with colours, ``Persons``,
``Annotations`` with a type and the class that was agreed on, ``Annotations_coordinates`` with the corners of each and
``Annotations_label`` with what each person called it. A spot has one coordinate and is read as a box of 50 px, as its
authors do for mitotic figures. There is no room for scores, states, measurements and regions,
nor for holes and several parts of outlines.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from cytoshift.durable import new_file
from cytoshift.errors import StudyError
from cytoshift.study.change import State
from cytoshift.study.formats.annotations import Annotations
from cytoshift.study.formats.collector import Collector, number
from cytoshift.study.formats.picture import Picture, choose
from cytoshift.study.palette import RGBColor

SPOT_SIDE = 50.0
"""Side in pixels of the box around a cell of which only the middle is marked."""

SPOT, BOX, POLYGON, SPECIAL_SPOT, CIRCLE = 1, 2, 3, 4, 5
"""Types of annotations: of a box and of a circle two corners are kept."""

_HEAD = b"SQLite format 3\x00"
_NEEDED = {"Slides", "Classes", "Annotations", "Annotations_coordinates"}
_TABLES = """
CREATE TABLE Slides (uid INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, filename TEXT, width INTEGER, height INTEGER,
                     directory TEXT, uuid TEXT, exactImageID TEXT);
CREATE TABLE Classes (uid INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, name TEXT, color TEXT);
CREATE TABLE Persons (uid INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, name TEXT, isExactUser INTEGER DEFAULT 0);
CREATE TABLE Annotations (uid INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, slide INTEGER, guid TEXT, lastModified REAL,
                          deleted INTEGER DEFAULT 0, type INTEGER, agreedClass INTEGER, description TEXT);
CREATE TABLE Annotations_coordinates (uid INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, coordinateX INTEGER,
                                      coordinateY INTEGER, coordinateZ INTEGER DEFAULT 0, slide INTEGER, annoId INTEGER,
                                      orderIdx INTEGER);
CREATE TABLE Annotations_label (uid INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, person INTEGER, class INTEGER,
                                exact_id INTEGER, annoId INTEGER);
CREATE TABLE Log (uid INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, dateTime REAL, labelId INTEGER);
"""

# Writing ---------------------------------------------------------------------------------------------------------


def write(path: str | Path, cells: Annotations, picture: Picture) -> Path:
    """Write the cells of a slide as a database of one slide; rejected ones are left out.

    Raises
    ------
    StudyError
        The file cannot be written; an older one then stays as it was.
    """
    path = Path(path)
    try:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder, "made.sqlite")
            with closing(sqlite3.connect(made)) as database:
                database.executescript(_TABLES)
                with database:
                    _fill(database, cells, picture)
            with made.open("rb") as whole, new_file(path) as out:
                while data := whole.read(1 << 20):
                    out.write(data)
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise StudyError(f"{path} cannot be written ({reason}); make room or choose another place.") from error
    return path


def _fill(database: sqlite3.Connection, cells: Annotations, picture: Picture) -> None:
    database.execute(
        "INSERT INTO Slides (uid, filename, width, height) VALUES (1, ?, ?, ?)",
        (picture.name, picture.width, picture.height),
    )
    database.execute("INSERT INTO Persons (uid, name) VALUES (1, 'cytoshift')")
    database.executemany(
        "INSERT INTO Classes (uid, name, color) VALUES (?, ?, ?)",
        [
            (uid, name, "#{:02X}{:02X}{:02X}".format(*color))
            for uid, (name, color) in enumerate(zip(cells.classes, cells.colors, strict=True), start=1)
        ],
    )
    kept = cells.select(cells.states != State.REJECTED)
    shapes = [
        np.array(parts[0][0], np.float32) if len(parts) == 1 else box.reshape(2, 2)
        for parts, box in zip(kept.outlines.parts(), kept.boxes, strict=True)
    ]
    rows = [
        (uid, name, POLYGON if len(shape) > 2 else BOX, label + 1, given)
        for uid, (name, shape, label, given) in enumerate(
            zip(kept.ids, shapes, kept.labels.tolist(), kept.given or ("",) * len(kept), strict=True), start=1
        )
    ]
    database.executemany(
        "INSERT INTO Annotations (uid, slide, guid, lastModified, deleted, type, agreedClass, description) "
        "VALUES (?, 1, ?, 0, 0, ?, ?, ?)",
        rows,
    )
    database.executemany(
        "INSERT INTO Annotations_label (person, class, annoId) VALUES (1, ?, ?)", [(row[3], row[0]) for row in rows]
    )
    database.executemany(
        "INSERT INTO Annotations_coordinates (coordinateX, coordinateY, slide, annoId, orderIdx) "
        "VALUES (?, ?, 1, ?, ?)",
        (
            (x, y, uid, order)
            for uid, shape in enumerate(shapes, start=1)
            for order, (x, y) in enumerate(shape.tolist(), start=1)
        ),
    )


# Reading ---------------------------------------------------------------------------------------------------------


def read(path: str | Path, slide: Picture | None = None, image: str = "") -> Annotations:
    """Read the cells of one slide; as `coco.read`. Deleted annotations are left out.

    Raises
    ------
    StudyError
        The file is no such database, is of another slide, or has a box without an area.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            if file.read(len(_HEAD)) != _HEAD:
                raise StudyError(f"{path} is no SQLite database; choose the one of SlideRunner or EXACT.")
        # what a crash left to be merged must not be overlooked; otherwise nothing is written beside the file
        whole = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro{whole}", uri=True)) as database:
            database.text_factory = lambda raw: raw.decode(errors="replace")
            return _read(path, database, slide, image)
    except OSError as error:
        raise StudyError(f"{path} cannot be read ({error.strerror or error}); check the path.") from error
    except sqlite3.Error as error:
        raise StudyError(f"{path} is no database of SlideRunner or EXACT ({error}); choose another file.") from error


def recognises(head: str) -> bool:
    """Whether a file that begins so is an SQLite database."""
    return head.startswith(_HEAD.decode())


def _read(path: Path, database: sqlite3.Connection, slide: Picture | None, image: str) -> Annotations:
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables >= _NEEDED:  # a view of that name could compute for ever
        raise StudyError(
            f"{path} is no database of SlideRunner or EXACT (it has no {', '.join(sorted(_NEEDED - tables))}); "
            "choose another file."
        )
    slides = database.execute("SELECT uid, filename, width, height FROM Slides ORDER BY uid").fetchall()
    pictures = [Picture(str(name), _whole(width), _whole(height)) for _, name, width, height in slides]
    chosen, note = choose(path, pictures, slide, image)
    collector = Collector(path, "Annotation")
    classes = {uid: str(name or "") for uid, name in database.execute("SELECT uid, name FROM Classes")}
    for uid, guid, kind, label, given, corners in _annotations(database, slides[chosen][0]):
        try:
            box, outline = _shape(kind, corners)
            collector.add(
                box, classes.get(label, ""), guid or f"{chosen}/{uid}", given=given or str(uid), outline=outline
            )
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            raise collector.refused(len(collector), error) from error
    if "color" in {row[1] for row in database.execute("PRAGMA table_info(Classes)")}:
        for name, text in database.execute("SELECT name, color FROM Classes"):
            color = _color(text)
            if color is not None:
                collector.color(str(name or ""), color)
    return collector.annotations().noted(note)


def _annotations(database: sqlite3.Connection, slide: int) -> Iterator[tuple[int, Any, Any, Any, str, list[Any]]]:
    """Yield uid, guid, type, class, description and corners of what is on a slide and not deleted."""
    has = {row[1] for row in database.execute("PRAGMA table_info(Annotations)")}
    guid, text = ("guid" if "guid" in has else "NULL"), ("description" if "description" in has else "NULL")
    alive = "AND NOT coalesce(deleted, 0)" if "deleted" in has else ""
    rows = database.execute(
        f"SELECT uid, {guid}, type, agreedClass, {text} FROM Annotations WHERE slide = ? {alive} ORDER BY uid", (slide,)
    )
    corners = database.execute(
        "SELECT annoId, coordinateX, coordinateY FROM Annotations_coordinates WHERE slide = ? "
        "ORDER BY annoId, orderIdx, uid",
        (slide,),
    )
    here = next(corners, None)
    for uid, name, kind, label, said in rows:
        points = []
        while here is not None and here[0] <= uid:
            if here[0] == uid:
                points.append((here[1], here[2]))
            here = next(corners, None)
        yield uid, name, kind, label, str(said or ""), points


def _shape(kind: object, corners: list[Any]) -> tuple[tuple[float, float, float, float], list[float]]:
    """Return the box around an annotation and, of a polygon, its corners."""
    xs, ys = [number(x) for x, _ in corners], [number(y) for _, y in corners]
    if not xs:
        raise ValueError("it has no coordinates")
    if len(xs) == 1:
        half = SPOT_SIDE / 2
        return (xs[0] - half, ys[0] - half, xs[0] + half, ys[0] + half), []
    box = (min(xs), min(ys), max(xs), max(ys))
    if kind != POLYGON or len(xs) < 3:
        return box, []
    closed = len(xs) > 3 and (xs[0], ys[0]) == (xs[-1], ys[-1])
    points = list(zip(xs, ys, strict=True))[: -1 if closed else None]
    return box, [value for point in points for value in point]


def _whole(value: object) -> int:
    try:
        return int(number(value))
    except (TypeError, ValueError, OverflowError):
        return 0


def _color(text: object) -> RGBColor | None:
    digits = str(text).removeprefix("#")
    if len(digits) != 6 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
        return None
    return (int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16))

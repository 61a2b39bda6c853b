"""Cells as a table: CSV with one row for each cell.

The columns written are ``id, x0, y0, x1, y1, class, score, state, red, green, blue, given`` and, behind them, one for
each measurement. Tables of other programs are read by the names that their columns usually have, whatever separates
them. A table has no room for outlines and regions, and says nothing of the slide it belongs to.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cytoshift.durable import new_file
from cytoshift.errors import StudyError
from cytoshift.study.change import State
from cytoshift.study.formats.annotations import Annotations
from cytoshift.study.formats.collector import Collector, number
from cytoshift.study.formats.picture import Picture

COLUMNS = ("id", "x0", "y0", "x1", "y1", "class", "score", "state", "red", "green", "blue", "given")

_STATES = {state.name.lower(): state for state in State}
_ALSO = {
    "x0": ("xmin", "x1min", "left", "x_min", "minx"),
    "y0": ("ymin", "y1min", "top", "y_min", "miny"),
    "x1": ("xmax", "right", "x_max", "maxx"),
    "y1": ("ymax", "bottom", "y_max", "maxy"),
    "x": ("bbox_x",),
    "y": ("bbox_y",),
    "width": ("w", "bbox_width"),
    "height": ("h", "bbox_height"),
    "class": ("label", "category", "classification", "name"),
    "score": ("confidence", "probability"),
    "id": ("cell", "uuid", "object id"),
    "red": ("r",),
    "green": ("g",),
    "blue": ("b",),
}
_NAMES = {name: name for name in (*COLUMNS, "x", "y", "width", "height")} | {
    other: name for name, others in _ALSO.items() for other in others
}
_LONGEST_FIELD = 1 << 16

# Writing ---------------------------------------------------------------------------------------------------------


def write(path: str | Path, cells: Annotations, picture: Picture | None = None) -> Path:
    """Write the cells of a slide; rejected ones are left out.

    Raises
    ------
    StudyError
        The file cannot be written; an older one then stays as it was.
    """
    path = Path(path)
    try:
        with new_file(path) as raw:
            text = io.TextIOWrapper(raw, encoding="utf-8", newline="")
            rows = csv.writer(text, lineterminator="\n")
            rows.writerow((*COLUMNS, *cells.measures))
            rows.writerows(table_rows(cells))
            text.detach()  # written out, and left open for `new_file`
    except OSError as error:
        raise StudyError(f"{path} cannot be written ({error.strerror}); make room or choose another place.") from error
    return path


def table_rows(cells: Annotations) -> Iterator[tuple[str, ...]]:
    """Yield what each cell that was not rejected has in `COLUMNS`, and then its measurements."""
    measures = [values.tolist() for values in cells.measures.values()]
    given = cells.given or ("",) * len(cells)
    for at, box in enumerate(cells.boxes.tolist()):
        state, label = State(int(cells.states[at])), int(cells.labels[at])
        if state is State.REJECTED:
            continue
        measured = (f"{values[at]:.9g}" if math.isfinite(values[at]) else "" for values in measures)
        yield (
            cells.ids[at],
            *(f"{value:.9g}" for value in box),
            cells.classes[label],
            f"{cells.scores[at]:.9g}",
            state.name.lower(),
            *map(str, cells.colors[label]),
            given[at],
            *measured,
        )


# Reading ---------------------------------------------------------------------------------------------------------


def read(path: str | Path, slide: Picture | None = None, image: str = "") -> Annotations:
    """Read the cells of a table; ``slide`` and ``image`` change nothing, for a table names no image.

    Raises
    ------
    StudyError
        The file is no table of boxes, or a box has no area.
    """
    path = Path(path)
    collector = Collector(path, "Row")
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            first = text.readline(_LONGEST_FIELD)
            separator = max(",;\t", key=first.count)
            text.seek(0)
            rows = csv.reader(text, delimiter=separator)
            names = [_NAMES.get(name.strip().lower(), name.strip()) for name in next(rows, [])]
            _check(path, names)
            for row in rows:
                if row:
                    _take(collector, names, row, separator)
    except OSError as error:
        raise StudyError(f"{path} cannot be read ({error.strerror or error}); check the path.") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise StudyError(f"{path} is no table ({error}); export it again as CSV in UTF-8.") from error
    return collector.annotations()


def recognises(head: str) -> bool:
    """Whether a file that begins so is a table of boxes."""
    first = head.partition("\n")[0].lower()
    names = {_NAMES.get(name.strip(' \r"'), "") for name in first.replace(";", ",").replace("\t", ",").split(",")}
    return {"x0", "y0"} <= names or {"x", "y", "width", "height"} <= names


def _check(path: Path, names: Sequence[str]) -> None:
    if not ({"x0", "y0", "x1", "y1"} <= set(names) or {"x", "y", "width", "height"} <= set(names)):
        raise StudyError(
            f"{path} has no columns x0, y0, x1, y1 (or x, y, width, height), but {', '.join(names[:8]) or 'nothing'}; "
            "name its columns so."
        )


def _take(collector: Collector, names: Sequence[str], row: Sequence[str], separator: str) -> None:
    try:
        said = dict(zip(names, row, strict=True))
        if "x0" in said:
            box = [_number(said[name], separator) for name in ("x0", "y0", "x1", "y1")]
        else:
            x, y, width, height = (_number(said[name], separator) for name in ("x", "y", "width", "height"))
            box = [x, y, x + width, y + height]
        label = said.get("class", "")
        collector.add(
            box,
            label,
            said.get("id") or None,
            given=said.get("given", ""),
            score=_number(said.get("score") or "1", separator),
            state=_STATES.get(said.get("state", ""), State.PREDICTED),
            measures=_measures(said, separator),
        )
        color = tuple(said.get(name, "") for name in ("red", "green", "blue"))
        if all(part.isascii() and part.isdecimal() and int(part) < 256 for part in color):
            collector.color(label, (int(color[0]), int(color[1]), int(color[2])))
    except (ValueError, TypeError, OverflowError) as error:
        raise collector.refused(len(collector), error) from error


def _measures(said: Mapping[str, str], separator: str) -> dict[str, float]:
    """Return what the further columns hold, as far as it is numbers."""
    measures: dict[str, float] = {}
    for name, text in said.items():
        if name and name not in _NAMES.values() and text:
            try:
                value = _number(text, separator)
            except ValueError:
                continue
            if abs(value) <= 3e38:
                measures[name] = value
    return measures


def _number(text: str, separator: str) -> float:
    return number(text.replace(",", ".") if separator == ";" else text)

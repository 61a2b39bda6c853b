"""Cells as COCO JSON, and as MIDOG++ JSON, whose boxes are two corners instead of a corner and a size.

Both hold cells of one class each with a box, an outline and a score. Neither has room for regions that are annotated
completely, for cells that were rejected, or for ids that are no numbers; ids, states and measurements are written
beside, under names of our own that other programs pass over. A cell of which nobody is sure is a crowd, which COCO's
scores ignore.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cytoshift.durable import new_file
from cytoshift.engine.outlines import area_of, in_one
from cytoshift.errors import StudyError
from cytoshift.study.change import State
from cytoshift.study.formats.annotations import Annotations
from cytoshift.study.formats.collector import Collector, number, printable
from cytoshift.study.formats.json_stream import pieces
from cytoshift.study.formats.picture import Picture, choose
from cytoshift.study.palette import RGBColor

MIDOG = "boxes are x1, y1, x2, y2, as in MIDOG++"
"""Part of the description of MIDOG++ files that are written here; the data set's own begins with its name."""

_STATES = {state.name.lower(): state for state in State}

# Writing ---------------------------------------------------------------------------------------------------------


def write(path: str | Path, cells: Annotations, picture: Picture, *, corners: bool = False) -> Path:
    """Write the cells of a slide as a data set of one image.

    Parameters
    ----------
    path : path
    cells : Annotations
        Rejected cells are left out; so are regions.
    picture : Picture
        The slide.
    corners : bool
        Write boxes as MIDOG++ does.

    Raises
    ------
    StudyError
        The file cannot be written; an older one then stays as it was.
    """
    path = Path(path)
    categories = [
        {"id": number, "name": name, "color": list(color)}
        for number, (name, color) in enumerate(zip(cells.classes, cells.colors, strict=True), start=1)
    ]
    image = {"id": 1, "file_name": picture.name, "width": picture.width, "height": picture.height}
    info = {"description": f"Cells of {picture.name}{f'; {MIDOG}' if corners else ''}"}
    head = f'{{"info": {_text(info)}, "images": [{_text(image)}], "categories": {_text(categories)}, "annotations": ['
    try:
        with new_file(path) as out:
            out.write(head.encode())
            separator = "\n"
            for annotation in _annotations(cells, corners):
                out.write(f"{separator}{_text(annotation)}".encode())
                separator = ",\n"
            out.write(b"\n]}\n")
    except OSError as error:
        raise StudyError(f"{path} cannot be written ({error.strerror}); make room or choose another place.") from error
    return path


def write_midog(path: str | Path, cells: Annotations, picture: Picture) -> Path:
    """Write the cells of a slide as MIDOG++ has them; otherwise as `write`."""
    return write(path, cells, picture, corners=True)


def _annotations(cells: Annotations, corners: bool) -> Iterator[dict[str, Any]]:
    numbers = _numbers(cells)
    measures = {name: values.tolist() for name, values in cells.measures.items()}
    for at, ((x0, y0, x1, y1), outline) in enumerate(zip(cells.boxes.tolist(), cells.outlines.parts(), strict=True)):
        state = State(int(cells.states[at]))
        if state is State.REJECTED:
            continue
        width, height = x1 - x0, y1 - y0
        annotation = {
            "id": numbers[at],
            "image_id": 1,
            "category_id": int(cells.labels[at]) + 1,
            "bbox": [x0, y0, x1, y1] if corners else [x0, y0, width, height],
            "area": area_of(outline) if outline else width * height,
            "iscrowd": int(state is State.UNSURE),
            "score": float(cells.scores[at]),
            "cell": cells.ids[at],
            "state": state.name.lower(),
        }
        if outline:
            annotation["segmentation"] = [[value for point in around for value in point] for around, *_ in outline]
            if any(holes for _, *holes in outline):
                annotation["outline"] = outline  # with its holes, of which COCO's polygons have none
        measured = {name: values[at] for name, values in measures.items() if math.isfinite(values[at])}
        if measured:
            annotation["measurements"] = measured
        yield annotation


def _numbers(cells: Annotations) -> list[int]:
    """Return the numbers that a file gave the cells, or new ones where it did not give each one of its own."""
    given = [int(name) for name in cells.given if name.isascii() and name.isdecimal() and len(name) < 16]
    return given if len(set(given)) == len(cells) else list(range(1, len(cells) + 1))


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


# Reading ---------------------------------------------------------------------------------------------------------


def read(path: str | Path, slide: Picture | None = None, image: str = "", *, corners: bool = False) -> Annotations:
    """Read the cells of one image.

    Parameters
    ----------
    path : path
    slide : Picture, optional
        The slide they should lie on; without it the file must hold one image.
    image : str
        What the file calls the slide, where it is not the slide's own name.
    corners : bool
        Whether boxes are two corners.

    Raises
    ------
    StudyError
        The file is no COCO JSON, is of another slide, or has a box without an area.
    """
    path = Path(path)
    kind = "MIDOG++ JSON" if corners else "COCO JSON"
    found = _Found(path)
    for key, value, element in pieces(path, kind):
        take = found.takers.get(key)
        if take is None:
            continue
        if not element and value != []:
            raise StudyError(f"{path} is not {kind} (its {key} are no list); export it again.")
        found.lists.add(key)
        if element:
            take(value)
    missing = [name for name in found.takers if name not in found.lists]
    if missing:
        raise StudyError(f"{path} is not {kind} (it has no {' and no '.join(missing)}); export it again.")
    return found.of_slide(slide, image, corners=corners)


def read_midog(path: str | Path, slide: Picture | None = None, image: str = "") -> Annotations:
    """Read the cells of one image of a MIDOG++ file; otherwise as `read`."""
    return read(path, slide, image, corners=True)


def recognises(head: str) -> bool:
    """Whether a file that begins so is COCO JSON."""
    return any(f'"{name}"' in head for name in ("images", "annotations", "categories")) and not recognises_midog(head)


def recognises_midog(head: str) -> bool:
    """Whether a file that begins so is MIDOG++ JSON."""
    return '"images"' in head and ('"MIDOG' in head or MIDOG in head)


class _Found:
    """The three lists of a file, in whatever order they come."""

    def __init__(self, path: Path) -> None:
        self.takers: dict[str, Callable[[Any], None]] = {
            "images": self._image,
            "categories": self._category,
            "annotations": self._annotation,
        }
        self.lists: set[str] = set()
        self._path = path
        self._pictures: dict[str, Picture] = {}
        self._names: dict[str, str] = {}
        self._colors: dict[str, RGBColor] = {}
        self._collector = Collector(path, "Annotation")
        self._images: dict[str, int] = {}
        self._of_image = array("l")

    def of_slide(self, slide: Picture | None, image: str, *, corners: bool) -> Annotations:
        """Return the cells of the image that is the slide."""
        chosen, note = choose(self._path, list(self._pictures.values()), slide, image)
        try:
            read = self._collector.annotations(corners=corners, names=self._names)
        except KeyError as error:
            raise StudyError(f"{self._path} has no category {error}, which a cell is of; export it again.") from error
        key = list(self._pictures)[chosen]
        here = np.frombuffer(self._of_image, np.dtype("l")) == self._images.get(key, -1)
        read = read.select(here).noted(note)
        if not corners and _are_corners(read, slide or list(self._pictures.values())[chosen]):
            raise StudyError(
                f"The boxes of {self._path} reach beyond the slide, as if they were two corners each; "
                "import the file as MIDOG++ (--format midog)."
            )
        return read

    def _image(self, entry: Any) -> None:
        self._guarded(entry, "image", self._take_image)

    def _category(self, entry: Any) -> None:
        self._guarded(entry, "category", self._take_category)

    def _annotation(self, entry: Any) -> None:
        try:
            self._take_annotation(entry)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            why = f"it has no {error}" if isinstance(error, KeyError) else error
            raise self._collector.refused(len(self._of_image), why) from error

    def _guarded(self, entry: Any, thing: str, take: Callable[[Any], None]) -> None:
        try:
            take(entry)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise StudyError(f"An {thing} of {self._path} cannot be read ({error!r}); export it again.") from error

    def _take_image(self, entry: dict[str, Any]) -> None:
        size = (int(entry.get("width") or 0), int(entry.get("height") or 0))
        self._pictures[_key(entry["id"])] = Picture(printable(str(entry["file_name"])), *size)

    def _take_category(self, entry: dict[str, Any]) -> None:
        key, color = _key(entry["id"]), entry.get("color")
        self._names[key] = str(entry["name"])
        if isinstance(color, list) and len(color) == 3 and all(type(c) is int and 0 <= c <= 255 for c in color):
            self._collector.color(self._names[key], (color[0], color[1], color[2]))

    def _take_annotation(self, entry: dict[str, Any]) -> None:
        x, y, right, bottom = (number(value) for value in entry["bbox"])
        image = self._images.setdefault(_key(entry["image_id"]), len(self._images))
        state = _STATES.get(str(entry.get("state", "")))
        if state is None:
            state = State.UNSURE if entry.get("iscrowd") else State.PREDICTED
        own = str(entry["id"]) if "id" in entry else ""
        self._collector.add(
            (x, y, right, bottom),
            _key(entry["category_id"]),
            entry.get("cell", f"{image}/{own}" if own else None),
            given=own,
            score=number(entry.get("score", 1.0)),
            state=state,
            outline=self._outline(entry),
            measures={str(name): number(value) for name, value in (entry.get("measurements") or {}).items()},
        )
        self._of_image.append(image)

    def _outline(self, entry: dict[str, Any]) -> list[float]:
        """Return the outline of an annotation: its polygons, or, written here, those with their holes."""
        polygons, parts = entry.get("segmentation"), entry.get("outline")
        if isinstance(parts, list) and parts:
            rings = [[_polygon([one for point in ring for one in point]) for ring in part] for part in parts]
        elif isinstance(polygons, list) and polygons and all(len(polygon) >= 6 for polygon in polygons):
            rings = [[_polygon(polygon)] for polygon in polygons]
        else:
            if polygons:
                self._collector.note("Outlines that are no polygons kept as boxes")
            return []
        if any(len(ring) < 6 for part in rings for ring in part):
            raise ValueError("its outline has no area")
        return in_one([[list(zip(ring[::2], ring[1::2], strict=True)) for ring in part] for part in rings])


def _are_corners(cells: Annotations, picture: Picture) -> bool:
    """Whether boxes leave the image that would lie in it if their width and height were a corner."""
    x0, y0, x1, y1 = cells.boxes.T
    beyond = picture.sized and ((x1 > picture.width + 1) | (y1 > picture.height + 1)).any()
    return bool(beyond and ((x1 - x0 > x0) & (y1 - y0 > y0)).all())


def _key(identifier: object) -> str:
    if isinstance(identifier, bool) or not isinstance(identifier, (int, str, float)):
        raise TypeError(f"{identifier!r:.40} is no id")
    return f"#{identifier}"  # which is no class's name


def _polygon(flat: list[object]) -> list[float]:
    """Return x, y, x, y of an outline, in whole pairs, without the first corner again at the end."""
    values = [number(value) for value in flat]
    if len(values) % 2 or not all(math.isfinite(value) and abs(value) < 1e9 for value in values):
        raise ValueError("its outline is no list of points")
    return values[:-2] if len(values) > 6 and values[:2] == values[-2:] else values

"""Cells as Pascal VOC XML, one file for one image.

Boxes are written from pixel 0, as labelImg and torchvision have them, and with the digits they have; the challenge's
own files counted from 1. There is no room for outlines, colours, measurements and regions. Ids, scores and states are
written beside, in elements of our own; a cell of which nobody is sure is "difficult".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape

from cytoshift.durable import new_file
from cytoshift.errors import StudyError
from cytoshift.study.change import State
from cytoshift.study.formats.annotations import Annotations
from cytoshift.study.formats.collector import Collector, number, printable
from cytoshift.study.formats.picture import Picture, choose

_STATES = {state.name.lower(): state for state in State}
_DEEPEST = 16
_CORNERS = ("xmin", "ymin", "xmax", "ymax")

# Writing ---------------------------------------------------------------------------------------------------------


def write(path: str | Path, cells: Annotations, picture: Picture) -> Path:
    """Write the cells of a slide; rejected ones are left out.

    Raises
    ------
    StudyError
        The file cannot be written; an older one then stays as it was.
    """
    path = Path(path)
    try:
        with new_file(path) as out:
            for line in _lines(cells, picture):
                out.write(f"{line}\n".encode())
    except OSError as error:
        raise StudyError(f"{path} cannot be written ({error.strerror}); make room or choose another place.") from error
    return path


def _lines(cells: Annotations, picture: Picture) -> Iterator[str]:
    yield "<annotation>"
    yield f"  <filename>{_text(picture.name)}</filename>"
    yield f"  <size><width>{picture.width}</width><height>{picture.height}</height><depth>3</depth></size>"
    for at, box in enumerate(cells.boxes.tolist()):
        state = State(int(cells.states[at]))
        if state is State.REJECTED:
            continue
        corners = "".join(f"<{name}>{value:.9g}</{name}>" for name, value in zip(_CORNERS, box, strict=True))
        given = f"<given>{_text(cells.given[at])}</given>" if cells.given and cells.given[at] else ""
        yield (
            f"  <object><name>{_text(cells.classes[cells.labels[at]])}</name><truncated>0</truncated>"
            f"<difficult>{int(state is State.UNSURE)}</difficult><bndbox>{corners}</bndbox>"
            f"<id>{cells.ids[at]}</id>{given}<score>{cells.scores[at]:.9g}</score>"
            f"<state>{state.name.lower()}</state></object>"
        )
    yield "</annotation>"


def _text(text: str) -> str:
    return escape(printable(text))


# Reading ---------------------------------------------------------------------------------------------------------


def read(path: str | Path, slide: Picture | None = None, image: str = "") -> Annotations:
    """Read the cells of one image; as `coco.read`.

    No entity is resolved: a file that declares any, or names another file, is refused before it is read on.

    Raises
    ------
    StudyError
        The file is no Pascal VOC XML, is of another slide, or has a box without an area.
    """
    path = Path(path)
    objects = _Objects(path)
    try:
        with path.open("rb") as file:
            objects.parse(file.read)
    except OSError as error:
        raise StudyError(f"{path} cannot be read ({error.strerror or error}); check the path.") from error
    except (expat.ExpatError, ValueError) as error:
        raise StudyError(f"{path} is not Pascal VOC XML ({error}); export it again.") from error
    _, note = choose(path, [objects.picture], slide, image)
    return objects.collector.annotations().noted(note)


def recognises(head: str) -> bool:
    """Whether a file that begins so is Pascal VOC XML."""
    return "<annotation" in head


class _Objects:
    """Takes a file element by element."""

    def __init__(self, path: Path) -> None:
        self.collector = Collector(path, "Object")
        self._within: list[str] = []
        self._said: dict[str, str] = {}
        self._image: dict[str, str] = {}
        self._text: list[str] = []

    @property
    def picture(self) -> Picture:
        """The image as the file names it."""
        said = self._image
        try:
            size = int(number(said.get("width") or 0)), int(number(said.get("height") or 0))
        except (ValueError, OverflowError):
            size = 0, 0
        return Picture(printable(said.get("filename") or self.collector.path.name), *size)

    def parse(self, read: Callable[[int], bytes]) -> None:
        """Read everything; ValueError where it is no VOC."""
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.buffer_text = True
        while data := read(1 << 20):
            parser.Parse(data)
        parser.Parse(b"", True)

    def _refuse(self, *_: object) -> None:
        raise ValueError("it declares a document type or entities, which no such file needs")

    def _start(self, name: str, _: object) -> None:
        if not self._within and name != "annotation":
            raise ValueError(f"it begins with {name[:40]} and not with annotation")
        if len(self._within) == _DEEPEST:
            raise ValueError("it is nested too deeply")
        self._within.append(name)
        self._text.clear()
        if self._within[1:] == ["object"]:
            self._said = {}

    def _end(self, name: str) -> None:
        within = self._within[1:]
        self._within.pop()
        text = "".join(self._text).strip()
        self._text.clear()
        if within == ["object"]:
            self._take()
        elif within[:1] == ["object"] and (len(within) == 2 or within[1] == "bndbox"):  # not those of its parts
            self._said[name] = text
        elif within in (["filename"], ["size", "width"], ["size", "height"]):
            self._image[name] = text

    def _take(self) -> None:
        said, at = self._said, len(self.collector)
        try:
            x0, y0, x1, y1 = (number(said[name]) for name in _CORNERS)
            state = _STATES.get(said.get("state", ""))
            if state is None:
                state = State.UNSURE if said.get("difficult") == "1" else State.PREDICTED
            self.collector.add(
                (x0, y0, x1, y1),
                said.get("name", ""),
                said.get("id"),
                given=said.get("given", ""),
                score=number(said.get("score") or 1.0),
                state=state,
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            why = f"it has no {error}" if isinstance(error, KeyError) else error
            raise self.collector.refused(at, why) from error

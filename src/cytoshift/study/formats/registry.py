"""The formats there are, and which one a file has: by what is in it, and by how it is called."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cytoshift.engine.progress import CancelToken, Report
from cytoshift.errors import StudyError
from cytoshift.study.formats import coco, crops, geojson, slide_runner, table, voc
from cytoshift.study.formats.annotations import Annotations
from cytoshift.study.formats.json_stream import opened
from cytoshift.study.formats.picture import Picture

if TYPE_CHECKING:
    from cytoshift.slides.slide import Slide

_HEAD = 1 << 16

Read = Callable[[Path, Picture | None, str], Annotations]
Write = Callable[[Path, Annotations, Picture], Path]


@dataclass(frozen=True, slots=True)
class Format:
    """One way to keep cells in a file.

    Parameters
    ----------
    name : str
        What the terminal calls it.
    title : str
        What a person calls it.
    suffixes : tuple of str
        How its files end; the first one is written. A folder has none.
    read : callable
        Takes the file, the slide, and what the file calls the slide (``""`` for its own name).
    write : callable or None
        Takes the file, the cells and the slide; None for crops, which need the slide's pixels.
    recognises : callable
        Takes how a file begins.
    loses : str
        What it has no room for, in a few words; ``""`` for nothing.
    sized : bool
        Whether it says how large the slide is, so that the slide must be at hand.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    read: Read
    write: Write | None
    recognises: Callable[[str], bool]
    loses: str = ""
    sized: bool = True

    @property
    def suffix(self) -> str:
        """How its files end; ``""`` for a folder."""
        return self.suffixes[0] if self.suffixes else ""


FORMATS = (
    Format(
        "geojson",
        "GeoJSON (QuPath)",
        (".geojson", ".geojson.gz", ".json", ".json.gz"),
        lambda path, slide, image: geojson.read(path),
        lambda path, cells, slide: geojson.write(path, cells),
        geojson.recognises,
        sized=False,
    ),
    Format("midog", "MIDOG++ JSON", (".midog.json", ".json"), coco.read_midog, coco.write_midog,
           coco.recognises_midog, "regions"),
    Format("coco", "COCO JSON", (".coco.json", ".json", ".json.gz"), coco.read, coco.write, coco.recognises, "regions"),
    Format("voc", "Pascal VOC XML", (".xml",), voc.read, voc.write, voc.recognises,
           "regions, outlines, colours and measurements"),
    Format("crops", "Crops to train on (folder)", (), crops.read, None, crops.recognises, "regions and outlines"),
    Format("csv", "Table (CSV)", (".csv", ".tsv", ".txt"), table.read, table.write, table.recognises,
           "regions and outlines", sized=False),
    Format("slide-runner", "SlideRunner or EXACT (SQLite)", (".sqlite", ".sqlite3", ".db"), slide_runner.read,
           slide_runner.write, slide_runner.recognises,
           "regions, holes, several parts of outlines, scores, states and measurements"),
)  # fmt: skip
"""Every format. Of several that recognise a file the first one counts."""


def named(name: str) -> Format:
    """Return a format by its name; StudyError where there is none."""
    for one in FORMATS:
        if one.name == name:
            return one
    raise StudyError(f"There is no format {name}; choose one of {', '.join(one.name for one in FORMATS)}.")


def format_of(path: Path) -> Format:
    """Return the format of a file or folder that is there.

    Raises
    ------
    StudyError
        It cannot be read, or is of no format that is known.
    """
    if path.is_dir():
        if (path / crops.TABLE).is_file():
            return named("crops")
        raise StudyError(f"{path} is a folder without {crops.TABLE}; choose a file, or a folder of crops.")
    head = _head(path)
    for one in FORMATS:
        if one.recognises(head):
            return one
    name = path.name.lower()
    by_name = [one for one in FORMATS if one.suffixes and name.endswith(one.suffixes)]
    if by_name:  # so that what is wrong with it is said in its own words
        return by_name[0]
    known = ", ".join(one.title for one in FORMATS)
    raise StudyError(f"{path} holds no cells in a format that is known; export them as one of {known}.")


def suffix_format(path: Path) -> Format:
    """Return the format in which a new file is written, by how it is to be called; StudyError where that says none."""
    name = path.name.lower()
    fitting = {suffix: one for one in reversed(FORMATS) for suffix in one.suffixes if name.endswith(suffix)}
    if fitting:
        return fitting[max(fitting, key=len)]
    raise StudyError(f"How {path.name} ends says no format; name one ({', '.join(one.name for one in FORMATS)}).")


def read(path: str | Path, slide: Picture | None = None, *, image: str = "", name: str = "") -> Annotations:
    """Read the cells and regions of one slide from a file of any format.

    Parameters
    ----------
    path : path
    slide : Picture, optional
        The slide they should lie on.
    image : str
        What the file calls the slide, where it is not the slide's own name.
    name : str
        Name of the format; by the file itself without.

    Raises
    ------
    StudyError
        The file cannot be read, is of no known format, or is of another slide.
    """
    path = Path(path)
    chosen = named(name) if name else format_of(path)
    return chosen.read(path, slide, image)


def write(
    path: str | Path,
    cells: Annotations,
    slide: Slide | Picture,
    *,
    name: str = "",
    report: Report | None = None,
    cancel: CancelToken | None = None,
) -> Path:
    """Write cells and regions of one slide.

    Parameters
    ----------
    path : path
    cells : Annotations
    slide : Slide or Picture
        The slide itself for crops; for the others its name, and its size where the format says it.
    name : str
        Name of the format; by how the file is to be called without.

    Raises
    ------
    StudyError
        The format is not known, or the file cannot be written; an older one then stays as it was.
    Cancelled
        On request; nothing is left behind.
    """
    path = Path(path)
    chosen = named(name) if name else suffix_format(path)
    if chosen.write is not None:
        return chosen.write(path, cells, slide if isinstance(slide, Picture) else Picture.of(slide))
    if isinstance(slide, Picture):
        raise StudyError(f"Crops need the pixels of {slide.name}; open the slide first.")
    return crops.write(path, cells, slide, report, cancel)


def _head(path: Path) -> str:
    try:
        with opened(path) as file:
            return file.read(_HEAD).decode("utf-8", errors="ignore")
    except OSError as error:
        raise StudyError(f"{path} cannot be read ({error.strerror or error}); check the path.") from error
    except (EOFError, zlib.error) as error:
        raise StudyError(f"{path} is not whole ({error}); copy or export it again.") from error

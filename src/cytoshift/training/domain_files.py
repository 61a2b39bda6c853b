"""Whose slides: the files that a recipe means by one domain, before any of their pixels are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cytoshift.errors import DataError, SlideError
from cytoshift.slides import Slide, open_slide
from cytoshift.training.coco import PICTURES, CocoSet, found, read_fields, unlabelled
from cytoshift.training.coco import Field as Annotated
from cytoshift.training.table import find_table, read_table

SLIDES = {".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".svslide", ".dcm", ".zarr"}
"""How the files and folders of whole slides end; pictures and TIFF are fields of a folder."""


class DomainFields(BaseModel):
    """The slides or images of one domain.

    ``path`` is COCO JSON or its folder, a folder with ``labels.csv``, a plain folder of images or of slides, or one
    image; ``slides`` are files chosen by hand. ``split``, ``half`` (COCO) and ``where`` (columns of a table) choose
    among the images of ``path``; ``mpp`` is the µm/px of those that say nothing of it themselves. ``calibrated`` has
    µm/px along y and x of slides whose files do not say them, by the slide's name as it stands in ``slides``.
    """

    model_config = ConfigDict(extra="forbid")

    path: str = ""
    slides: tuple[str, ...] = ()
    split: str | None = None
    half: str | None = None
    where: dict[str, str] = {}
    mpp: float = Field(0.25, gt=0)
    calibrated: dict[str, tuple[float, float]] = {}

    @model_validator(mode="after")
    def _names_files(self) -> Self:
        if not self.path and not self.slides:
            raise ValueError("name the images of this domain: path = a folder or a table, or slides = a list of files")
        return self

    def placed(self) -> Self:
        """Return the same fields wherever the program is run: with absolute paths."""
        return self.model_copy(
            update={
                "path": found(self.path) if self.path else "",
                "slides": tuple(map(found, self.slides)),
                "calibrated": {found(name): mpp_yx for name, mpp_yx in self.calibrated.items()},
            }
        )

    def without_paths(self, name: str) -> Self:
        """Return the same fields with names instead of the paths of this computer."""
        return self.model_copy(
            update={
                "path": name if self.path else "",
                "slides": tuple(Path(slide).name for slide in self.slides),
                "calibrated": {Path(slide).name: mpp_yx for slide, mpp_yx in self.calibrated.items()},
            }
        )


@dataclass(frozen=True, slots=True)
class DomainFile:
    """One file of a domain.

    Parameters
    ----------
    path : Path
    mpp_yx : tuple of float or None
        µm/px that are known of it from outside; they win over what the file says.
    presumed : float or None
        µm/px where neither says any.
    pixels : int
        Size of an image; 0 of a whole slide, which is not looked into before its turn.
    """

    path: Path
    mpp_yx: tuple[float, float] | None = None
    presumed: float | None = None
    pixels: int = 0

    def open(self) -> Slide:
        """Open it with its µm/px; SlideError where nobody knows them, or it is no slide."""
        slide = open_slide(self.path)
        presumed = None if self.presumed is None else (self.presumed, self.presumed)
        mpp_yx = self.mpp_yx or slide.info.mpp_yx or presumed
        if mpp_yx is None:
            slide.close()
            raise SlideError(
                f"{self.path.name} does not say how large a pixel is; open it in the window and set its µm/px, or write"
                " them under calibrated in the recipe."
            )
        return slide if mpp_yx == slide.info.mpp_yx else slide.calibrated(mpp_yx)


@dataclass(frozen=True, slots=True)
class DomainFiles:
    """The files of a domain, and what is known of where they come from."""

    name: str
    files: tuple[DomainFile, ...]
    source: str = ""
    licence: str = ""


def list_files(fields: DomainFields) -> DomainFiles:
    """Find the files of a domain.

    Raises
    ------
    DataError
        They are not there, or nothing has the split, half, column or value that is asked for.
    """
    listed = _listed(fields) if fields.path else DomainFiles("", ())
    calibrated = {str(Path(found(name))): mpp_yx for name, mpp_yx in fields.calibrated.items()}
    slides = [Path(found(name)).absolute() for name in fields.slides]
    missing = [slide for slide in slides if not slide.exists()]
    if missing:
        raise DataError(f"The slide {missing[0]} is not there; put it back, or choose it from its new place.")
    chosen = tuple(DomainFile(slide, calibrated.get(str(slide))) for slide in slides)
    return DomainFiles(
        listed.name or _names([slide.name for slide in slides]), listed.files + chosen, listed.source, listed.licence
    )


def check_apart(source: DomainFields, target: DomainFields) -> None:
    """Raise DataError unless a source and a target are two sets with no file in both."""
    first, second = list_files(source), list_files(target)
    here = {file.path.resolve() for file in first.files}
    both = [file.path for file in second.files if file.path.resolve() in here]
    if not both:
        return
    if len(both) == len(here) == len(second.files):
        raise DataError(
            f"Source and target are the same files ({first.name}); choose slides of two laboratories, or one half of"
            " the images for each."
        )
    raise DataError(
        f"{len(both)} files are in the source and in the target, the first {both[0].name}; choose other ones for one"
        " of the two, or split the images so that none is in both."
    )


def read_pictures(fields: DomainFields) -> CocoSet:
    """Return the pictures that ``path`` means as fields, with their cells where it is COCO.

    Raises
    ------
    DataError
        They are not there, or nothing has the split, half, column or value that is asked for.
    """
    table = find_table(fields.path)
    place = Path(found(fields.path))
    if fields.where and table is None:
        raise DataError(f"{place} has no labels.csv whose columns {', '.join(fields.where)} could be; leave out where.")
    if table is not None:
        if fields.half:
            raise DataError(f"{table} is a table and has no halves; use where = {{column = value}} instead of half.")
        data = read_table(table, fields.split, fields.where)
        named = ", ".join([data.name, *(f"{key} {value}" for key, value in fields.where.items())])
        return replace(data, name=named)
    if place.suffix.lower() in PICTURES and place.is_file():
        return CocoSet(place.name, (), (unlabelled(place),))
    return read_fields(fields.path, fields.split, fields.half)


def placed_domains(source: DomainFields, target: DomainFields) -> dict[str, DomainFields]:
    """Return a source and a target by these names, wherever the program is run.

    Raises
    ------
    DataError
        A file of theirs is not there, or is in both.
    SlideError
        A slide cannot be opened, or does not say its µm/px.
    """
    check_apart(source, target)
    for fields in (source, target):
        for file in list_files(fields).files:
            if not file.pixels:  # a whole slide: whether it says its µm/px is seen when it is opened
                file.open().close()
    return {"source": source.placed(), "target": target.placed()}


def _listed(fields: DomainFields) -> DomainFiles:
    """Return the files that ``path`` means."""
    place = Path(found(fields.path))
    slides = [] if find_table(fields.path) is not None else _whole_slides(place)
    if slides and not fields.where:
        return DomainFiles(place.name, tuple(map(DomainFile, slides)))
    data = read_pictures(fields)

    def file(field: Annotated) -> DomainFile:
        mpp_yx = None if field.mpp is None else (field.mpp, field.mpp)
        return DomainFile(field.path, mpp_yx, fields.mpp, field.height * field.width)

    return DomainFiles(data.name, tuple(map(file, data.fields)), data.source, data.licence)


def _whole_slides(folder: Path) -> list[Path]:
    """Return the whole slides of a folder of such; nothing where it holds pictures or annotations."""
    if not folder.is_dir() or (folder / "annotations.json").is_file():
        return []
    files = sorted(folder.iterdir())
    if any(file.suffix.lower() in PICTURES for file in files):
        return []
    return [file for file in files if file.suffix.lower() in SLIDES]


def _names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"

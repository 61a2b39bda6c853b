"""What a person chose for a laboratory: slides and folders, looked into in a thread."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cytoshift.jobs.laboratories import is_set, laboratory
from cytoshift.slides import open_slide
from napari_cytoshift import wording
from napari_cytoshift.state import State

if TYPE_CHECKING:
    from cytoshift.training.domain_files import DomainFields

Scale = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A slide, or a folder of images.

    Parameters
    ----------
    path : str
    name : str
        What a person reads.
    mpp_yx : tuple of float or None
        µm/px along y and x, where they are known.
    images : int
        How many images a folder has; 0 of a slide.
    """

    path: str
    name: str
    mpp_yx: Scale | None = None
    images: int = 0

    @property
    def words(self) -> str:
        """Name and size of a pixel, or number of images."""
        if self.images:
            return f"{self.name}  ·  {self.images} images"
        return f"{self.name}  ·  " + ("µm/px unknown" if self.mpp_yx is None else f"{self.mpp_yx[0]:.3g} µm/px")


def look_into(path: str) -> Chosen:
    """Look into a slide or a folder; raises SlideError or DataError where it is none."""
    if is_set(Path(path)):
        from cytoshift.training.domain_files import list_files

        return Chosen(path, Path(path).name, images=len(list_files(laboratory([path])).files))
    with closing(open_slide(path)) as slide:
        known = State().calibration(slide.info.identity)
        return Chosen(path, slide.name, slide.info.mpp_yx or (None if known is None else known[0]))


def domain_of(chosen: tuple[Chosen, ...], mpp: float) -> DomainFields:
    """Return what a person chose as a domain; ``mpp`` is that of a folder's images which say nothing of it."""
    known = {one.path: one.mpp_yx for one in chosen if one.mpp_yx is not None}
    return laboratory([one.path for one in chosen], mpp=mpp, calibrated=known)


def named(chosen: tuple[Chosen, ...]) -> str:
    """Say which slides they are: the first one's name, and how many more."""
    if not chosen:
        return ""
    first = wording.shortened(chosen[0].name)
    return first if len(chosen) == 1 else f"{first} and {len(chosen) - 1} more"


def unmeasured(chosen: tuple[Chosen, ...]) -> str:
    """Say of which slide µm/px are missing; ``""`` where they are known of all."""
    unknown = next((one.name for one in chosen if one.mpp_yx is None and not one.images), "")
    return f"Still missing: µm/px of {unknown}; open it and set them in Slide." if unknown else ""


def with_scale(chosen: tuple[Chosen, ...], path: str, mpp_yx: Scale | None) -> tuple[Chosen, ...]:
    """Return the same with µm/px of one of them as a person set them."""
    return tuple(replace(one, mpp_yx=mpp_yx) if one.path == path else one for one in chosen)

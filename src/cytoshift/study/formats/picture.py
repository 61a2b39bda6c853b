"""The image that annotations lie on, as files name it, and whether that is the slide at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cytoshift.errors import StudyError

if TYPE_CHECKING:
    from cytoshift.slides.slide import Slide


@dataclass(frozen=True, slots=True)
class Picture:
    """An image by name and size.

    Parameters
    ----------
    name : str
        File name, folders before it or not.
    width, height : int
        Pixels of level 0; 0 where nobody says.
    """

    name: str
    width: int = 0
    height: int = 0

    @classmethod
    def of(cls, slide: Slide) -> Picture:
        """Return a slide as files name it."""
        return cls(slide.name, slide.levels[0].width, slide.levels[0].height)

    @property
    def sized(self) -> bool:
        """Whether its size is known."""
        return self.width > 0 and self.height > 0

    def named_like(self, other: Picture) -> bool:
        """Whether both have one name, whatever the folders and the letters after the last dot."""
        return _stem(self.name) == _stem(other.name)

    def sized_like(self, other: Picture) -> bool:
        """Whether both are known to have one size."""
        return self.sized and (self.width, self.height) == (other.width, other.height)

    def __str__(self) -> str:
        return f"{self.name} ({self.width} × {self.height} px)" if self.sized else self.name


def choose(path: Path, images: Sequence[Picture], slide: Picture | None, image: str = "") -> tuple[int, str]:
    """Return which image of a file is the slide, and a sentence where that is not by its name.

    Parameters
    ----------
    path : Path
        The file, for the error's words.
    images : sequence of Picture
        Those that it names.
    slide : Picture, optional
        The slide at hand; without it the file must hold one image.
    image : str
        The name of the image that is meant, where the slide has another.

    Raises
    ------
    StudyError
        No image is the slide, or it has another size.
    """
    if image:
        named = [at for at, one in enumerate(images) if image == one.name or _stem(image) == _stem(one.name)]
    elif slide is None:
        named = list(range(len(images)))
    else:
        named = [at for at, one in enumerate(images) if one.named_like(slide)]
    if not named and not image and slide is not None:
        if len(images) == 1 and images[0].sized_like(slide):
            return 0, f"The file calls the slide {images[0].name}; its size is the same."
        raise StudyError(
            f"{path} is of {_listed(images)} and not of {slide}; choose that slide, or say which image it is (--image)."
        )
    if len(named) != 1:
        asked = f"{len(named)} images called {image}" if image else f"{len(named)} images that may be meant"
        raise StudyError(f"{path} has {asked}, among {_listed(images)}; name one of them (--image).")
    found = images[named[0]]
    if slide is not None and found.sized and slide.sized and not found.sized_like(slide):
        raise StudyError(
            f"{path} was made on {found}, and {slide} has another size; choose the slide it was made on, or export it "
            "again at full resolution."
        )
    return named[0], ""


def _listed(images: Sequence[Picture]) -> str:
    names = [str(one) for one in images[:3]]
    return ", ".join(names) + (f" and {len(images) - 3} more" if len(images) > 3 else "") if names else "no image"


def _stem(name: str) -> str:
    last = PurePosixPath(name.replace("\\", "/")).name.lower()
    for ending in (".ome.tif", ".ome.tiff", ".ome.zarr"):
        if last.endswith(ending):
            return last.removesuffix(ending)
    return last.rpartition(".")[0] or last

"""Opening slides from a terminal, with µm/px given by hand where a file says nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.errors import SlideError

if TYPE_CHECKING:
    from cytoshift.slides import Slide

SlidePath = Annotated[str, typer.Argument(metavar="SLIDE", help="A slide file or folder.")]
Mpp = Annotated[
    float | None, typer.Option("--mpp", metavar="UM", help="µm/px of level 0, where the file does not say.")
]
DetectorName = Annotated[str, typer.Option(help="A model's id, its folder, or starter.")]
Through = Annotated[
    str | None,
    typer.Option(metavar="METHOD_OR_MODEL", help="A stain method, stain model or translator to look through."),
]
Region = Annotated[str | None, typer.Option(metavar="X0,Y0,X1,Y1", help="Level-0 pixels; the whole slide without.")]


def open_calibrated(path: str, mpp: float | None) -> Slide:
    """Open a slide, and set its µm/px where the person gives one."""
    from cytoshift.slides import open_slide

    if mpp is not None and not 0.01 <= mpp <= 100:
        raise SlideError(f"--mpp {mpp:g} is no µm/px of a slide; give a number such as 0.25.")
    slide = open_slide(Path(path).absolute())  # studies remember where a slide lies
    return slide if mpp is None else slide.calibrated((mpp, mpp))

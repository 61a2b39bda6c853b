"""Opening slides from a terminal, with µm/px given by hand where a file says nothing, and checks of their cells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.errors import DataError, SlideError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

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


def check_cells(path: Path, boxes: npt.NDArray[np.float32], slide: Slide) -> None:
    """Say when cells of a file, x0, y0, x1, y1 in level-0 pixels, lie beside the slide they should be of; DataError."""
    level = slide.levels[0]
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    if (middles < 0).any() or (middles > (level.width, level.height)).any():
        raise DataError(f"{path} has cells that lie beside {slide.name}; give the slide on which they were found.")

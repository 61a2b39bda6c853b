"""Slides as OME-Zarr 0.5: the streaming writer, and the conversion of whole slides."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from cytoshift.slides.pyramid_writer import WORKERS, CancelCheck, PyramidWriter, Report, check_cancelled
from cytoshift.slides.slide import TILE, Slide

__all__ = ["PyramidWriter", "convert"]


def convert(slide: Slide, path: str | Path, report: Report | None = None, cancelled: CancelCheck | None = None) -> Path:
    """Write a slide as OME-Zarr 0.5.

    Parameters
    ----------
    slide : Slide
        Any slide, also one seen through operators.
    path : str or Path
        The folder to make; must not exist.
    report : callable, optional
        Called with the tiles done and their total.
    cancelled : callable, optional
        Asked between tiles; a true answer stops with `Cancelled` and leaves nothing behind.

    Returns
    -------
    Path
        Where the pyramid is.

    Raises
    ------
    SlideError
        When the path exists or cannot be written, or the slide cannot be read.
    """
    level, info = slide.levels[0], slide.info
    writer = PyramidWriter(
        path,
        level.height,
        level.width,
        mpp_yx=info.mpp_yx,
        objective=info.objective,
        name=info.name,
        origin=info.origin,
        source=slide.key,
    )
    rows, columns = -(-level.height // TILE), -(-level.width // TILE)
    total = rows * columns + writer.coarse_tiles

    def copy(row: int, column: int) -> None:
        writer.write(row * TILE, column * TILE, slide.compute_tile(0, row, column))

    try:
        with ThreadPoolExecutor(WORKERS) as pool:
            for row in range(rows):
                check_cancelled(cancelled)
                for column, _ in enumerate(pool.map(partial(copy, row), range(columns))):
                    if report is not None:
                        report(row * columns + column + 1, total)
        before = rows * columns
        return writer.close(report and (lambda done, _: report(before + done, total)), cancelled)
    except BaseException:
        writer.discard()
        raise

"""Audit a slide against the same slide as it is seen, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cytoshift.engine.executor import Executor, LocalExecutor
from cytoshift.engine.findings import Box
from cytoshift.engine.grid import Tile, TileGrid
from cytoshift.engine.progress import CancelToken, Meter, Report
from cytoshift.engine.view import View
from cytoshift.errors import SlideError
from cytoshift.translation.audit.pair import COARSEST, FINE, audit_pair
from cytoshift.translation.audit.result import Audit, join

if TYPE_CHECKING:
    from cytoshift.slides.slide import Slide
    from cytoshift.slides.tissue import Tissue

TILE = 1024
"""Side in pixels of the parts in which a slide is audited."""

HALO_UM = 32.0
"""Context around a part: wider than a nucleus and what is looked at around it."""

_WORKERS = 2


def audit_level(derived: Slide, finest: int = 0) -> int:
    """Return the level of a slide at which nuclei are compared: the coarsest that is fine enough.

    Raises
    ------
    SlideError
        When the slide is not calibrated, or too coarse.
    """
    if derived.mpp is None:
        raise SlideError(
            f"{derived.name} does not say how large a pixel is, and nuclei are compared in µm; set its µm/px first."
        )
    scales = [derived.mpp * level.downsample for level in derived.levels]
    if scales[finest] > COARSEST:
        raise SlideError(
            f"{derived.name} is seen at {scales[finest]:.2g} µm/px, too coarse to compare nuclei; zoom in, or use a "
            f"method that works at {COARSEST:.0f} µm/px or finer."
        )
    return max((k for k, scale in enumerate(scales) if k >= finest and scale <= FINE), default=finest)


def audit_slide(
    slide: Slide,
    derived: Slide,
    *,
    region: Box | None = None,
    tissue: Tissue | None = None,
    most: int | None = None,
    report: Report | None = None,
    cancel: CancelToken | None = None,
    workers: Executor | None = None,
) -> Audit:
    """Compare a slide and the same slide as it is seen; every nucleus counts once.

    Parameters
    ----------
    slide : Slide
        The original.
    derived : Slide
        The same slide through an operator, in the same frame.
    region : tuple of float, optional
        x0, y0, x1, y1 in level-0 pixels; the whole slide without.
    tissue : Tissue, optional
        Parts without tissue are then left out.
    most : int, optional
        Parts that are compared at most, spread evenly over those there are; all without.
    report : callable, optional
        Called with the parts done.
    cancel : CancelToken, optional
        Looked at before every part.
    workers : Executor, optional
        Who does it; two threads without.

    Returns
    -------
    Audit
        In level-0 pixels, without the map of structure.

    Raises
    ------
    SlideError
        When the slide is not calibrated or too coarse, or nothing of it is in the region.
    """
    place = Place(slide, derived, audit_level(derived))
    tiles = place.tiles(region, tissue)
    if not tiles:
        raise SlideError(f"{slide.name} has no tissue in that region; choose another one.")
    if most is not None and len(tiles) > most:
        tiles = [tiles[k] for k in np.linspace(0, len(tiles) - 1, most).round().astype(int)]
    meter = Meter(len(tiles), report, text="comparing nuclei")
    audits: list[Audit] = []

    def work(tile: Tile) -> Audit:
        if cancel is not None:
            cancel.check()
        return place.audit(tile, region)

    for audit in (workers or LocalExecutor(_WORKERS, name="cytoshift-audit")).map(work, tiles):
        audits.append(audit)
        meter.advance()
    return join(audits)


class Place:
    """A slide and what it is seen as, at one level of the latter.

    Parameters
    ----------
    slide, derived : Slide
    level : int
        Of ``derived``.
    reach : tuple of int, optional
        y0, x0, y1, x1 in pixels of the level: nothing beyond is read. The whole level without.
    tile : int
        Side of a part in pixels, a multiple of 8.
    """

    def __init__(
        self,
        slide: Slide,
        derived: Slide,
        level: int,
        reach: tuple[int, int, int, int] | None = None,
        tile: int = TILE,
    ) -> None:
        seen = derived.levels[level]
        self.derived, self.level = derived, level
        self.view = View.at(slide, seen)
        self.mpp = (derived.mpp or 1.0) * seen.downsample
        self.reach = reach or (0, 0, seen.height, seen.width)
        self.grid = TileGrid(seen.height, seen.width, tile, 8 * round(HALO_UM / self.mpp / 8))

    def tiles(self, region: Box | None = None, tissue: Tissue | None = None) -> list[Tile]:
        """Return the parts that share area with a region in level-0 pixels and hold tissue."""
        y0, x0, y1, x1 = self.reach
        box = self.view.level0((x0, y0, x1, y1)) if region is None else np.asarray(region)
        left, top, right, bottom = self.view.raster(box).tolist()
        tiles = self.grid.within((max(left, x0), max(top, y0), min(right, x1), min(bottom, y1)))
        return [one for one in tiles if tissue is None or tissue.covered(*self.view.level0_core(one)) > 0]

    def audit(self, tile: Tile, region: Box | None = None) -> Audit:
        """Compare one part, or as much of it as lies in a region; in level-0 pixels."""
        top, left, bottom, right = self.reach
        halo = self.grid.halo
        y0, y1 = max(tile.y - halo, top), min(tile.y + tile.height + halo, bottom)
        x0, x1 = max(tile.x - halo, left), min(tile.x + tile.width + halo, right)
        core = np.asarray(tile.core, np.float64)
        limits = [(left, top, right, bottom)]
        if region is not None:
            limits.append(tuple(self.view.raster(region).tolist()))
        for limit in limits:
            core = np.concatenate([np.maximum(core[:2], limit[:2]), np.minimum(core[2:], limit[2:])])
        size = (y0, x0, y1 - y0, x1 - x0)
        before, after = self.view.read(*size), self.derived.read(self.level, *size)
        cx0, cy0, cx1, cy1 = (core - (x0, y0, x0, y0)).tolist()
        audit = audit_pair(before, after, self.mpp, core=(cx0, cy0, cx1, cy1))
        scale_y, scale_x = self.view.level.downsample_yx
        return audit.placed((scale_x, scale_y), x0 * scale_x, y0 * scale_y)

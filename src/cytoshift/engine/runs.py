"""Runs: an operator over a slide, from the first tile to the stored result."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cytoshift.engine.derived import DerivedSlide
from cytoshift.engine.executor import LocalExecutor
from cytoshift.engine.findings import Box, Findings, Provenance
from cytoshift.engine.grid import Tiles
from cytoshift.engine.journal import Journal
from cytoshift.engine.measures import select_measures
from cytoshift.engine.merge import Candidates, candidates, merge
from cytoshift.engine.operator import FindingOperator, ImageOperator
from cytoshift.engine.pipeline import Mapped, Pipeline, has_tissue, run_key
from cytoshift.engine.progress import CancelToken, Meter, Report
from cytoshift.engine.remote import Remote, send
from cytoshift.engine.sinks import FindingsSink, PyramidSink
from cytoshift.engine.view import View
from cytoshift.slides.slide import Slide

if TYPE_CHECKING:
    from cytoshift.slides.tissue import Tissue

WRITERS = 2
"""Threads that compress and write tiles behind the operator."""


def run_findings(
    slide: Slide,
    operator: FindingOperator,
    *,
    region: Box | None = None,
    tissue: Tissue | None = None,
    journal: Path | None = None,
    report: Report | None = None,
    cancel: CancelToken | None = None,
    on_tile: Callable[[Findings], None] | None = None,
    through: ImageOperator | None = None,
    remote: Remote | None = None,
) -> Findings:
    """Search a slide.

    Parameters
    ----------
    slide : Slide
        The original; all coordinates are its level-0 pixels.
    operator : FindingOperator
        Prepared here for the slide.
    region : tuple of float, optional
        x0, y0, x1, y1 in level-0 pixels: only what has its centre there is returned.
    tissue : Tissue, optional
        Tiles without tissue are skipped.
    journal : Path, optional
        A folder in which finished tiles are kept: the same run, interrupted, goes on from there. It stays.
    report, cancel : optional
        Progress in tiles; stopping takes at most one batch.
    on_tile : callable, optional
        Called with what each tile found in its own core as soon as it is known, before doubles on seams are
        removed.
    through : ImageOperator, optional
        The slide is looked at through this.
    remote : Remote, optional
        Workers elsewhere that search the tiles; the threads of this process without. Stopping takes at most one of
        their shards then.

    Returns
    -------
    Findings
        Sorted by tile and falling score, the same whatever the interruptions.

    Raises
    ------
    SlideError
        When the operator works at a given µm/px and the slide has none.
    Cancelled
        When stopping was asked for.
    """
    seen: Slide = slide if through is None else DerivedSlide(slide, through)
    operator = operator.prepare(seen)
    view = View.of(seen, operator.needs)
    pipeline = Pipeline(view, view.grid(operator.needs), operator.needs.batch, cancel)
    if remote is not None:
        pipeline = send(remote, slide, operator, pipeline)
    search = _Search(slide, seen, operator, view, region)
    inside = view.grid(operator.needs).within(_raster_box(view, region))
    tiles = [tile for tile in inside if has_tissue(view, tile, tissue)]
    with nullcontext() if journal is None else Journal(journal, search.run) as kept:
        sink = FindingsSink(kept, operator.measures)
        missing = [tile for tile in tiles if tile.index not in sink.done]
        meter = Meter(len(tiles), report, text="Searching", already=len(tiles) - len(missing))
        if on_tile is not None and len(missing) < len(tiles):
            on_tile(search.findings(sink.all(tiles)))
        with closing(pipeline.find(operator, missing)) as batches:
            for shard, boxes in batches:
                parts = [
                    candidates(pipeline.grid, tile, found, operator.doubles)
                    for tile, found in zip(shard, boxes, strict=True)
                ]
                sink.add(shard, parts)
                if on_tile is not None:
                    for part in parts:
                        on_tile(search.findings(part))
                meter.advance(len(shard))
    return search.findings(merge(sink.all(tiles), operator.doubles), guests=True)


class _Search:
    """What is searched with what, and how its boxes become findings."""

    def __init__(self, slide: Slide, seen: Slide, operator: FindingOperator, view: View, region: Box | None) -> None:
        through = seen.operator.key if isinstance(seen, DerivedSlide) and seen is not slide else ""
        merging = {f"merge_{name}": value for name, value in asdict(operator.doubles).items()}
        self.run = run_key(view, operator, threshold=operator.threshold, **merging)
        self._view = view
        self._region = region
        self._classes = operator.classes
        self._provenance = Provenance(
            slide=slide.info.identity,
            model=operator.model[0],
            version=operator.model[1],
            threshold=operator.threshold,
            region=region,
            through=through,
        )

    def findings(self, found: Candidates, *, guests: bool = False) -> Findings:
        """Return boxes in level-0 pixels: those in the region, and by default only what the tiles own."""
        keep = np.ones(len(found), np.bool_) if guests else found.own
        boxes = self._view.level0(found.boxes)
        if self._region is not None:
            x0, y0, x1, y1 = self._region
            x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
            keep = keep & (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
        return Findings(
            boxes[keep].astype(np.float32),
            found.scores[keep],
            found.labels[keep],
            self._classes,
            self._provenance,
            select_measures(found.measures, keep),
        )


def run_image(
    slide: Slide,
    operator: ImageOperator,
    out: Path,
    *,
    tissue: Tissue | None = None,
    report: Report | None = None,
    cancel: CancelToken | None = None,
    remote: Remote | None = None,
) -> Path:
    """Write a slide as an operator shows it.

    Parameters
    ----------
    slide : Slide
    operator : ImageOperator
        Prepared here for the slide.
    out : Path
        The OME-Zarr to make. An interrupted run goes on when it is called again with the same arguments.
    tissue : Tissue, optional
        Tiles without tissue are left as they are, for operators that are not pointwise.
    report, cancel : optional
        Progress in tiles, those of the coarser levels included; stopping takes at most one batch.
    remote : Remote, optional
        Workers elsewhere that compute the tiles; the threads of this process without. Stopping takes at most one of
        their shards then.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    SlideError
        When `out` exists or cannot be written, or the slide has no µm/px and the operator needs it.
    Cancelled
        When stopping was asked for; the unfinished pyramid and its journal stay.
    """
    derived = DerivedSlide(slide, operator, tissue=tissue)
    operator, view = derived.operator, View.of(slide, operator.needs)
    grid = view.grid(operator.needs)
    pipeline = Pipeline(view, grid, operator.needs.batch, cancel)
    if remote is not None:
        pipeline = send(remote, slide, operator, pipeline)
    sink = PyramidSink(Path(out), grid, run_key(view, operator, derived=derived.key), **_facts(derived, view))
    try:
        missing = sink.missing(grid.tiles)
        extra = sink.writer.coarse_tiles
        meter = Meter(len(grid) + extra, report, text="Writing", already=len(grid) - len(missing))
        _write(pipeline, operator, missing, tissue, sink, meter)
        sink.writer.close(
            lambda done, total: meter.advance(),
            cancelled=None if cancel is None else lambda: cancel.cancelled,
        )
    except BaseException:
        sink.release()
        raise
    sink.finish()
    return Path(out)


def _facts(derived: DerivedSlide, view: View) -> dict[str, Any]:
    """Return what the pyramid says of itself; its level 0 is the raster, which may be coarser than the slide's."""
    info, (dy, dx) = derived.info, view.level.downsample_yx
    return {
        "mpp_yx": info.mpp_yx and (info.mpp_yx[0] * dy, info.mpp_yx[1] * dx),
        "objective": info.objective and info.objective / view.level.downsample,
        "name": info.name,
        "origin": (round(info.origin[0] / dx), round(info.origin[1] / dy)),
        "source": derived.key,
    }


def _write(
    pipeline: Pipeline,
    operator: ImageOperator,
    tiles: Tiles,
    tissue: Tissue | None,
    sink: PyramidSink,
    meter: Meter,
) -> None:
    """Compute tiles and store them, writing behind the operator."""
    applied = tiles
    if not operator.pointwise and tissue is not None:
        applied = tiles.where(lambda tile: has_tissue(pipeline.view, tile, tissue))
    left = tiles.without(applied)
    writers = LocalExecutor(WRITERS, name="cytoshift-write")

    def store(result: Mapped) -> int:
        sink.add(*result)
        return len(result[0])

    for results in (pipeline.map(operator, applied), pipeline.copy(left)):
        with closing(results), closing(writers.map(store, results)) as stored:
            for count in stored:
                meter.advance(count)


def _raster_box(view: View, region: Box | None) -> Box:
    if region is None:
        return (0, 0, view.level.width, view.level.height)
    x0, y0, x1, y1 = view.raster(region).tolist()
    return (x0, y0, x1, y1)

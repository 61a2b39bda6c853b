"""A search in a thread: what is searched with what, cells as they come, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cytoshift.engine.findings import Findings
from cytoshift.engine.measures import join_measures
from cytoshift.engine.progress import Progress
from cytoshift.errors import ModelError
from napari_cytoshift.layers.findings import know
from napari_cytoshift.view import Box

if TYPE_CHECKING:
    from cytoshift.engine import Remote
    from cytoshift.engine.operator import ImageOperator
    from cytoshift.models import Model
    from cytoshift.models.card import Card
    from cytoshift.slides.slide import Slide
    from cytoshift.study import Study
    from napari_cytoshift.background import Work

STORED_FROM = 0.05
"""Score from which predictions are stored; the threshold shown can be moved down to here afterwards."""

SHOW_EVERY = 0.5
"""Seconds between two looks at what has been found so far."""

FIRST_GUESS = 1.5
"""Seconds a tile takes on a computer where nothing was measured yet."""

_TILE = 512


@dataclass(frozen=True, slots=True)
class Search:
    """What is to be searched.

    Parameters
    ----------
    slide : Slide
        The original.
    model : Model
        A detector.
    study : Study
        Receives the findings.
    region : tuple of float or None
        Level-0 pixels; None for the tissue of the whole slide.
    through : ImageOperator or None
        What the model looks through.
    glass : bool
        Whether a whole slide is searched where it is empty too.
    classifier : Model or None
        What tells atypical mitoses from normal ones, where the detector finds mitoses.
    workers : str
        Address of a scheduler or file of a cluster whose workers search; ``""`` for this computer.
    """

    slide: Slide
    model: Model
    study: Study
    region: Box | None
    through: ImageOperator | None
    glass: bool = False
    classifier: Model | None = None
    workers: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The end of a search: findings, their run in the study, the area searched, the seconds each tile took."""

    findings: Findings
    run: str
    area_mm2: float | None
    seconds_per_tile: float | None


def search(what: Search, work: Work) -> Found:
    """Search; runs in a thread, loads torch, stores what it found in the study.

    Raises
    ------
    ModelError, SlideError, Cancelled
    CytoshiftError
        The workers cannot be reached, or cannot do it.
    """
    work.report(Progress(0, 0, 0.0, None, "Loading the model"))
    from cytoshift.engine import FindingOperator, run_findings
    from cytoshift.models import build_finder, build_operator
    from cytoshift.slides.tissue import find_tissue

    if what.classifier is None:
        operator = build_operator(what.model, threshold=STORED_FROM)
    else:
        operator = build_finder(what.model, what.classifier, threshold=STORED_FROM)
    if not isinstance(operator, FindingOperator):
        raise ModelError(f"{operator.title} finds no cells; choose a detector.")
    tissue = find_tissue(what.slide) if what.region is None and not what.glass else None
    so_far, pace = _SoFar(work), _Pace(work)
    with _workers(what, work) as remote:
        findings = run_findings(
            what.slide,
            operator,
            region=what.region,
            tissue=tissue,
            report=pace.report,
            cancel=work.cancel,
            on_tile=so_far.add,
            through=what.through,
            remote=remote,
        )
    know(what.study, what.slide)
    run = what.study.add_findings(findings)
    what.study.cells(what.slide.info.identity, run)  # read back here, so that the window need not
    area = _area(what.slide, what.region) if tissue is None else tissue.area_mm2(what.slide.frame)
    return Found(findings, run, area, pace.seconds_per_tile)


@contextmanager
def _workers(what: Search, work: Work) -> Iterator[Remote | None]:
    """Reach the workers that are to search while the block runs; None for this computer."""
    if not what.workers:
        yield None
        return
    work.report(Progress(0, 0, 0.0, None, "Reaching the workers"))
    from cytoshift.engine.clusters import reach
    from cytoshift.models import Registry
    from cytoshift.models.builds import colours_build, finder_build, model_build

    if what.classifier is None:
        build = model_build(what.model, threshold=STORED_FROM)
    else:
        build = finder_build(what.model, what.classifier, threshold=STORED_FROM)
    through = None if what.through is None else colours_build(what.through.prepare(what.slide), Registry())
    with reach(what.workers, build, through) as remote:
        yield remote


def _area(slide: Slide, region: Box | None) -> float | None:
    """Return the mm² of a region, or of the whole slide; None where nobody knows µm/px."""
    if slide.info.mpp_yx is None:
        return None
    my, mx = slide.info.mpp_yx
    level = slide.levels[0]
    x0, y0, x1, y1 = region or (0.0, 0.0, float(level.width), float(level.height))
    return (x1 - x0) * mx * (y1 - y0) * my / 1e6


class _SoFar:
    """Collects what tiles found, and now and then sends what it did not send before."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._parts: list[Findings] = []
        self._sent = time.monotonic()

    def add(self, part: Findings) -> None:
        if len(part):
            self._parts.append(part)
        if self._parts and time.monotonic() - self._sent > SHOW_EVERY:
            parts, self._parts = self._parts, []
            self._sent = time.monotonic()
            self._work.send(joined(parts))


class _Pace:
    """Hands progress on and measures the tiles' speed, both without the time for which the search was paused."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.seconds_per_tile: float | None = None

    def report(self, progress: Progress) -> None:
        searched = max(progress.elapsed - self._work.cancel.waited, 0.0)
        if progress.done:
            self.seconds_per_tile = searched / progress.done
        if progress.remaining is not None and progress.elapsed:
            remaining = progress.remaining * searched / progress.elapsed
            progress = replace(progress, elapsed=searched, remaining=remaining)
        self._work.report(progress)


def joined(parts: list[Findings]) -> Findings:
    """Return findings of one run as one."""
    return Findings(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.labels for part in parts]),
        parts[0].classes,
        parts[0].provenance,
        join_measures([part.measures for part in parts]),
    )


def tiles(slide: Slide, card: Card, region: Box | None, tissue_share: float | None) -> int:
    """Estimate how many tiles a search takes.

    ``tissue_share`` is the share of the slide that is tissue, for searches of the whole slide; None for unknown.
    """
    level = slide.levels[0]
    side = _TILE if slide.mpp is None or card.mpp is None else _tile_of(card) * card.mpp / slide.mpp
    x0, y0, x1, y1 = region or (0.0, 0.0, float(level.width), float(level.height))
    columns = int(x1 // side) - int(x0 // side) + 1
    rows = int(y1 // side) - int(y0 // side) + 1
    share = 1.0 if region is not None or tissue_share is None else min(1.0, 1.3 * tissue_share)
    return max(1, round(rows * columns * share))


def _tile_of(card: Card) -> int:
    tile: Any = card.architecture.get("tile", _TILE)
    return int(tile)

"""Tiles that workers elsewhere compute: what each is told, and what it sends back.

A worker opens the slide by its path and makes the operator itself; neither travels. It works on the same grid, in
batches of the same shape, so that what it sends back is what this process would have computed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cytoshift.engine.cluster_plan import Paths, sent_there, there
from cytoshift.engine.derived import DerivedSlide
from cytoshift.engine.executor import Executor, LocalExecutor
from cytoshift.engine.grid import Shard, Tile, TileGrid, rectangles
from cytoshift.engine.operator import FindingOperator, ImageOperator, Operator
from cytoshift.engine.pipeline import Found, Mapped, Pipeline, run_key
from cytoshift.engine.view import View
from cytoshift.errors import CytoshiftError
from cytoshift.slides.slide import TILE, Slide

R = TypeVar("R")

Build = Callable[[], Operator]
"""Makes an operator that is not prepared; can be pickled, as a partial of a module's function can."""

AREA = 2048 * 2048
"""Pixels of the tiles that a worker is given at once, about, and at most."""

EACH = 4
"""Times that each worker should be given something at least: the fewer tiles there are, the fewer it gets at once."""

KEPT = 2
"""Runs whose slide and operator a worker keeps open."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Workers elsewhere, and how each makes what it works with.

    Parameters
    ----------
    executor : Executor
        Who hands the work to them, a `ClusterExecutor`, say.
    operator : callable
        Makes the operator of the run.
    through : callable, optional
        Makes the operator through which the slide is seen.
    paths : mapping of str to str
        How workers name folders that have another name here.
    """

    executor: Executor
    operator: Build
    through: Build | None = None
    paths: Paths = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Errand:
    """What a worker is told; small, and can be pickled.

    Parameters
    ----------
    path : str
        Where the slide is, as every worker names it.
    mpp_yx : tuple of float or None
        Its µm/px.
    objective : float or None
        Its objective power.
    operator, through : callable
        As `Remote` has them.
    run : dict
        `run_key` of the view and the operator as they are here: a worker for which it is another refuses.
    """

    path: str
    mpp_yx: tuple[float, float] | None
    objective: float | None
    operator: Build
    through: Build | None
    run: dict[str, Any]

    def map(self, tiles: Shard) -> list[Mapped]:
        """Run the image operator over tiles, in this process."""
        pipeline, operator = _room(self)
        if not isinstance(operator, ImageOperator):
            raise TypeError(f"{operator.title} is no image operator")
        with closing(pipeline.map(operator, tiles)) as results:
            return [(done, [core.copy() for core in cores]) for done, cores in results]

    def find(self, tiles: Shard) -> list[Found]:
        """Run the finding operator over tiles, in this process."""
        pipeline, operator = _room(self)
        if not isinstance(operator, FindingOperator):
            raise TypeError(f"{operator.title} finds nothing")
        with closing(pipeline.find(operator, tiles)) as results:
            return list(results)


@dataclass(frozen=True, kw_only=True)
class RemotePipeline(Pipeline):
    """A pipeline whose operator runs elsewhere; tiles that are only copied are read here.

    Parameters
    ----------
    errand : Errand
        What the workers are told.
    executor : Executor
        Who hands it to them.
    """

    errand: Errand
    executor: Executor

    def find(self, operator: FindingOperator, tiles: Sequence[Tile]) -> Generator[Found, None, None]:
        """Yield what a finding operator finds; see `Pipeline.find`."""
        return self._elsewhere(self.errand.find, tiles)

    def map(self, operator: ImageOperator, tiles: Sequence[Tile]) -> Generator[Mapped, None, None]:
        """Yield what an image operator makes; see `Pipeline.map`."""
        return self._elsewhere(self.errand.map, tiles)

    def _elsewhere(self, work: Callable[[Shard], list[R]], tiles: Sequence[Tile]) -> Generator[R, None, None]:
        shards = shared_out(self.grid, tiles, self.executor.workers)
        with closing(self.executor.map(work, shards)) as results:
            for batches in results:
                for batch in batches:
                    if self.cancel is not None:
                        self.cancel.check()
                    yield batch


def shared_out(grid: TileGrid, tiles: Sequence[Tile], workers: int) -> Iterator[Shard]:
    """Share tiles out among workers, each of which is given every ``workers``-th shard.

    Every worker has a part of the slide of its own, from top to bottom: what an operator must know of the
    neighbourhood of a tile is then computed twice only where two parts meet. Shards are as high as the blocks in which
    pixels are stored.
    """
    high = max(1, TILE // grid.tile)
    most = min(AREA // grid.tile**2, len(tiles) // (EACH * workers))
    shards = list(rectangles(grid, tiles, high, max(1, most // high)))
    fewest, more = divmod(len(shards), workers)
    starts = [part * fewest + min(part, more) for part in range(workers)]
    turns = ((turn, part) for turn in range(fewest + 1) for part in range(workers if turn < fewest else more))
    return (shards[starts[part] + turn] for turn, part in turns)


def send(remote: Remote, slide: Slide, operator: Operator, pipeline: Pipeline) -> RemotePipeline:
    """Return a pipeline as it runs with workers elsewhere.

    Parameters
    ----------
    remote : Remote
    slide : Slide
        As it was opened from a file; the pipeline may see it through an operator.
    operator : Operator
        Prepared.
    pipeline : Pipeline
    """
    about, run, paths = slide.info, run_key(pipeline.view, operator), remote.paths
    operator_there, through_there = (sent_there(build, paths) for build in (remote.operator, remote.through))
    return RemotePipeline(
        pipeline.view,
        pipeline.grid,
        pipeline.batch,
        pipeline.cancel,
        pipeline.readers,
        errand=Errand(there(about.path, paths), about.mpp_yx, about.objective, operator_there, through_there, run),
        executor=remote.executor,
    )


_rooms: OrderedDict[str, tuple[Pipeline, Operator]] = OrderedDict()
_lock = threading.Lock()


def _room(errand: Errand) -> tuple[Pipeline, Operator]:
    """Return the pipeline and the prepared operator of an errand; made once in this process, for all its threads."""
    key = repr(errand.run)
    with _lock:
        if key not in _rooms:
            _rooms[key] = _furnish(errand)
        _rooms.move_to_end(key)
        while len(_rooms) > KEPT:
            _rooms.popitem(last=False)
        return _rooms[key]


def _furnish(errand: Errand) -> tuple[Pipeline, Operator]:
    try:
        slide = _seen(errand)
        operator = errand.operator().prepare(slide)
    except CytoshiftError as error:
        raise CytoshiftError(
            f"A worker cannot begin ({str(error).rstrip('.')}); put slide and model where all workers see them by the "
            "same path, or let a cluster file say how they name it."
        ) from error
    view = View.of(slide, operator.needs)
    run = run_key(view, operator)
    if run != errand.run:
        raise CytoshiftError(
            "A worker would compute something else than this computer does; let slide and model be the same files for "
            "all, and napari-cytoshift the same version."
        )
    # A worker's threads each do an errand: with one reader for each it uses as many processors as it was given.
    readers = LocalExecutor(1, name="cytoshift-read")
    return Pipeline(view, view.grid(operator.needs), operator.needs.batch, readers=readers), operator


def _seen(errand: Errand) -> Slide:
    from cytoshift.slides.open import open_slide

    slide: Slide = open_slide(errand.path)
    if errand.mpp_yx is not None:
        slide = slide.calibrated(errand.mpp_yx, errand.objective)
    if errand.through is None:
        return slide
    through = errand.through()
    if not isinstance(through, ImageOperator):
        raise TypeError(f"{through.title} is no image operator")
    return DerivedSlide(slide, through)

"""Workers elsewhere, for whoever names a scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cytoshift.engine import Build, ImageOperator, Remote

Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="tcp://HOST:PORT|FILE.toml",
        help="Compute with the workers of this dask.distributed scheduler, or of the cluster that a file describes.",
    ),
]


@contextmanager
def workers(scheduler: str | None, operator: Build, through: Build | None = None) -> Iterator[Remote | None]:
    """Reach the workers while the block runs; None without a scheduler.

    Parameters
    ----------
    scheduler : str or None
        Its address, or the file of a cluster.
    operator, through : callable
        How each worker makes the operator, and the one to look through; see `engine.Remote`.
    """
    if scheduler is None:
        yield None
        return
    from cytoshift.engine.clusters import reach

    with reach(scheduler, operator, through) as remote:
        yield remote


def sent(operator: ImageOperator, build: Build) -> Build:
    """Return how workers make a prepared operator: a fitted stain method is small and travels, a network does not."""
    return partial(copy, operator) if operator.pointwise else build

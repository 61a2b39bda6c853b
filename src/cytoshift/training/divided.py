"""A batch divided among processes that compute at the same time: what a loss needs to be that of the whole batch.

A loss that is a mean over images needs nothing: its gradients are added up, weighted by the images each process has.
What looks across images goes through `gathered`, `total` or `mean`, and what is drawn for every image through `drawn`.
With one process, and where a batch is not divided, all of them return what they were given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from cytoshift.errors import CytoshiftError


@dataclass(frozen=True, slots=True)
class Portion:
    """The images ``start`` to ``stop`` of ``count``: what this process computes of a batch."""

    start: int
    stop: int
    count: int

    @property
    def share(self) -> float:
        """How much of the batch it is."""
        return (self.stop - self.start) / self.count


_portion: ContextVar[Portion | None] = ContextVar("cytoshift_portion", default=None)


@contextmanager
def computing(portion: Portion) -> Iterator[None]:
    """Let losses know, within the block, which portion of the batch they are given."""
    token = _portion.set(portion)
    try:
        yield
    finally:
        _portion.reset(token)


def is_divided() -> bool:
    """Tell whether this process computes a portion of a batch now, and others the rest."""
    return _portion.get() is not None


def images_in(batch: Any) -> int:
    """Return how many images a batch has: the length of its first tensor."""
    if isinstance(batch, Tensor):
        return len(batch)
    parts = (getattr(batch, field.name) for field in fields(batch))
    return next(images_in(part) for part in parts if isinstance(part, Tensor) or is_dataclass(part))


def cut(batch: Any, portion: Portion) -> Any:
    """Return a portion of a batch: of its tensors and lists, which go by images; numbers stay as they are."""
    if isinstance(batch, Tensor | list):
        return batch[portion.start : portion.stop]
    if is_dataclass(batch) and not isinstance(batch, type):
        return replace(batch, **{field.name: cut(getattr(batch, field.name), portion) for field in fields(batch)})
    return batch


def total(values: Tensor) -> Tensor:
    """Return the sum over all processes; gradients flow back to each."""
    if _portion.get() is None:
        return values
    summed: Tensor = _Sum.apply(values)
    return summed


def mean(values: Tensor) -> Tensor:
    """Return the mean over the values of all processes, of which each may have another number, or none."""
    if _portion.get() is None:
        return values.mean()
    return total(values.sum()) / total(values.new_tensor(values.numel())).clamp(min=1)


def gathered(rows: Tensor) -> Tensor:
    """Return the rows of the whole batch, from those of the images that each process has.

    Parameters
    ----------
    rows : Tensor, shape (k x images, ...)
        Batches may have been put one after the other; they are in the result, too.
    """
    portion = _portion.get()
    if portion is None:
        return rows
    places = _places(portion, len(rows)).to(rows.device)
    whole = rows.new_zeros(_whole(portion, len(rows)), *rows.shape[1:])
    return total(whole.index_copy(0, places, rows))


def drawn(count: int, draw: Callable[[int], Tensor]) -> Tensor:
    """Draw for ``count`` images as one process would for the whole batch, and return the rows of these.

    Parameters
    ----------
    count : int
        Rows; as in `gathered` several batches may stand one after the other.
    draw : callable
        Returns so many rows.
    """
    portion = _portion.get()
    if portion is None:
        return draw(count)
    return draw(_whole(portion, count))[_places(portion, count)]


def images_of_all(count: int) -> int:
    """Return how many rows the whole batch has where this process has ``count``."""
    portion = _portion.get()
    return count if portion is None else _whole(portion, count)


def reduce(tensor: Tensor) -> None:
    """Add a tensor up over all processes, in place.

    Raises
    ------
    CytoshiftError
        When one of them is gone.
    """
    try:
        dist.all_reduce(tensor)
    except RuntimeError as error:
        raise gone() from error


def gone() -> CytoshiftError:
    """Return what is said when another process of the training is not there any more."""
    return CytoshiftError(
        "Another rank of this training has ended, and its own last line says why; put that right and go on from the "
        "last checkpoint with --resume."
    )


class _Sum(torch.autograd.Function):
    """The sum over all processes, whose gradient is the sum of their gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        summed = values.detach().clone(memory_format=torch.contiguous_format)
        reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        summed = gradient.clone(memory_format=torch.contiguous_format)
        reduce(summed)
        return summed


def _blocks(portion: Portion, rows: int) -> int:
    return rows // (portion.stop - portion.start)


def _whole(portion: Portion, rows: int) -> int:
    return _blocks(portion, rows) * portion.count


def _places(portion: Portion, rows: int) -> Tensor:
    """Return where rows of this process stand among those of the whole batch."""
    blocks = torch.arange(_blocks(portion, rows))[:, None] * portion.count
    return (blocks + torch.arange(portion.start, portion.stop)).flatten()

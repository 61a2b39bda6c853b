"""Ranks: the processes that train one network together, as torchrun starts them, each on a device of its own.

All take the same steps with the same weights. Of a batch, or of each of its parts, every rank computes a portion; the
gradients are added up in one buffer. The first rank alone validates, writes, speaks and listens to the person.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, get_args

import torch
import torch.distributed as dist
from torch import Tensor, nn

from cytoshift.errors import CytoshiftError
from cytoshift.training.divided import Portion, computing, cut, gone, images_in, reduce
from cytoshift.training.shared_norm import share_norms
from cytoshift.training.wishes import Wish

PATIENCE = timedelta(hours=24)
"""How long ranks wait for one another: the first may prepare or validate for long. One that ends is noticed at once."""

_WISHES: tuple[Wish, ...] = get_args(Wish)


class Ranks:
    """Which of the processes this is.

    Parameters
    ----------
    number, count : int
        Rank 0 of 1 where nobody started several.
    """

    def __init__(self, number: int = 0, count: int = 1) -> None:
        self.number, self.count = number, count
        self._prepared = False

    @property
    def first(self) -> bool:
        """Whether this is the rank that validates, writes and speaks."""
        return self.number == 0

    def threads(self, count: int) -> int:
        """Return how many of a computer's threads are this rank's."""
        return max(1, count // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))) if self.count > 1 else count

    def wait(self) -> None:
        """Wait for all ranks."""
        if self.count > 1:
            reduce(torch.zeros(1))

    def prepared(self) -> None:
        """Let the others begin, on the first rank, or wait until that does; only once.

        What the first has written before its training, they find.
        """
        if not self._prepared:
            self.wait()
            self._prepared = True

    def agreed(self, wish: Wish) -> Wish:
        """Return what the first rank was asked for."""
        return _WISHES[int(self._heard(torch.tensor([_WISHES.index(wish)])))]

    def told(self, numbers: dict[str, float] | None) -> dict[str, float]:
        """Return what the first rank has measured; the others give None."""
        if self.count == 1 and numbers is not None:
            return numbers
        words = json.dumps(numbers).encode() if self.first else b""
        length = int(self._heard(torch.tensor([len(words)])))
        text = torch.frombuffer(bytearray(words.ljust(length)), dtype=torch.uint8)
        heard: dict[str, float] = json.loads(bytes(self._heard(text).tolist()))
        return heard

    def even(self, networks: dict[str, nn.Module]) -> None:
        """Give every rank the first one's weights, and let networks normalize by the whole batch."""
        if self.count > 1:
            for network in networks.values():
                share_norms(network)
                for tensor in network.state_dict().values():
                    self._heard(tensor)

    @contextmanager
    def portion_of(self, batch: Any, *, divisible: bool) -> Iterator[tuple[Any, float]]:
        """Give a rank its images of a batch for the block, and the share that they have in the gradients.

        A batch that cannot be divided, or has fewer images than there are ranks, is computed by each of them.
        """
        images = images_in(batch) if divisible and self.count > 1 else 1
        if self.count == 1 or images < self.count:
            yield batch, 1 / self.count
            return
        start, stop = (images * rank // self.count for rank in (self.number, self.number + 1))
        portion = Portion(start, stop, images)
        with computing(portion):
            yield cut(batch, portion), portion.share

    def add_up(self, network: nn.Module, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add up gradients and losses, which are weighted by their shares, over all ranks; returns the losses."""
        if self.count == 1 or not losses:
            return losses
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        there = torch.tensor([float(weight.grad is not None) for weight in weights])
        parts = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
        device = next(iter(losses.values())).device
        flat = torch.cat([*(part.flatten() for part in parts), there.to(device), torch.stack([*losses.values()])])
        reduce(flat)
        sizes = [weight.numel() for weight in weights]
        *sums, there, told = torch.split(flat, [*sizes, len(weights), len(losses)])
        for weight, gradient, ranks in zip(weights, sums, there.tolist(), strict=True):
            weight.grad = gradient.view_as(weight) if ranks else None
        return dict(zip(losses, told, strict=True))

    def _heard(self, tensor: Tensor) -> Tensor:
        """Return a tensor as the first rank has it; it is overwritten."""
        if self.count > 1:
            try:
                dist.broadcast(tensor, 0)
            except RuntimeError as error:
                raise gone() from error
        return tensor


_here = Ranks()


def current() -> Ranks:
    """Return which rank this process is."""
    return _here


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """Meet the other ranks; within the block a training is theirs together.

    A process that nobody started as one of several is alone.

    Parameters
    ----------
    device : str
        As `pick_device` takes it. With GPUs every rank takes one of its own.

    Raises
    ------
    CytoshiftError
        When there are fewer GPUs than ranks, or all are told to use the same one.
    """
    global _here
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield _here
        return
    gpus = device != "cpu" and torch.cuda.is_available()
    if gpus:
        _take_gpu(device)
    dist.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo", timeout=PATIENCE)
    _here = Ranks(dist.get_rank(), dist.get_world_size())
    try:
        yield _here
    finally:
        _here = Ranks()
        dist.destroy_process_group()


def _take_gpu(device: str) -> None:
    """Let the GPU of this rank be what is 'cuda' from now on."""
    local, there = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if local >= there:
        raise CytoshiftError(f"This computer has {there} GPUs; start as many ranks with --nproc-per-node={there}.")
    if ":" in device:
        raise CytoshiftError(
            f"All ranks would share {device!r}; choose the device 'cuda', of which each takes its own."
        )
    torch.cuda.set_device(local)

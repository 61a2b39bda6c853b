"""Which device the networks run on; torch is imported only when somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import psutil

from cytoshift.errors import CytoshiftError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda", "mps")
"""Names that `pick_device` knows."""


def pick_device(name: str = "auto") -> torch.device:
    """Return a device by name.

    Parameters
    ----------
    name : str
        ``"cpu"``, ``"cuda"`` (also ``"cuda:1"``), ``"mps"``, or ``"auto"`` for the best one that is there.

    Raises
    ------
    CytoshiftError
        When there is no such device here.
    """
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, here in there.items() if here))
    kind, _, number = name.partition(":")
    if kind not in there or (number and not number.isdecimal()):
        raise CytoshiftError(f"{name!r} is no device; choose one of {', '.join(DEVICES)}.")
    if not there[kind] or (kind == "cuda" and int(number or 0) >= torch.cuda.device_count()):
        raise CytoshiftError(f"There is no device {name!r} on this machine; choose 'auto' or 'cpu'.")
    return torch.device(name)


class Memory(NamedTuple):
    """Bytes of a device that this process holds, at most so far where the device counts that, and all that it has."""

    used: int
    total: int


def memory_of(device: torch.device) -> Memory:
    """Return how much of a device's memory this process holds; of a CPU's, what the system counts as the process's."""
    import torch

    if device.type == "cuda":
        return Memory(torch.cuda.max_memory_allocated(device), torch.cuda.get_device_properties(device).total_memory)
    if device.type == "mps":
        return Memory(torch.mps.driver_allocated_memory(), torch.mps.recommended_max_memory())
    return Memory(psutil.Process().memory_info().rss, psutil.virtual_memory().total)

"""What one run of a network takes on this computer: durations of trainings are counted up from it."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

RUNS = 5
"""The first one, which sets things up, does not count."""


def seconds_per_run(run: Callable[[], Tensor], device: torch.device, *, precision: str) -> float:
    """Time a few forward runs.

    Parameters
    ----------
    run : callable
        Runs the network, without gradients; any tensor of its output.
    device : torch.device
    precision : str
        Of the training, ``"bfloat16"`` or ``"float32"``.
    """
    taken = []
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        for _ in range(RUNS):
            start = time.perf_counter()
            float(run().sum())  # which waits for the device
            taken.append(time.perf_counter() - start)
    return median(taken[1:])

"""Crops as a step of training sees them: drawn by seed and step alone, so that a resumed training sees the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cytoshift.training.domains import Domain

RGB = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step sees.

    Parameters
    ----------
    step : int
    source, target : Tensor of uint8, shape (batch, 3, y, x)
    other : Tensor of uint8, shape (batch, 3, y, x)
        Source crops drawn independently of ``source``.
    """

    step: int
    source: Tensor
    target: Tensor
    other: Tensor


def draw_batch(source: Domain, target: Domain, *, seed: int, step: int, count: int, size: int) -> Batch:
    """Draw the crops of a step."""

    def crops(domain: Domain, which: int) -> Tensor:
        rngs = (np.random.default_rng((seed, step, place, which)) for place in range(count))
        return as_tensor(np.stack([domain.draw(rng, size) for rng in rngs]))

    return Batch(step, crops(source, 0), crops(target, 1), crops(source, 2))


def draws(seed: int, step: int) -> torch.Generator:
    """Return the source of a step's other random numbers: always the CPU's, so that a device changes nothing."""
    return torch.Generator().manual_seed((seed * 1_000_003 + step) % (1 << 63))


def as_tensor(images: RGB) -> Tensor:
    """Turn images ``(batch, y, x, 3)`` into a tensor ``(batch, 3, y, x)`` of the same bytes."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def scaled(images: Tensor, device: torch.device) -> Tensor:
    """Scale bytes to -1 to 1, on a device, with channels last."""
    return images.to(device).float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)


def as_images(made: Tensor) -> RGB:
    """Turn ``(batch, 3, y, x)``, -1 to 1, into images ``(batch, y, x, 3)``."""
    levels = made.detach().float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    images: RGB = levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return images

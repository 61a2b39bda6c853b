"""torchstain with its torch backend, which fits every image anew in each call."""

from __future__ import annotations

from typing import Any

import torch
import torchstain

from benchmarks.peers.worker import Calls


def load(image: Any, target: Any) -> tuple[Calls, Calls]:
    """Fit to the target once; leave out the pictures of single stains, which nobody else here makes."""
    torch.set_num_threads(1)
    normalizer = torchstain.normalizers.MacenkoNormalizer(backend="torch")
    normalizer.fit(_tensor(target))
    pixels = _tensor(image)
    return {"macenko": lambda: normalizer.normalize(I=pixels, stains=False)}, {}


def _tensor(image: Any) -> torch.Tensor:
    """Return ``(c, y, x)`` in float, 0 to 255, as its manual has it."""
    return torch.from_numpy(image).permute(2, 0, 1).contiguous().float()

"""What a detector makes of a cell: features of the middle of its trunk, where the nucleus is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cytoshift.detection.published import Detector

RGB = npt.NDArray[np.uint8]

SIDE = 64
"""Side in pixels of a crop: a cell and a little around it, 32 µm at the 0.5 µm/px of cervical detectors."""

STAGE = "layer2"
"""Stage of the trunk: earlier stages know texture only, and later ones find like cells no better."""


def stages(network: Detector, images: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Yield the name of each stage of a detector's trunk and what it makes of images ``(n, 3, y, x)``, 0 to 1."""
    parts: Any = network  # torchvision's modules carry no types
    x = parts.transform.normalize(images)
    for name, stage in parts.backbone.body.items():
        x = stage(x)
        yield name, x


class DetectorDescriber:
    """Describes crops by the means of the trunk's channels over the middle half of a crop.

    Parameters
    ----------
    network : Detector
        In evaluation mode.
    mpp : float
        µm/px at which it looks.
    model : tuple of str
        Id and version.
    """

    side = SIDE

    def __init__(self, network: Detector, mpp: float, model: tuple[str, str]) -> None:
        self._network = network
        self.mpp, self.model = mpp, model

    def describe(self, crops: RGB) -> npt.NDArray[np.float32]:
        """Describe crops ``(n, 64, 64, 3)`` uint8 at `mpp`, each with a cell in its middle, by ``(n, c)`` numbers."""
        device = next(self._network.parameters()).device
        pixels = torch.from_numpy(np.ascontiguousarray(crops)).to(device).permute(0, 3, 1, 2).float().div_(255)
        with torch.inference_mode():
            x = next(x for name, x in stages(self._network, pixels) if name == STAGE)
            edge = x.shape[-1] // 4
            middle = x[:, :, edge : x.shape[2] - edge, edge : x.shape[3] - edge]
            described: npt.NDArray[np.float32] = middle.mean(dim=(2, 3)).float().cpu().numpy()
        return described

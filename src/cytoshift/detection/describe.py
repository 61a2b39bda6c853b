"""What a detector makes of a cell: features of the middle of its trunk, where the nucleus is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from cytoshift.detection.networks import CellRetinaNet

RGB = npt.NDArray[np.uint8]

SIDE = 64
"""Side in pixels of a crop: a cell and a little around it, 32 µm at the 0.5 µm/px of cervical detectors."""

STAGE = "layer2"
"""Stage of the trunk: earlier stages know texture only, and later ones find like cells no better."""


class DetectorDescriber:
    """Describes crops by the means of the trunk's channels over the middle half of a crop.

    Parameters
    ----------
    network : CellRetinaNet
        In evaluation mode.
    mpp : float
        µm/px at which it looks.
    model : tuple of str
        Id and version.
    """

    side = SIDE

    def __init__(self, network: CellRetinaNet, mpp: float, model: tuple[str, str]) -> None:
        self._network = network
        self.mpp, self.model = mpp, model

    def describe(self, crops: RGB) -> npt.NDArray[np.float32]:
        """Describe crops ``(n, 64, 64, 3)`` uint8 at `mpp`, each with a cell in its middle, by ``(n, c)`` numbers."""
        device = next(self._network.parameters()).device
        pixels = torch.from_numpy(np.ascontiguousarray(crops)).to(device).permute(0, 3, 1, 2).float().div_(255)
        with torch.inference_mode():
            x = self._network.transform.normalize(pixels)
            for name, stage in self._network.backbone.body.items():
                x = stage(x)
                if name == STAGE:
                    break
            edge = x.shape[-1] // 4
            middle = x[:, :, edge : x.shape[2] - edge, edge : x.shape[3] - edge]
            described: npt.NDArray[np.float32] = middle.mean(dim=(2, 3)).float().cpu().numpy()
        return described

"""A detector and a classifier of mitoses for tests: small, without training, and with answers that can be foretold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from cytoshift.engine import Distance, FindingOperator, Needs, TileBoxes

RGB = npt.NDArray[np.uint8]


class TinyDetector(FindingOperator):
    """Calls dark blue spots mitoses and dark brown ones look-alikes; a mean of the spot's blue is the score."""

    key, title, model = "tiny-detector", "Tiny detector", ("tiny-detector", "d1")
    classes = ("mitosis", "look-alike")
    threshold = 0.2
    doubles = Distance(12.5)

    def __init__(self, mpp: float = 0.5, tile: int = 128, halo: int = 32) -> None:
        self._needs = Needs(mpp=mpp, tile=tile, halo=halo, alignment=32, batch=2)

    @property
    def needs(self) -> Needs:
        return self._needs

    def find(self, tiles: RGB) -> Sequence[TileBoxes]:
        return [self._one(tile.astype(np.float32)) for tile in tiles]

    def _one(self, tile: npt.NDArray[np.float32]) -> TileBoxes:
        marks, count = ndimage.label(tile.min(axis=2) < 110)
        every = np.arange(1, count + 1)
        at = np.array(ndimage.center_of_mass(marks > 0, marks, every), np.float32).reshape(-1, 2)[:, ::-1]
        red, blue = (ndimage.mean(tile[..., c], marks, every) for c in (0, 2))
        boxes = np.concatenate([at - 12.5, at + 12.5], axis=1).astype(np.float32)
        scores = np.clip(np.asarray(blue, np.float32) / 255, 0.25, 1)
        labels = (np.asarray(red) > np.asarray(blue)).astype(np.int16)
        return TileBoxes(boxes, scores, labels.reshape(-1))


@dataclass(frozen=True)
class Said:
    """What the tiny classifier says."""

    atypical: npt.NDArray[np.float32]
    phases: npt.NDArray[np.float32]


class TinyClassifier:
    """Says how green the middle of a crop is, and how bright its four corners are, in exact numbers."""

    mpp, side, threshold = 0.25, 128, 0.5
    phases = ("metaphase", "other")
    model = ("tiny-classifier", "c1")

    def __init__(self) -> None:
        self.batches: list[int] = []

    def classify(self, crops: RGB) -> Said:
        self.batches.append(len(crops))
        assert crops.shape[1:] == (128, 128, 3)
        assert crops.dtype == np.uint8
        green = crops[:, 61:67, 61:67, 1].astype(np.float64).mean(axis=(1, 2)) / 255
        corners = crops[:, ::127, ::127].astype(np.float64).mean(axis=(1, 2, 3)) / 255
        return Said(green.astype(np.float32), np.stack([corners, 1 - corners], axis=1).astype(np.float32))

"""What a network makes of crops: the features that FID and KID compare, and the name of the network they come from."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from cytoshift.engine.device import pick_device
from cytoshift.engine.operator import Needs
from cytoshift.errors import DataError, ModelError
from cytoshift.training.foreign import read_state

RGB = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

SMALLEST = 32
"""Side in pixels from which a crop can be described."""

_BATCH = 16
_LAST = "Mixed_7c.branch_pool.conv.weight"  # that a file of these weights has


@runtime_checkable
class TileDescriber(Protocol):
    """A model that can say what its trunk makes of tiles: a detector, say."""

    @property
    def needs(self) -> Needs:
        """µm/px it works at."""

    @property
    def title(self) -> str:
        """Its name."""

    def describe(self, tiles: RGB) -> FloatArray:
        """Return ``(n, 2 c)`` of tiles ``(n, y, x, 3)``: means of channels, then logs of their deviations."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureNetwork:
    """A network that turns crops into features.

    Parameters
    ----------
    name : str
        Stated with every figure: figures of different networks do not compare.
    mpp : float or None
        µm/px that crops are resampled to; None where the network takes them as they are.
    describe : callable
        From ``(n, y, x, 3)`` uint8 to ``(n, d)``.
    """

    name: str
    mpp: float | None
    describe: Callable[[RGB], FloatArray]

    def of(self, crops: RGB, mpp: float) -> FloatArray:
        """Return the features ``(n, d)`` of crops ``(n, y, x, 3)`` at a µm/px.

        Raises
        ------
        DataError
            The crops are too small for the network.
        """
        sides = [max(1, round(side * mpp / (self.mpp or mpp))) for side in crops.shape[1:3]]
        if min(sides) < SMALLEST:
            raise DataError(
                f"Crops of {crops.shape[2]} x {crops.shape[1]} px at {mpp:g} µm/px are too small for the {self.name}; "
                "take larger crops, or other features."
            )
        parts = []
        for start in range(0, len(crops), _BATCH):
            part = crops[start : start + _BATCH]
            parts.append(self.describe(part if sides == list(part.shape[1:3]) else _resized(part, sides)))
        return np.concatenate(parts).astype(np.float64)


def trunk_features(describer: TileDescriber) -> FeatureNetwork:
    """Return the globally pooled features of a model's trunk, such as the starter detector's.

    Its early layers see texture and colour, hardly what kind of cell there is, and need no weights but the model's.
    The figures are no Inception figures and compare with those of the same model alone.
    """

    def pooled(tiles: RGB) -> FloatArray:
        described = describer.describe(tiles)
        return described[:, : described.shape[1] // 2]

    return FeatureNetwork(f"trunk of {describer.title}", describer.needs.mpp, pooled)


def inception_features(weights: str | Path, *, device: str = "auto") -> FeatureNetwork:
    """Return Inception's last pooled features (2048), those of the published FID and KID; nothing is downloaded.

    Parameters
    ----------
    weights : path
        The file of torch-fidelity's release, ``weights-inception-2015-12-05-6726825d.pth``.
    device : str
        Device name, ``auto`` for the best there is.

    Raises
    ------
    ModelError
        torch-fidelity is not installed, or the weights are not there or not Inception's.
    """
    if find_spec("torch_fidelity") is None:
        raise ModelError(
            "Inception features need torch-fidelity; install napari-cytoshift[metrics], or give --features starter."
        )
    network = _inception(Path(weights)).to(chosen := pick_device(device))

    def pooled(tiles: RGB) -> FloatArray:
        pixels = torch.from_numpy(np.ascontiguousarray(tiles.transpose(0, 3, 1, 2))).to(chosen)
        with torch.inference_mode():
            described: FloatArray = network(pixels)[0].double().cpu().numpy()
        return described

    return FeatureNetwork("Inception, last pooling", None, pooled)


def _inception(weights: Path) -> Any:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    if not weights.is_file():
        raise ModelError(f"There are no Inception weights at {weights}; give their path, or --features starter.")
    try:
        state = read_state(weights)
        if _LAST not in state:
            raise ModelError(f"There is no {_LAST} in {weights}.")
        # torch-fidelity unpickles the file that it is given, so it is given one written here
        with tempfile.TemporaryDirectory(prefix="cytoshift-inception-") as folder:
            torch.save(state, Path(folder) / "weights.pth")
            return FeatureExtractorInceptionV3(
                "inception", ["2048"], feature_extractor_weights_path=str(Path(folder) / "weights.pth")
            )
    except (ModelError, RuntimeError, OSError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{weights} does not hold torch-fidelity's Inception weights; get "
            "weights-inception-2015-12-05-6726825d.pth of its release, or give --features starter."
        ) from error


def _resized(crops: RGB, sides: list[int]) -> RGB:
    """Resample crops with a triangle filter as wide as the step, antialiased, as the engine does."""
    size = (sides[1], sides[0])
    return np.stack([np.asarray(Image.fromarray(crop).resize(size, Image.Resampling.BILINEAR)) for crop in crops])

"""A detector as an operator: RGB tiles to boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cytoshift.detection.describe import DetectorDescriber, stages
from cytoshift.detection.networks import Architecture
from cytoshift.detection.published import Detector, PublishedArchitecture, build_detector, read_plan
from cytoshift.engine.breathing import let_breathe
from cytoshift.engine.device import pick_device
from cytoshift.engine.doubles import Doubles, strongest
from cytoshift.engine.loading import fitting, load_network
from cytoshift.engine.operator import FindingOperator, Needs, TileBoxes
from cytoshift.errors import ModelError
from cytoshift.metrics.calibration import Platt

RGB = npt.NDArray[np.uint8]

DESCRIBING = ("layer1", "layer2")
"""Stages of the trunk that describe a tile."""


class DetectorOperator(FindingOperator):
    """A detector over tiles.

    Parameters
    ----------
    network : Detector
        In evaluation mode, as `build_detector` makes it.
    architecture : Architecture or PublishedArchitecture
        Tile and halo.
    classes : tuple of str
        Names of the labels.
    mpp : float
        µm/px at which the network looks.
    model_id, version : str
        For the provenance.
    threshold : float
        Score below which boxes are dropped.
    thresholds : mapping of str to float, optional
        The same for single classes, by name.
    calibration : Platt, optional
        What makes scores of the network's, thresholds among them; they are taken as they are without.
    device : str
        Device name, ``auto`` for the best there is.
    """

    def __init__(
        self,
        network: Detector,
        architecture: Architecture | PublishedArchitecture,
        *,
        classes: tuple[str, ...],
        mpp: float,
        model_id: str,
        version: str,
        threshold: float = 0.5,
        thresholds: Mapping[str, float] | None = None,
        calibration: Platt | None = None,
        device: str = "auto",
    ) -> None:
        self._device = pick_device(device)
        self._network = network.to(self._device).eval()
        let_breathe(self._network)
        self._architecture = architecture
        self._classes = classes
        self._mpp = mpp
        self._model = (model_id, version)
        by_class = [(thresholds or {}).get(name, threshold) for name in classes]
        self._thresholds = np.array(by_class, np.float64)
        self._calibration = calibration

    @classmethod
    def from_model(
        cls,
        *,
        architecture: Mapping[str, Any],
        state: Mapping[str, Tensor],
        classes: tuple[str, ...],
        mpp: float | None,
        model_id: str,
        version: str,
        threshold: float = 0.5,
        thresholds: Mapping[str, float] | None = None,
        calibration: Mapping[str, float] | None = None,
        device: str = "auto",
    ) -> DetectorOperator:
        """Build the operator from what a model's card and weights say; ModelError where the two do not fit."""
        if mpp is None:
            raise ModelError(f"The card of {model_id} has no mpp; add the µm/px it was trained at to card.json.")
        with fitting(model_id):
            plan = read_plan(architecture)
            network = load_network(partial(build_detector, plan, len(classes)), state)
            scaling = Platt.from_card(calibration or {})
        return cls(
            network,
            plan,
            classes=classes,
            mpp=mpp,
            model_id=model_id,
            version=version,
            threshold=threshold,
            thresholds=thresholds,
            calibration=scaling,
            device=device,
        )

    @property
    def key(self) -> str:
        distinct = dict.fromkeys(f"{each:g}" for each in self._thresholds)
        thresholds = [f"{each:g}" for each in self._thresholds] if len(distinct) > 1 else list(distinct)
        scaling = self._calibration
        scaled = "" if scaling is None else f"-{scaling.a:.9g}-{scaling.b:.9g}"
        return f"{self._model[0]}-{self._model[1][:16]}-{'-'.join(thresholds)}{scaled}"

    @property
    def title(self) -> str:
        return self._model[0]

    @property
    def needs(self) -> Needs:
        plan = self._architecture
        batch = 2 if self._device.type == "cpu" else 16
        return Needs(mpp=self._mpp, tile=plan.tile, halo=plan.halo, alignment=32, batch=batch)

    @property
    def classes(self) -> tuple[str, ...]:
        return self._classes

    @property
    def model(self) -> tuple[str, str]:
        return self._model

    @property
    def threshold(self) -> float:
        return float(self._thresholds.min())

    @property
    def doubles(self) -> Doubles:
        return self._architecture.doubles(self._mpp)

    def find(self, tiles: RGB) -> Sequence[TileBoxes]:
        """Find cells in tiles ``(batch, y, x, 3)``, in pixels of the tile."""
        scaling, lowest = self._calibration, self.threshold
        floor = lowest if scaling is None or lowest <= 0 else float(scaling.undo(lowest)) * (1 - 1e-6)
        plan = self._architecture
        first = plan.first if isinstance(plan, PublishedArchitecture) else 0
        found = find_boxes(self._network, tiles, threshold=floor, doubles=self.doubles, first=first)
        return [self._kept(boxes) for boxes in found]

    def _kept(self, boxes: TileBoxes) -> TileBoxes:
        """Return boxes with calibrated scores, those that reach the threshold of their class."""
        scaling, scores = self._calibration, boxes.scores
        if scaling is not None:
            scores = scaling.apply(scores).astype(np.float32)
        kept = scores >= self._thresholds[boxes.labels]
        return TileBoxes(boxes.boxes[kept], scores[kept], boxes.labels[kept])

    def describe(self, tiles: RGB) -> npt.NDArray[np.float64]:
        """Describe what the early layers of the trunk make of tiles: texture and colour, hardly what kind of cell.

        Parameters
        ----------
        tiles : ndarray of uint8, shape (n, y, x, 3)
            At this operator's µm/px, at least 32 pixels a side.

        Returns
        -------
        ndarray of float64, shape (n, 2 c)
            Mean of each channel after each stage of `DESCRIBING`, then the logs of their deviations over the tile.
        """
        return describe_tiles(self._network, tiles)

    def describer(self) -> DetectorDescriber:
        """Return what describes single cells by this network."""
        return DetectorDescriber(self._network, self._mpp, self._model)


def describe_tiles(network: Detector, tiles: RGB) -> npt.NDArray[np.float64]:
    """Describe tiles as `DetectorOperator.describe` does; the deviation counts from a thousandth up."""
    means, deviations = [], []
    with torch.inference_mode():
        for name, x in stages(network, _images(tiles, next(network.parameters()).device)):
            if name in DESCRIBING:
                deviation, mean = torch.std_mean(x, dim=(2, 3))
                means.append(mean)
                deviations.append((deviation + 1e-3).log())
            if name == DESCRIBING[-1]:
                break
    return torch.cat(means + deviations, dim=1).double().cpu().numpy()


def find_boxes(
    network: nn.Module, tiles: RGB, *, threshold: float, doubles: Doubles, first: int = 0
) -> list[TileBoxes]:
    """Run a network over tiles ``(batch, y, x, 3)`` uint8 whose sides are multiples of 32.

    ``first`` is the network's label of the first class; what it calls by a label before that is background.
    """
    device = next(network.parameters()).device
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        return [_tile_boxes(result, threshold, doubles, first) for result in network(list(_images(tiles, device)))]


def _images(tiles: RGB, device: torch.device) -> Tensor:
    """Return tiles ``(n, y, x, 3)`` as the network takes them: ``(n, 3, y, x)``, 0 to 1."""
    pixels = torch.from_numpy(np.ascontiguousarray(tiles)).to(device)
    return pixels.permute(0, 3, 1, 2).float().div_(255)


def _tile_boxes(result: Mapping[str, Tensor], threshold: float, doubles: Doubles, first: int) -> TileBoxes:
    kept = (result["scores"] >= threshold) & (result["labels"] >= first)
    boxes, scores, labels = (result[name][kept].float().cpu().numpy() for name in ("boxes", "scores", "labels"))
    order = strongest(boxes, scores, doubles)
    return TileBoxes(boxes[order], scores[order], labels[order].astype(np.int16) - np.int16(first))

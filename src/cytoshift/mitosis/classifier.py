"""A classifier of mitoses in use: crops in, probabilities out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cytoshift.engine.device import pick_device
from cytoshift.engine.loading import fitting, load_network
from cytoshift.errors import ModelError
from cytoshift.metrics.calibration import Platt
from cytoshift.mitosis.augmentation import RGB, middle
from cytoshift.mitosis.learning import AT_ONCE, outputs
from cytoshift.mitosis.networks import CHANNELS, Architecture, MitosisNetwork
from cytoshift.mitosis.published import TimmArchitecture, TimmClassifier, build_classifier, read_plan

CROP = 128
"""Side in pixels of a crop, that of the published patches: 32 µm at 0.25 µm/px."""


@dataclass(frozen=True, slots=True)
class Classified:
    """What a classifier says of mitoses.

    Parameters
    ----------
    atypical : ndarray of float32, shape (n,)
        Probability of each to be atypical.
    phases : ndarray of float32, shape (n, p)
        Probability of each phase that the model tells apart.
    """

    atypical: npt.NDArray[np.float32]
    phases: npt.NDArray[np.float32]


class MitosisClassifier:
    """Tells atypical mitoses from normal ones. Can be pickled.

    Parameters
    ----------
    network : MitosisNetwork or TimmClassifier
    architecture : Architecture or TimmArchitecture
    mpp : float
        µm/px of its crops.
    model : tuple of str
        Id and version.
    threshold : float
        Probability from which a mitosis is called atypical.
    calibration : Platt, optional
        What makes probabilities of the network's scores.
    device : str
        Device name, ``auto`` for the best there is.
    """

    side = CROP

    def __init__(
        self,
        network: MitosisNetwork | TimmClassifier,
        architecture: Architecture | TimmArchitecture,
        *,
        mpp: float,
        model: tuple[str, str],
        threshold: float = 0.5,
        calibration: Platt | None = None,
        device: str = "auto",
    ) -> None:
        self._network = network.to(pick_device(device)).eval()
        self._architecture = architecture
        self.mpp, self.model, self.threshold = mpp, model, threshold
        self._calibration = calibration

    @classmethod
    def from_model(
        cls,
        *,
        architecture: Mapping[str, Any],
        state: Mapping[str, Tensor],
        mpp: float | None,
        model_id: str,
        version: str,
        threshold: float = 0.5,
        calibration: Mapping[str, float] | None = None,
        device: str = "auto",
    ) -> MitosisClassifier:
        """Build the classifier from what a model's card and weights say; ModelError where the two do not fit."""
        if mpp is None:
            raise ModelError(f"The card of {model_id} has no mpp; add the µm/px it was trained at to card.json.")
        with fitting(model_id):
            plan = read_plan(architecture)
            network = load_network(partial(build_classifier, plan), state)
            scaling = Platt.from_card(calibration or {})
        return cls(
            network,
            plan,
            mpp=mpp,
            model=(model_id, version),
            threshold=threshold,
            calibration=scaling,
            device=device,
        )

    @property
    def phases(self) -> tuple[str, ...]:
        """Phases of the mitotic cycle that it tells apart; none where it was not taught any."""
        return self._architecture.phases

    def classify(self, crops: RGB) -> Classified:
        """Classify crops ``(n, 128, 128, 3)`` uint8 at `mpp`, each with a mitosis in its middle."""
        parts = [self._classify(crops[start : start + AT_ONCE]) for start in range(0, len(crops), AT_ONCE)]
        none = Classified(np.zeros(0, np.float32), np.zeros((0, len(self.phases)), np.float32))
        return Classified(
            np.concatenate([none.atypical, *(part.atypical for part in parts)]),
            np.concatenate([none.phases, *(part.phases for part in parts)]),
        )

    def describe(self, crops: RGB) -> npt.NDArray[np.float32]:
        """Describe crops ``(n, 128, 128, 3)`` by the last features ``(n, c)``: like mitoses lie close together."""
        starts = range(0, len(crops), AT_ONCE)
        parts = [self._look(crops[start : start + AT_ONCE]).descriptors.cpu().numpy() for start in starts]
        return np.concatenate(parts) if parts else np.zeros((0, CHANNELS), np.float32)

    def _classify(self, crops: RGB) -> Classified:
        output = self._look(crops)
        scores = torch.sigmoid(output.logits.double()).cpu().numpy()
        if self._calibration is not None:
            scores = self._calibration.apply(scores)
        phases = torch.softmax(output.phases, dim=1) if self.phases else output.phases
        return Classified(scores.astype(np.float32), phases.cpu().numpy().astype(np.float32))

    def _look(self, crops: RGB) -> Any:
        plan = self._architecture
        return outputs(self._network, [middle(crop, plan.view, plan.side) for crop in crops])

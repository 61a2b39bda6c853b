"""A student detector as the training loop sees it: boxes to learn, and a teacher who sees the same cells at home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from cytoshift.detection.distillation.align import compact_alignment, identity_projection, loose_alignment
from cytoshift.detection.distillation.logits import decoupled_distillation, logit_distillation
from cytoshift.detection.distillation.recipe import Distillation
from cytoshift.detection.distillation.schedule import compact_weight, loose_weight
from cytoshift.detection.distillation.similarity import similarity_preservation
from cytoshift.detection.distillation.taps import Taps, looked, tapped
from cytoshift.detection.learning import Batch, DetectorLearning, on, pixels, stacked
from cytoshift.detection.networks import CellRetinaNet, build_network
from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.detection.views import Target
from cytoshift.training.augmentation import RGB, crop_image, jitter_stain
from cytoshift.training.coco import CocoSet

BACKGROUND = 0.01
"""How much a place without a cell counts in compact alignment, where a matched one counts 1."""


@dataclass(frozen=True, slots=True)
class PairedBatch(Batch):
    """Views as the student sees them, and the same views as its teacher does, ``home``."""

    home: Tensor | None = None


class Pupil(nn.Module):
    """A detector, and what compact alignment needs beside it and nobody after the training."""

    def __init__(self, detector: CellRetinaNet, channels: int) -> None:
        super().__init__()
        self.detector = detector
        self.projection = identity_projection(channels)


class DistilledLearning(DetectorLearning):
    """RetinaNet that learns in one look of the cells what its teacher knows of them in another.

    Parameters
    ----------
    recipe : DetectorRecipe
        With `DetectorRecipe.distillation`.
    training, held_back : CocoSet
        Fields as the student sees them.
    home : CocoSet
        The fields of ``training`` as the teacher sees them, in the same order and of the same shape.
    teacher : mapping of str to Tensor
        Its weights, from which the student starts.
    """

    def __init__(
        self,
        recipe: DetectorRecipe,
        training: CocoSet,
        held_back: CocoSet,
        *,
        home: CocoSet,
        teacher: Mapping[str, Tensor],
    ) -> None:
        super().__init__(recipe, training, held_back, teacher)
        assert recipe.distillation is not None
        self._how: Distillation = recipe.distillation
        self._home = home
        self._teacher = build_network(recipe.architecture, len(training.classes)).eval().requires_grad_(False)
        self._teacher.load_state_dict(dict(teacher))
        self._teacher.to(memory_format=torch.channels_last)
        self.network = Pupil(self.detector(self.network), recipe.architecture.channels)

    def detector(self, network: nn.Module) -> CellRetinaNet:
        """Return the detector in a network as `network` is one."""
        inner = network.detector if isinstance(network, Pupil) else network
        assert isinstance(inner, CellRetinaNet)
        return inner

    @cached_property
    def _at_home(self) -> list[RGB]:
        return [field.read() for field in self._home.fields]

    def batch(self, step: int) -> PairedBatch:
        """Draw the views of a step, for both."""
        views = [self._pair(rng) for rng in self._dice(step)]
        shown, home, targets = zip(*views, strict=True)
        return PairedBatch(stacked(list(shown)), list(targets), step, home=stacked(list(home)))

    def _pair(self, rng: np.random.Generator) -> tuple[RGB, RGB, Target]:
        """Draw a view: as the student sees it, as the teacher sees it, and what it holds."""
        side = self.recipe.views.crop
        index, crop = self._drawn.place(rng)
        zoom = self._home.fields[index].width / self.training.fields[index].width
        there = replace(crop, x=crop.x * zoom, y=crop.y * zoom, side=crop.side * zoom)
        home = crop_image(self._at_home[index], there, side)
        varied = self._how.view == "stain_aug" or (self._how.view == "mixed" and rng.random() < 0.5)
        if varied:
            shown = jitter_stain(rng, home, self._how.jitter)
        else:
            shown = jitter_stain(rng, crop_image(self._drawn.images[index], crop, side), self.recipe.views.stain_jitter)
        return shown, home, self._drawn.target(index, crop)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """RetinaNet's losses on what the student sees, and what sets it apart from its teacher."""
        assert isinstance(batch, PairedBatch)
        assert batch.home is not None
        detector = self.detector(self.network)
        device = next(detector.parameters()).device
        targets = on(batch.targets, device)
        with tapped(detector) as ours:
            losses: dict[str, Tensor] = dict(detector(list(pixels(batch.images, device)), targets))
        theirs = looked(self._teacher.to(device), pixels(batch.home, device))
        return losses | self._distances(ours, theirs, targets, batch.step / self.recipe.training.steps)

    def _distances(self, ours: Taps, theirs: Taps, targets: list[Target], progress: float) -> dict[str, Tensor]:
        how, detector = self._how, self.detector(self.network)
        pairs = zip(targets, ours.anchors, strict=True)
        matches = torch.stack([detector.match(target, anchors) for target, anchors in pairs])
        losses: dict[str, Tensor] = {}
        if how.lfa:
            losses["lfa"] = how.lfa * loose_weight(progress) * loose_alignment(ours.shallow, theirs.shallow)
        if how.cfa:
            weights = _weights(theirs, matches)
            compact = compact_alignment(ours.deep, theirs.deep, weights, self.network.get_submodule("projection"))
            losses["cfa"] = how.cfa * compact_weight(progress) * compact
        if how.kd:
            losses["kd"] = how.kd * logit_distillation(ours.logits, theirs.logits, matches)
        if how.dkd:
            labels = torch.stack([_labels(target, match) for target, match in zip(targets, matches, strict=True)])
            losses["dkd"] = how.dkd * decoupled_distillation(ours.logits, theirs.logits, matches, labels)
        if how.sp:
            losses["sp"] = how.sp * similarity_preservation(ours.pyramid, theirs.pyramid)
        return losses


def _weights(teacher: Taps, matches: Tensor) -> list[Tensor]:
    """Return how much each place counts in compact alignment: where a cell is, and where the teacher thinks so."""
    seen = teacher.logits.float().sigmoid().amax(dim=-1)
    there = (matches >= 0).to(seen.dtype)
    return [level.clamp(min=BACKGROUND) for level in teacher.by_level(torch.maximum(seen, there))]


def _labels(target: Target, matches: Tensor) -> Tensor:
    """Return the class of the cell each anchor is matched to; 0 where there is none."""
    if not len(target["labels"]):
        return torch.zeros_like(matches)
    return target["labels"][matches.clamp(min=0)]

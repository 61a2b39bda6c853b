"""A detector as the training loop sees it: views of fields, RetinaNet's losses, a validation on fields held back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from cytoshift.detection.networks import CellRetinaNet, build_network
from cytoshift.detection.operator import find_boxes
from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.detection.views import FieldViews, Target, field_mpp
from cytoshift.engine.operator import TileBoxes
from cytoshift.metrics.detection import DetectionTruth, average_precision
from cytoshift.training.augmentation import RGB
from cytoshift.training.coco import CocoSet, Field
from cytoshift.training.task import TrainingTask


@dataclass(frozen=True, slots=True)
class Batch:
    """Views ``(batch, 3, y, x)`` uint8, what they hold, and the step they are for."""

    images: Tensor
    targets: list[Target]
    step: int = 0


class DetectorLearning(TrainingTask):
    """RetinaNet on random views of annotated fields.

    Parameters
    ----------
    recipe : DetectorRecipe
    training, held_back : CocoSet
        Fields to learn from, and to validate on.
    start : mapping of str to Tensor, optional
        Weights to start from; random ones without.
    known : CocoSet, optional
        Fields that the start learnt from, repeated so that they are not forgotten: every second view is of them.
    """

    divisible = True  # RetinaNet counts each image's cells, and takes the mean over images

    def __init__(
        self,
        recipe: DetectorRecipe,
        training: CocoSet,
        held_back: CocoSet,
        start: Mapping[str, Tensor] | None = None,
        known: CocoSet | None = None,
    ) -> None:
        self.recipe = recipe
        self.training = training
        self.held_back = held_back
        self.known = known
        self._drawn = FieldViews(recipe, training)
        self._repeated = self._drawn if known is None else FieldViews(recipe, known)
        torch.manual_seed(recipe.training.seed)
        network = build_network(recipe.architecture, len(training.classes))
        if start is not None:
            network.load_state_dict(dict(start))
        network.frozen_norm = recipe.frozen_norm
        self.network: nn.Module = network.to(memory_format=torch.channels_last)

    def detector(self, network: nn.Module) -> CellRetinaNet:
        """Return the detector in a network as `network` is one: that is all of it."""
        assert isinstance(network, CellRetinaNet)
        return network

    def batch(self, step: int) -> Batch:
        """Draw the views of a step; the generator is keyed by seed, step and place in the batch."""
        views = [self._views(step, place).draw(rng) for place, rng in enumerate(self._dice(step))]
        return Batch(stacked([image for image, _ in views]), [target for _, target in views], step)

    def _views(self, step: int, place: int) -> FieldViews:
        """Return what a place in a batch is drawn from: by turns what is new, and what is known and repeated."""
        known = self.known is not None and (step * self.recipe.training.batch + place) % 2
        return self._repeated if known else self._drawn

    def _dice(self, step: int) -> list[np.random.Generator]:
        seed = self.recipe.training.seed
        return [np.random.default_rng((seed, step, place)) for place in range(self.recipe.training.batch)]

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """RetinaNet's focal classification loss and L1 box loss."""
        device = next(self.network.parameters()).device
        losses: dict[str, Tensor] = self.network(list(pixels(batch.images, device)), on(batch.targets, device))
        return losses

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Average precision on the fields held back.

        ``score`` is the mean of mAP50 over the classes and AP50 of cells of any class: on few fields the rare classes
        alone are too noisy to choose by.
        """
        truth, found = self.look(network)
        precision = average_precision(truth, found, self.held_back.classes)
        any_class = average_precision(truth, found, self.held_back.classes, any_class=True)
        scores = {"mAP": precision.mean, "mAP50": precision.mean50, "AP50_any": any_class.mean50}
        return {**scores, "score": (precision.mean50 + any_class.mean50) / 2}

    def look(self, network: nn.Module) -> tuple[list[DetectionTruth], list[TileBoxes]]:
        """Return what there is and what a network finds on the fields held back, in image pixels."""
        detector = self.detector(network)
        found = [self._find(detector, field) for field in self.held_back.fields]
        return [DetectionTruth(f.boxes, f.labels, f.ignored) for f in self.held_back.fields], found

    def _find(self, network: nn.Module, field: Field) -> TileBoxes:
        zoom = self.recipe.mpp / field_mpp(field, self.recipe)
        image = Image.fromarray(field.read())
        size = (round(image.width / zoom), round(image.height / zoom))
        small = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
        padded = np.full((-(-size[1] // 32) * 32, -(-size[0] // 32) * 32, 3), 255, np.uint8)
        padded[: size[1], : size[0]] = small
        doubles = self.recipe.architecture.doubles(self.recipe.mpp)
        boxes = find_boxes(network, padded[None], threshold=0.01, doubles=doubles)[0]
        return TileBoxes(boxes.boxes * np.float32(zoom), boxes.scores, boxes.labels)


def stacked(images: list[RGB]) -> Tensor:
    """Return images ``(y, x, 3)`` as one tensor ``(n, 3, y, x)``, uint8."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()


def pixels(images: Tensor, device: torch.device) -> Tensor:
    """Return images as a network takes them, 0 to 1, on its device."""
    return images.to(device).float().div_(255)


def on(targets: list[Target], device: torch.device) -> list[Target]:
    """Return targets on a device."""
    return [{name: value.to(device) for name, value in target.items()} for target in targets]

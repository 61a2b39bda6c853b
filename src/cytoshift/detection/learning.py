"""A detector as the training loop sees it: views of fields, RetinaNet's losses, a validation on fields held back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from cytoshift.detection.networks import CellRetinaNet, build_network
from cytoshift.detection.operator import find_boxes
from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.engine.operator import TileBoxes
from cytoshift.metrics.detection import DetectionTruth, average_precision
from cytoshift.training.augmentation import RGB, Crop, crop_boxes, crop_image, draw_crop, jitter_stain
from cytoshift.training.coco import CocoSet, Field
from cytoshift.training.task import TrainingTask

Target = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Batch:
    """Views ``(batch, 3, y, x)`` uint8, what they hold, and the step they are for."""

    images: Tensor
    targets: list[Target]
    step: int = 0


class DetectorLearning(TrainingTask):
    """RetinaNet on random views of annotated fields."""

    def __init__(
        self,
        recipe: DetectorRecipe,
        training: CocoSet,
        held_back: CocoSet,
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.recipe = recipe
        self.training = training
        self.held_back = held_back
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

    @cached_property
    def _images(self) -> list[RGB]:
        return [field.read() for field in self.training.fields]

    @cached_property
    def _cells(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Index (field, cell) of every cell, and the chance to be the one a view is drawn around."""
        fields = self.training.fields
        cells = np.array([(f, c) for f, field in enumerate(fields) for c in range(len(field.boxes))], np.int64)
        labels = np.concatenate([field.labels for field in fields])
        counts = np.bincount(labels, minlength=len(self.training.classes))
        chance = counts[labels] ** -float(self.recipe.views.balance)
        return cells, chance / chance.sum()

    def batch(self, step: int) -> Batch:
        """Draw the views of a step; the generator is keyed by seed, step and place in the batch."""
        views = [self._view(rng) for rng in self._dice(step)]
        return Batch(stacked([image for image, _ in views]), [target for _, target in views], step)

    def _dice(self, step: int) -> list[np.random.Generator]:
        seed = self.recipe.training.seed
        return [np.random.default_rng((seed, step, place)) for place in range(self.recipe.training.batch)]

    def _view(self, rng: np.random.Generator) -> tuple[RGB, Target]:
        views = self.recipe.views
        index, crop = self._place(rng)
        image = crop_image(self._images[index], crop, views.crop)
        return jitter_stain(rng, image, views.stain_jitter), self._target(index, crop)

    def _place(self, rng: np.random.Generator) -> tuple[int, Crop]:
        """Draw a field, and a crop of it in its own pixels."""
        views = self.recipe.views
        fields = self.training.fields
        cells, chance = self._cells
        if len(cells) and rng.random() < views.around_cells:
            index, cell = cells[rng.choice(len(cells), p=chance)]
            box = fields[index].boxes[cell]
            around = (box[:2] + box[2:]) / 2
        else:
            index, around = int(rng.integers(len(fields))), None
        field = fields[index]
        zoom = self.recipe.mpp / field_mpp(field, self.recipe)  # image pixels per pixel of the network
        zoom *= float(np.exp(rng.uniform(-1, 1) * np.log1p(views.scale_jitter)))
        return int(index), draw_crop(rng, (field.height, field.width), views.crop * zoom, around)

    def _target(self, index: int, crop: Crop) -> Target:
        """Return what a crop holds, in pixels of the network."""
        field, side = self.training.fields[index], self.recipe.views.crop
        boxes, inside = crop_boxes(field.boxes, crop, side)
        ignored, _ = crop_boxes(field.ignored, crop, side)
        cut = boxes[~inside & _has_area(boxes)]  # half a cell at the border teaches nothing certain
        keep = inside & _has_area(boxes)
        return {
            "boxes": torch.from_numpy(boxes[keep]),
            "labels": torch.from_numpy(field.labels[keep]),
            "ignored": torch.from_numpy(np.concatenate([cut, ignored[_has_area(ignored)]])),
        }

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


def field_mpp(field: Field, recipe: DetectorRecipe) -> float:
    """Return a field's µm/px, the recipe's where the field says nothing."""
    return field.mpp or recipe.data.mpp


def _has_area(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).min(axis=1) > 2, bool)

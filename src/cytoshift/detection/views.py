"""Random views of annotated fields: crops with the cells in them, around cells and elsewhere."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.training.augmentation import RGB, Crop, crop_boxes, crop_image, draw_crop, jitter_stain
from cytoshift.training.coco import CocoSet, Field

Target = dict[str, Tensor]


class FieldViews:
    """Draws views of a data set.

    Parameters
    ----------
    recipe : DetectorRecipe
        Side, size and colours of the views, and around what they are drawn.
    data : CocoSet
    """

    def __init__(self, recipe: DetectorRecipe, data: CocoSet) -> None:
        self.recipe = recipe
        self.data = data

    @cached_property
    def images(self) -> list[RGB]:
        """The pixels of all fields."""
        return [field.read() for field in self.data.fields]

    @cached_property
    def _middles(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Field ``(n,)``, point ``(n, 2)`` and chance ``(n,)`` of what a view may be drawn around.

        These are the cells, and once more the places that a person corrected, cell or none.
        """
        fields, views = self.data.fields, self.recipe.views
        labels = np.concatenate([field.labels for field in fields])
        counts = np.bincount(labels, minlength=len(self.data.classes))
        chance = counts[labels] ** -float(views.balance)
        corrected = sum(len(field.corrected) for field in fields)
        if corrected:
            usual = chance.mean() if len(chance) else 1.0
            chance = np.concatenate([chance, np.full(corrected, views.corrected * usual)])
        boxes = [field.boxes for field in fields] + [field.corrected for field in fields]
        where = np.repeat(np.tile(np.arange(len(fields)), 2), [len(each) for each in boxes])
        around = np.concatenate(boxes)
        total = chance.sum()
        return where, (around[:, :2] + around[:, 2:]) / 2, chance / total if total else chance

    def draw(self, rng: np.random.Generator) -> tuple[RGB, Target]:
        """Draw a view, and what it holds."""
        views = self.recipe.views
        index, crop = self.place(rng)
        image = crop_image(self.images[index], crop, views.crop)
        return jitter_stain(rng, image, views.stain_jitter), self.target(index, crop)

    def place(self, rng: np.random.Generator) -> tuple[int, Crop]:
        """Draw a field, and a crop of it in its own pixels."""
        views, fields = self.recipe.views, self.data.fields
        where, middles, chance = self._middles
        around: npt.NDArray[np.float64] | None
        if len(where) and rng.random() < views.around_cells:
            drawn = rng.choice(len(where), p=chance)
            index, around = int(where[drawn]), middles[drawn]
        else:
            index, around = int(rng.integers(len(fields))), None
        field = fields[index]
        zoom = self.recipe.mpp / field_mpp(field, self.recipe)  # image pixels per pixel of the network
        zoom *= float(np.exp(rng.uniform(-1, 1) * np.log1p(views.scale_jitter)))
        return index, draw_crop(rng, (field.height, field.width), views.crop * zoom, around)

    def target(self, index: int, crop: Crop) -> Target:
        """Return what a crop holds, in pixels of the network."""
        field, side = self.data.fields[index], self.recipe.views.crop
        boxes, inside = crop_boxes(field.boxes, crop, side)
        ignored, _ = crop_boxes(field.ignored, crop, side)
        cut = boxes[~inside & _has_area(boxes)]  # half a cell at the border teaches nothing certain
        keep = inside & _has_area(boxes)
        return {
            "boxes": torch.from_numpy(boxes[keep]),
            "labels": torch.from_numpy(field.labels[keep]),
            "ignored": torch.from_numpy(np.concatenate([cut, ignored[_has_area(ignored)]])),
        }


def field_mpp(field: Field, recipe: DetectorRecipe) -> float:
    """Return a field's µm/px, the recipe's where the field says nothing."""
    return field.mpp or recipe.data.mpp


def _has_area(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).min(axis=1) > 2, bool)

"""The task network T, normal against abnormal: what restyling is to keep working on another scanner's slides.

A ResNet with one logit (He et al., 2016; section IV-B-1 of the stain-normalization paper), trained on the source
domain alone. Grey views and varied colours are the comparators of the paper's Table I.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torchvision.models import resnet18, resnet50

from cytoshift.stain.restyling.augmentation import principal_components, vary_hsv, vary_pca
from cytoshift.stain.restyling.losses import task_loss
from cytoshift.stain.restyling.patches import DomainImages, cut, draw_around_cell
from cytoshift.stain.restyling.recipe import TaskRecipe
from cytoshift.stain.restyling.removal import GREY
from cytoshift.training.task import TrainingTask

RGB = npt.NDArray[np.uint8]

_AT_ONCE = 64


class TaskNetwork(nn.Module):
    """A ResNet that answers with one logit: positive for abnormal.

    Parameters
    ----------
    trunk : {"resnet18", "resnet50"}
    grey : bool
        Whether it sees brightness alone.
    """

    def __init__(self, trunk: str, *, grey: bool = False) -> None:
        super().__init__()
        build = {"resnet18": resnet18, "resnet50": resnet50}[trunk]
        self.trunk = build(weights=None, num_classes=1)
        self.grey = grey

    def forward(self, rgb: Tensor) -> Tensor:
        """Judge ``(batch, 3, y, x)``, -1 to 1; returns ``(batch,)`` logits."""
        if self.grey:
            weights = torch.tensor(GREY, dtype=rgb.dtype, device=rgb.device)
            rgb = (rgb * weights[:, None, None]).sum(1, keepdim=True).expand(-1, 3, -1, -1)
        logits: Tensor = self.trunk(rgb)
        return logits[:, 0]


@dataclass(frozen=True, slots=True)
class Views:
    """Views of cells ``(batch, 3, y, x)`` uint8, and which are abnormal, 0 or 1."""

    images: Tensor
    abnormal: Tensor


class TaskLearning(TrainingTask):
    """The task network on views of the source domain's cells, as many normal as abnormal."""

    divisible = True

    def __init__(self, recipe: TaskRecipe, source: DomainImages) -> None:
        self.recipe = recipe
        torch.manual_seed(recipe.training.seed)
        network = TaskNetwork(recipe.trunk, grey=recipe.grey)
        self.network: nn.Module = network.to(memory_format=torch.channels_last)
        self._abnormal = source.abnormal(recipe.normal)
        self._source = source
        self._components = principal_components(source.images)
        held = self._held_back()
        self._learnt = np.where(held, -1, self._abnormal)  # -1 is drawn for neither class
        self._held = np.flatnonzero(held)

    def _held_back(self) -> npt.NDArray[np.bool_]:
        """Tell the cells of the fields held back, drawn by the seed: whole fields, never cells of one field apart."""
        fields = len(self._source.images)
        count = min(max(round(fields * self.recipe.holdout), 1), fields - 1)
        held = np.random.default_rng(self.recipe.training.seed).permutation(fields)[:count]
        return np.isin(self._source.cells[:, 0], held)

    def batch(self, step: int) -> Views:
        """Draw the views of a step, a function of seed and step."""
        size, label = self.recipe.patch, []
        images = []
        for place in range(self.recipe.training.batch):
            rng = np.random.default_rng((self.recipe.training.seed, step, place))
            view, _, abnormal = draw_around_cell(rng, self._source, self._learnt, size)
            images.append(self._varied(rng, view))
            label.append(abnormal)
        return Views(as_tensor(np.stack(images)), torch.tensor(label, dtype=torch.float32))

    def _varied(self, rng: np.random.Generator, view: RGB) -> RGB:
        if self.recipe.augmentation == "pca":
            return vary_pca(rng, view, self._components)
        return vary_hsv(rng, view) if self.recipe.augmentation == "hsv" else view

    def loss(self, batch: Views) -> dict[str, Tensor]:
        """Binary cross-entropy."""
        device = next(self.network.parameters()).device
        logits = self.network(scaled(batch.images.to(device)))
        return {"task": task_loss(logits, batch.abnormal.to(device))}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Balanced accuracy on the cells of the fields held back."""
        if not len(self._held):
            return {"accuracy": 0.0, "score": 0.0}
        views = np.stack([self._cell(int(index)) for index in self._held])
        score = balanced_accuracy(judge(network, views), self._abnormal[self._held])
        return {"accuracy": score, "score": score}

    def _cell(self, index: int) -> RGB:
        field, y, x = self._source.cells[index].tolist()
        return cut(self._source.images[field], y, x, self.recipe.patch)


def as_tensor(images: RGB) -> Tensor:
    """Turn images ``(batch, y, x, 3)`` into a tensor ``(batch, 3, y, x)`` of uint8."""
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)


def scaled(images: Tensor) -> Tensor:
    """Scale uint8 to -1 to 1."""
    return images.float().div_(127.5).sub_(1)


def judge(network: nn.Module, views: RGB) -> npt.NDArray[np.float32]:
    """Return the logits of views ``(n, y, x, 3)`` of cells; positive for abnormal."""
    device = next(network.parameters()).device
    logits = [
        network(scaled(as_tensor(views[start : start + _AT_ONCE]).to(device))).float().cpu().numpy()
        for start in range(0, len(views), _AT_ONCE)
    ]
    return np.concatenate([np.zeros(0, np.float32), *logits])


def balanced_accuracy(logits: npt.NDArray[np.float32], abnormal: npt.NDArray[np.int64]) -> float:
    """Return the mean of the shares of normal and of abnormal cells judged rightly: accuracy at equal numbers."""
    right = (logits > 0) == (abnormal > 0)
    kinds = [right[abnormal == kind].mean() for kind in (0, 1) if (abnormal == kind).any()]
    return float(np.mean(kinds)) if kinds else 0.0

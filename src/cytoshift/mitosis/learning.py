"""A classifier of mitoses as the training loop sees it: varied patches, the paper's three losses, slides held back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from cytoshift.metrics.binary import best_threshold, roc_auc
from cytoshift.mitosis.augmentation import RGB, middle, vary
from cytoshift.mitosis.losses import alignment, annealed, distillation, warmed
from cytoshift.mitosis.networks import Architecture, MitosisNetwork, Output, build_network
from cytoshift.mitosis.patches import PatchSet
from cytoshift.mitosis.recipe import MitosisRecipe
from cytoshift.training.divided import gathered
from cytoshift.training.task import TrainingTask

AT_ONCE = 64
"""Patches that are looked at together while nothing is learnt."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Views ``(batch, 3, y, x)`` uint8, their patches' labels, domains and phases, and which part of which step."""

    images: Tensor
    labels: Tensor
    domains: Tensor
    phases: Tensor
    step: int
    part: int = 0


class MitosisLearning(TrainingTask):
    """Mix, Align, Distil on the patches of several domains.

    Ranks that divide a batch align the domains, and mix the styles, of all its patches.

    Parameters
    ----------
    recipe : MitosisRecipe
    training, held_back : PatchSet
        Of different slides.
    start : mapping of str to Tensor, optional
        Weights to start from.
    phases : tuple of str, optional
        Phases that the second head tells apart; those of the training patches without.
    """

    divisible = True

    def __init__(
        self,
        recipe: MitosisRecipe,
        training: PatchSet,
        held_back: PatchSet,
        start: Mapping[str, Tensor] | None = None,
        phases: tuple[str, ...] | None = None,
    ) -> None:
        self.recipe, self.training, self.held_back = recipe, training, held_back
        views = recipe.views
        if phases is None:
            phases = training.phase_names if recipe.phases else ()
        self.architecture = Architecture(view=views.view, side=views.side, attention=recipe.attention, phases=phases)
        torch.manual_seed(recipe.training.seed)
        network = build_network(self.architecture, recipe.mixstyle)
        if start is not None:
            network.load_state_dict(dict(start))
        self.network: nn.Module = network

    @cached_property
    def _patches(self) -> list[RGB]:
        return [self.training.read(index) for index in range(len(self.training))]

    @cached_property
    def _chances(self) -> npt.NDArray[np.float64]:
        """How often each patch is drawn: classes as they are, or equally often."""
        counts = np.bincount(self.training.labels, minlength=2)
        chances = counts[self.training.labels] ** -float(self.recipe.views.balance)
        return np.asarray(chances / chances.sum(), np.float64)

    @cached_property
    def _shares(self) -> npt.NDArray[np.float32]:
        """Return the experts' shares of the phases that the second head knows."""
        shares = np.zeros((len(self.training), len(self.architecture.phases)), np.float32)
        for column, name in enumerate(self.architecture.phases):
            if name in self.training.phase_names:
                shares[:, column] = self.training.phases[:, self.training.phase_names.index(name)]
        return shares

    def batch(self, step: int) -> Batch:
        """Draw the views of a step; the generator is keyed by seed, step and place in the batch."""
        settings = self.recipe.training
        rng = np.random.default_rng((settings.seed, step))
        drawn = rng.choice(len(self.training), settings.batch, p=self._chances)
        views = [
            vary(np.random.default_rng((settings.seed, step, place)), self._patches[index], self.recipe.views)
            for place, index in enumerate(drawn.tolist())
        ]
        return Batch(
            stacked(views),
            torch.from_numpy(self.training.labels[drawn].astype(np.float32)),
            torch.from_numpy(self.training.domains[drawn]),
            torch.from_numpy(self._shares[drawn]),
            step,
        )

    def parts(self, batch: Batch, at_once: int | None) -> Iterator[tuple[Batch, float]]:
        """Split a batch; alignment then compares the domains within each part."""
        count = len(batch.labels)
        for start in range(0, count, at_once or count):
            part = slice(start, start + (at_once or count))
            images, labels = batch.images[part], batch.labels[part]
            yield Batch(images, labels, batch.domains[part], batch.phases[part], batch.step, start), len(labels) / count

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Classification, alignment and distillation with their weights at this step; phases, if they are learnt."""
        device = next(self.network.parameters()).device
        images = pixels(batch.images, device)
        output, labels = self._look(images, batch), batch.labels.to(device)
        losses = {"classification": functional.binary_cross_entropy_with_logits(output.logits.float(), labels)}
        recipe = self.recipe
        if recipe.alignment:
            weight = recipe.alignment * annealed(batch.step / recipe.training.steps)
            losses["alignment"] = weight * alignment(
                gathered(output.descriptors.float()), gathered(batch.domains.to(device))
            )
        if recipe.distillation:
            with torch.no_grad():
                teacher: Output = self.average(images)
            weight = recipe.distillation * warmed(batch.step, self._warmup)
            losses["distillation"] = weight * distillation(output.logits, teacher.logits)
        if recipe.phases and self.architecture.phases:
            shares = batch.phases.to(device)
            losses["phases"] = recipe.phases * _phase_loss(output.phases.float(), shares)
        return losses

    def _look(self, images: Tensor, batch: Batch) -> Output:
        """Ask the network; which styles are mixed is a matter of seed, step and part, so that a run can be resumed."""
        with torch.random.fork_rng(devices=[]):  # MixStyle draws on the CPU
            torch.manual_seed(hash((self.recipe.training.seed, batch.step, batch.part)))
            output: Output = self.network(images)
        return output

    @property
    def _warmup(self) -> int:
        """Steps over which the distillation's weight grows."""
        return round(self.recipe.distillation_epochs * len(self.training) / self.recipe.training.batch)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return ROC AUC and the best balanced accuracy on the slides held back; ``score`` is their mean.

        Balanced accuracy is what counts, but on some hundred patches it is noisy; the area steadies the choice.
        """
        scores, labels = self.look(network), self.held_back.labels
        area, best = roc_auc(labels, scores), best_threshold(labels, scores).balanced_accuracy
        return {"AUC": area, "balanced accuracy": best, "score": (area + best) / 2}

    def look(self, network: nn.Module) -> npt.NDArray[np.float64]:
        """Return what a network says of the patches held back: logits ``(n,)``."""
        assert isinstance(network, MitosisNetwork)
        patches = (self.held_back.read(index) for index in range(len(self.held_back)))
        seen = [middle(patch, self.architecture.view, self.architecture.side) for patch in patches]
        parts = [outputs(network, seen[k : k + AT_ONCE]).logits for k in range(0, len(seen), AT_ONCE)]
        return torch.cat(parts).double().cpu().numpy()


def outputs(network: nn.Module, views: list[RGB]) -> Output:
    """Return what a network says of views ``(y, x, 3)`` of its side, without learning; in float32 on a CPU."""
    device = next(network.parameters()).device
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        output: Output = network(pixels(stacked(views), device))
    return Output(*(part.float() for part in output))


def stacked(views: list[RGB]) -> Tensor:
    """Return views ``(y, x, 3)`` as one tensor ``(n, 3, y, x)``, uint8."""
    return torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2).contiguous()


def pixels(images: Tensor, device: torch.device) -> Tensor:
    """Return images as the network takes them, 0 to 1, on its device."""
    return images.to(device).float().div_(255)


def _phase_loss(logits: Tensor, shares: Tensor) -> Tensor:
    """Return the cross entropy with what the experts saw; patches of which no expert said anything do not count."""
    logits, shares = gathered(logits), gathered(shares)
    known = shares.sum(dim=1) > 0
    if not known.any():
        return logits.sum() * 0
    return functional.cross_entropy(logits[known], shares[known])

"""What all ways to teach a translator share: crops, the first steps that only repeat, samples to look at."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cytoshift.metrics import bhattacharyya, rgb_histograms, structure_kept
from cytoshift.training.domains import Domain
from cytoshift.training.samples import JUDGED, SHOWN, Show, contact_sheet
from cytoshift.training.task import TrainingTask
from cytoshift.translation.crops import Batch, as_images, draw_batch, draws, scaled
from cytoshift.translation.generator import Generator
from cytoshift.translation.losses import repetition_loss
from cytoshift.translation.recipe import TranslationRecipe

RGB = npt.NDArray[np.uint8]


class TranslatorLearning(TrainingTask):
    """A translator's training.

    Most papers take one image a step, which ranks cannot divide; they divide larger batches.

    Parameters
    ----------
    recipe : TranslationRecipe
    source, target : Domain
    show : callable
        Is given sample tiles at every validation.
    start : mapping of tensors, optional
        The generator's weights to start from.
    """

    divisible = True

    def __init__(
        self,
        recipe: TranslationRecipe,
        source: Domain,
        target: Domain,
        *,
        show: Show,
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.recipe, self.source, self.target = recipe, source, target
        self._show = show
        self._step = 0
        self.opposing_rate = recipe.critics.rate
        torch.manual_seed(recipe.training.seed)
        self.generator = Generator(recipe.architecture.generator)
        if start is not None:
            self.generator.load_state_dict(dict(start))

    def own(self, network: nn.Module, opponents: nn.Module) -> None:
        """Take over the networks as the loop sees them; the first holds the generator by that name."""
        self.network = network.to(memory_format=torch.channels_last)
        self.opponents = opponents.to(memory_format=torch.channels_last)

    def batch(self, step: int) -> Batch:
        """Draw the crops of a step, a function of seed and step."""
        recipe = self.recipe
        return draw_batch(
            self.source,
            self.target,
            seed=recipe.training.seed,
            step=step,
            count=recipe.training.batch,
            size=recipe.crop,
        )

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the generator's losses; in the first steps, what it lacks to repeat images of the target.

        Instance normalization takes an image's own colours away, so a generator that repeats the target's images paints
        others in the target's colours too: the adversaries start from there.
        """
        self._step = batch.step
        device = next(self.network.parameters()).device
        if batch.step < self.recipe.rehearsal:
            return {"repetition": self.rehearse(batch, draws(self.recipe.training.seed, batch.step), device)}
        return self.translate(batch, draws(self.recipe.training.seed, batch.step), device)

    def rehearse(self, batch: Batch, random: torch.Generator, device: torch.device) -> Tensor:
        """Return the loss of the first steps."""
        target = scaled(batch.target, device)
        return repetition_loss(self.repeated(target, random), target)

    def repeated(self, images: Tensor, random: torch.Generator) -> Tensor:
        """Return what the generator makes of images that it is to repeat."""
        made: Tensor = self.generator(images)
        return made

    @abstractmethod
    def translate(self, batch: Batch, random: torch.Generator, device: torch.device) -> dict[str, Tensor]:
        """Return the generator's losses after the first steps."""

    def translated(self, network: nn.Module, images: Tensor) -> Tensor:
        """Translate ``(batch, 3, y, x)``, -1 to 1, as one step of the generator in a network kept by the loop does."""
        generator = network.get_submodule("generator")
        made: Tensor = generator(images)
        return made

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Measure translated source crops that no step has drawn, and show some.

        ``colour`` is the Bhattacharyya distance of their histogram to that of target crops, ``structure`` the
        correlation of their gradients with the input's. The score says little: adversaries never rest, the last
        network is kept.
        """
        recipe = self.recipe
        crops = draw_batch(
            self.source, self.target, seed=recipe.training.seed + 1, step=0, count=JUDGED, size=recipe.crop
        )
        device = next(network.parameters()).device
        before = np.ascontiguousarray(crops.source.permute(0, 2, 3, 1).numpy())
        after = as_images(self.translated(network, scaled(crops.source, device)))
        target = np.ascontiguousarray(crops.target.permute(0, 2, 3, 1).numpy())
        self._show(self._step + 1, contact_sheet(before[:SHOWN], after[:SHOWN]))
        colour = bhattacharyya(rgb_histograms(np.concatenate([*after])), rgb_histograms(np.concatenate([*target])))
        kept = [structure_kept(one, other).gradient_correlation for one, other in zip(before, after, strict=True)]
        return {"colour": float(colour), "structure": float(np.mean(kept)), "score": -float(colour)}

"""Teaching two generators at once, there and back: what went there must come back as it was (CycleGAN)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from cytoshift.training.divided import drawn, gathered
from cytoshift.training.domains import Domain
from cytoshift.training.samples import Show
from cytoshift.translation.crops import Batch, draws, scaled
from cytoshift.translation.discriminator import Critic
from cytoshift.translation.generator import Generator
from cytoshift.translation.learning import TranslatorLearning
from cytoshift.translation.losses import adversarial_loss, critic_loss, repetition_loss
from cytoshift.translation.pool import ImagePool
from cytoshift.translation.recipe import TranslationRecipe

POOLED = 50
"""Images in each pool (Zhu et al., 2017, section 4)."""


class CycleLearning(TranslatorLearning):
    """CycleGAN: generator there, ``back``, and a critic with a pool at either end.

    Parameters
    ----------
    recipe, source, target, show, start
        See `TranslatorLearning`.
    """

    def __init__(
        self,
        recipe: TranslationRecipe,
        source: Domain,
        target: Domain,
        *,
        show: Show,
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__(recipe, source, target, show=show, start=start)
        self._back = Generator(recipe.architecture.generator)
        ends = ("target", "source")
        self._critics = nn.ModuleDict({end: Critic(recipe.critics.width, timed=False) for end in ends})
        self._pools = {end: ImagePool(POOLED, recipe.crop) for end in ends}
        self._made: dict[str, tuple[Tensor, Tensor]] = {}
        networks = nn.ModuleDict({"generator": self.generator, "back": self._back})
        self.own(networks, nn.ModuleDict({"critics": self._critics, "pools": nn.ModuleDict(self._pools)}))

    def rehearse(self, batch: Batch, random: torch.Generator, device: torch.device) -> Tensor:
        """Return the loss of the first steps, of both generators, each on the images it is to make."""
        source = scaled(batch.source, device)
        return super().rehearse(batch, random, device) + repetition_loss(self._back(source), source)

    def translate(self, batch: Batch, random: torch.Generator, device: torch.device) -> dict[str, Tensor]:
        """Return the generators' losses (Zhu et al., 2017, equation 3, and the identity of section 5.2)."""
        weights = self.recipe.weights
        source, target = scaled(batch.source, device), scaled(batch.target, device)
        # What is to be translated and what is to stay as it is go through a generator in one batch.
        there, target_kept = self.generator(torch.cat([source, target])).chunk(2)
        back, source_kept = self._back(torch.cat([target, source])).chunk(2)
        around = repetition_loss(self._back(there), source) + repetition_loss(self.generator(back), target)
        kept = repetition_loss(target_kept, target) + repetition_loss(source_kept, source)
        deceived = adversarial_loss(self._critics["target"](there)) + adversarial_loss(self._critics["source"](back))
        self._made = {"target": (target, there.detach()), "source": (source, back.detach())}
        return {
            "adversarial": weights.adversarial * deceived,
            "cycle": weights.cycle * around,
            "identity": weights.identity * kept,
        }

    def opposing_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return what the critics minimise, old images among the made; nothing in the first steps."""
        random = draws(self.recipe.training.seed + 1, batch.step)
        losses = {}
        for end, (real, made) in self._made.items():
            pooled = self._pooled(end, made, random).contiguous(memory_format=torch.channels_last)
            losses[f"critic of {end}"] = critic_loss(self._critics[end](real), self._critics[end](pooled))
        self._made = {}
        return losses

    def _pooled(self, end: str, made: Tensor, random: torch.Generator) -> Tensor:
        """Exchange made images for those that a critic is to see; a pool takes in those of all ranks."""
        every = gathered(made)
        exchanged = self._pools[end].exchange(every, random)
        return drawn(len(made), lambda n: exchanged)

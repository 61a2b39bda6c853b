"""Teaching a transport: the cheapest way to the target that a potential cannot outbid (NOT, Korotin et al., 2023)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from cytoshift.training.divided import drawn
from cytoshift.training.domains import Domain
from cytoshift.training.samples import Show
from cytoshift.translation.crops import Batch, scaled
from cytoshift.translation.discriminator import Critic
from cytoshift.translation.learning import TranslatorLearning
from cytoshift.translation.losses import potential_loss, transport_loss
from cytoshift.translation.recipe import TranslationRecipe


class TransportLearning(TranslatorLearning):
    """Neural optimal transport, strong, or weak where the recipe has several draws.

    The potential is the critic of the other methods without normalization, its judgements averaged; the generator
    is theirs too, where the paper has a U-Net: the method asks for no architecture of its own, and so its moments
    can be made continuous.

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
        self.opposing_every = recipe.transport.steps
        self._potential = Critic(recipe.critics.width, timed=False, normalized=False)
        self._made: tuple[Tensor, Tensor] | None = None
        self.own(nn.ModuleDict({"generator": self.generator}), nn.ModuleDict({"potential": self._potential}))

    def repeated(self, images: Tensor, random: torch.Generator) -> Tensor:
        """Return what the generator makes of images that it is to repeat, whatever the noise."""
        made: Tensor = self.generator(self._noisy(images, random))
        return made

    def translate(self, batch: Batch, random: torch.Generator, device: torch.device) -> dict[str, Tensor]:
        """Return the transport's loss."""
        recipe = self.recipe.transport
        source, target = scaled(batch.source, device), scaled(batch.target, device)
        shown = self._noisy(source.repeat(recipe.draws, 1, 1, 1), random)
        made = self.generator(shown)
        worth = self._potential(made)
        grown = min(1.0, batch.step / (recipe.spread_after * self.recipe.training.steps))
        loss = transport_loss(
            source, made.unflatten(0, (recipe.draws, len(source))), worth, spread=recipe.spread * grown
        )
        self._made = (target, made.detach())
        return {"transport": self.recipe.weights.transport * loss}

    def opposing_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return what the potential minimises; nothing in the first steps."""
        if self._made is None:
            return {}
        (real, made), self._made = self._made, None
        return {"potential": potential_loss(self._potential(real), self._potential(made))}

    def translated(self, network: nn.Module, images: Tensor) -> Tensor:
        """Translate images with one draw of the noise."""
        made: Tensor = network.get_submodule("generator")(self._noisy(images, torch.Generator().manual_seed(0)))
        return made

    def _noisy(self, images: Tensor, random: torch.Generator) -> Tensor:
        """Add the channel of noise that a weak transport draws from."""
        deviation = self.recipe.architecture.noise
        if not deviation:
            return images
        noise = drawn(len(images), lambda n: torch.randn(n, 1, *images.shape[2:], generator=random)) * deviation
        return torch.cat([images, noise.to(images.device)], 1).contiguous(memory_format=torch.channels_last)

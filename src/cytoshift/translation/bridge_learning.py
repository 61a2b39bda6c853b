"""Teaching a bridge (UNSB), or a translator of one step by contrast alone (CUT, FastCUT): the same trainer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cytoshift.training.divided import drawn
from cytoshift.training.domains import Domain
from cytoshift.training.samples import Show
from cytoshift.translation.bridge import coefficients
from cytoshift.translation.contrast import PatchFeatures, contrast_loss, draw_places
from cytoshift.translation.crops import Batch, scaled
from cytoshift.translation.discriminator import Critic
from cytoshift.translation.learning import TranslatorLearning
from cytoshift.translation.losses import (
    adversarial_loss,
    bridge_loss,
    critic_loss,
    entropy_network_loss,
    repetition_loss,
)
from cytoshift.translation.recipe import TranslationRecipe

PAIRS = 12
"""Channels of what the entropy network sees: two pairs of a state and a predicted end."""


@dataclass(frozen=True, slots=True)
class _Made:
    """What a step has made, for its opponents."""

    step: int
    real: Tensor
    made: Tensor
    pair: Tensor | None
    other: Tensor | None


class BridgeLearning(TranslatorLearning):
    """UNSB; with one step and without entropy CUT, and without the identity FastCUT.

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
        plan = recipe.architecture.generator
        self.bridge = recipe.method == "unsb"
        self._features = PatchFeatures(plan, recipe.contrast)
        width = recipe.critics.width
        opponents = nn.ModuleDict({"critic": Critic(width, timed=self.bridge)})
        if self.bridge:
            opponents["entropy"] = Critic(width, PAIRS, timed=True)
        self._critics = opponents
        self._steps = coefficients(recipe.architecture.steps, recipe.architecture.tau)
        self._made: _Made | None = None
        self.own(nn.ModuleDict({"generator": self.generator, "features": self._features}), opponents)

    def repeated(self, images: Tensor, random: torch.Generator) -> Tensor:
        """Return what the generator makes of images that it is to repeat, at any step of the bridge."""
        step = int(torch.randint(self.recipe.architecture.steps, (), generator=random))
        made: Tensor = self.generator(images, step, self._style(len(images), random, images.device))
        return made

    def translate(self, batch: Batch, random: torch.Generator, device: torch.device) -> dict[str, Tensor]:
        """Return the generator's losses (reference order: adversarial, entropy, contrast)."""
        architecture, weights = self.recipe.architecture, self.recipe.weights
        count, method = len(batch.source), self.recipe.method
        source, target = scaled(batch.source, device), scaled(batch.target, device)
        flipped = method == "fastcut" and bool(torch.randint(2, (), generator=random))
        shown = source.flip(3) if flipped else source
        start = [shown] if method == "fastcut" else [shown, target]
        start += [scaled(batch.other, device)] if self.bridge else []
        step = int(torch.randint(architecture.steps, (), generator=random))
        states = self._rolled_out(torch.cat(start), step, random)
        made = self.generator(states, step, self._style(len(states), random, device))
        predicted = made[:count]
        losses = {"adversarial": weights.adversarial * adversarial_loss(self._critics["critic"](predicted, step))}
        pair = other = None
        if self.bridge:
            pair = torch.cat([states[:count], predicted], 1)
            other = torch.cat([states[2 * count :], made[2 * count :]], 1)
            losses["entropy"] = weights.entropy * self._bridge_loss(pair, other, step)
        if weights.identity and method != "fastcut":
            losses["identity"] = weights.identity * repetition_loss(made[count : 2 * count], target)
        compared = 1 if method == "fastcut" else 2
        originals = torch.cat([source, target][:compared])
        losses["contrast"] = weights.contrast * self._contrast(originals, made[: compared * count], flipped, random)
        self._made = _Made(
            step, target, predicted.detach(), *(None if part is None else part.detach() for part in (pair, other))
        )
        return losses

    def _rolled_out(self, states: Tensor, step: int, random: torch.Generator) -> Tensor:
        """Walk the bridge to a step, each image with draws of its own; nothing is learnt on the way."""
        shape = states.shape[1:]
        with torch.no_grad():
            for place in range(step):
                predicted = self.generator(states, place, self._style(len(states), random, states.device))
                noise = drawn(len(states), lambda n: torch.randn(n, *shape, generator=random))
                states = self._steps[place](states, predicted.float(), noise.to(states.device))
        return states.contiguous(memory_format=torch.channels_last)

    def _style(self, count: int, random: torch.Generator, device: torch.device) -> Tensor | None:
        length = self.recipe.architecture.generator.style
        return drawn(count, lambda n: torch.randn(n, length, generator=random)).to(device) if length else None

    def _bridge_loss(self, pair: Tensor, other: Tensor, step: int) -> Tensor:
        architecture, entropy = self.recipe.architecture, self._critics["entropy"]
        joint = entropy(torch.cat([pair, pair], 1), step)
        crossed = entropy(torch.cat([pair, other], 1), step)
        return bridge_loss(
            joint, crossed, pair[:, :3], pair[:, 3:], step=step, steps=architecture.steps, tau=architecture.tau
        )

    def _contrast(self, originals: Tensor, made: Tensor, flipped: bool, random: torch.Generator) -> Tensor:
        """Compare originals with what became of them, as the generator sees both at its first step."""
        recipe = self.recipe.contrast
        style = self._style(len(originals), random, originals.device)
        with torch.no_grad():
            before = self.generator.encode(originals, recipe.taps, 0, style)
        after = self.generator.encode(made, recipe.taps, 0, style)
        if flipped:
            after = [features.flip(3) for features in after]
        places = draw_places(before, recipe.places, random)
        with torch.no_grad():
            key = self._features(before, places)
        return contrast_loss(self._features(after, places), key, recipe.temperature)

    def opposing_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return what the critic and the entropy network minimise; nothing in the first steps."""
        if self._made is None:
            return {}
        made, self._made = self._made, None
        critic = self._critics["critic"]
        losses = {"critic": critic_loss(critic(made.real, made.step), critic(made.made, made.step))}
        if made.pair is not None and made.other is not None:
            entropy = self._critics["entropy"]
            joint = entropy(torch.cat([made.pair, made.pair], 1), made.step)
            crossed = entropy(torch.cat([made.pair, made.other], 1), made.step)
            losses["entropy network"] = entropy_network_loss(joint, crossed)
        return losses

    def translated(self, network: nn.Module, images: Tensor) -> Tensor:
        """Translate images by one step, all in the same style."""
        style = self._style(1, torch.Generator().manual_seed(0), images.device)
        made: Tensor = network.get_submodule("generator")(images, 0, style)
        return made

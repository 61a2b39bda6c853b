"""Restyling as the training loop sees it: the generator against its two discriminators, with the task network's help.

Equation (5) of the stain-normalization paper, stage by stage: every stage keeps the losses of the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cytoshift.metrics import bhattacharyya, rgb_histograms, structure_kept
from cytoshift.stain.restyling.losses import adversarial_loss, critic_loss, pixel_loss, task_loss
from cytoshift.stain.restyling.networks import Discriminator, Generator, initialize
from cytoshift.stain.restyling.patches import UNKNOWN, DomainImages, draw_anywhere, draw_around_cell
from cytoshift.stain.restyling.recipe import RestainRecipe
from cytoshift.stain.restyling.task_network import as_tensor, scaled
from cytoshift.training.samples import JUDGED, SHOWN, Show, contact_sheet
from cytoshift.training.task import TrainingTask

RGB = npt.NDArray[np.uint8]

Stage = Literal["intra", "inter", "task"]
"""Losses (1) and (2); (3) as well; (4) as well."""

_SETTLING = 50
"""Batches over which BatchNorm's statistics are counted."""

_KEYS: dict[Stage, int] = {"intra": 1, "inter": 2, "task": 3}


@dataclass(frozen=True, slots=True)
class Patched:
    """Patches ``(batch, 3, y, x)`` of uint8 and the white of their fields ``(batch, 3)``, 0 to 1."""

    images: Tensor
    whites: Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step sees: source patches with labels (-1 where there is none), and target patches."""

    step: int
    source: Patched
    abnormal: Tensor
    target: Patched | None


class RestainLearning(TrainingTask):
    """One stage of a restyling.

    Parameters
    ----------
    recipe : RestainRecipe
    stage : {"intra", "inter", "task"}
        Its step counts among others; patches are drawn anew for each stage.
    inter : bool
        Whether D2 takes part: always, but in the paper's ablation of the task loss alone.
    source, target : DomainImages
        ``target`` is used when D2 takes part.
    task_network : Module, optional
        T, trained and frozen; for stage ``task``.
    start : mapping of tensors, optional
        Weights of the generator to start from.
    critics : mapping of tensors, optional
        Weights of D1 and D2 to start from.
    show : callable, optional
        Is given sample tiles of the target at every validation.
    """

    divisible = True

    def __init__(
        self,
        recipe: RestainRecipe,
        stage: Stage,
        source: DomainImages,
        target: DomainImages | None = None,
        *,
        task_network: nn.Module | None = None,
        start: Mapping[str, Tensor] | None = None,
        critics: Mapping[str, Tensor] | None = None,
        show: Show | None = None,
    ) -> None:
        self.recipe, self.stage = recipe, stage
        self._show, self._step = show, 0
        self.removal = recipe.architecture.removal
        torch.manual_seed(recipe.training.seed)
        generator = Generator(self.removal.channels, recipe.architecture.widths)
        size = recipe.patches.size
        opponents = nn.ModuleDict({name: Discriminator(size, recipe.critics.widths) for name in ("intra", "inter")})
        initialize(generator)
        initialize(opponents)
        if start is not None:
            generator.load_state_dict(dict(start))
        if critics is not None:
            opponents.load_state_dict(dict(critics))
        self.network: nn.Module = generator.to(memory_format=torch.channels_last)
        self.opponents: nn.Module = opponents.to(memory_format=torch.channels_last)
        self._critics = opponents
        self._source, self._target = source, target
        self._abnormal = source.abnormal(recipe.task_network.normal)
        self._task_network = None if task_network is None else task_network.eval().requires_grad_(False)
        self._made: tuple[Tensor, Tensor | None] | None = None

    def batch(self, step: int) -> Batch:
        """Draw the patches of a step, a function of seed, stage and step."""
        recipe = self.recipe
        key = (recipe.training.seed, _KEYS[self.stage], step)
        source, labels = [], []
        around = round(recipe.training.batch * recipe.patches.around_cells)
        for place in range(recipe.training.batch):
            rng = np.random.default_rng((*key, place))
            if place < around:
                patch, field, label = draw_around_cell(rng, self._source, self._abnormal, recipe.patches.size)
            else:
                (patch, field), label = draw_anywhere(rng, self._source, recipe.patches.size), UNKNOWN
            source.append((patch, field))
            labels.append(label)
        target = None
        if self._target is not None:
            rngs = (np.random.default_rng((*key, place, 1)) for place in range(recipe.training.batch))
            drawn = [draw_anywhere(rng, self._target, recipe.patches.size) for rng in rngs]
            target = _patched(drawn, self._target)
        return Batch(step, _patched(source, self._source), torch.tensor(labels), target)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the generator's losses: weighted (1) and (2), from stage 2 (3), in stage 3 (4)."""
        self._step = batch.step
        weights = self.recipe.weights
        source, target = self._restyle(batch)
        original = scaled(batch.source.images.to(source.device))
        self._made = (source, target)
        losses = {
            "pixel": weights.pixel * pixel_loss(source, original),
            "intra": weights.intra * adversarial_loss(self._critics["intra"](source)),
        }
        if target is not None:
            losses["inter"] = weights.inter * adversarial_loss(self._critics["inter"](target))
        if self._task_network is not None:
            labelled = batch.abnormal != UNKNOWN
            view = _centre(source[labelled.to(source.device)], self.recipe.task_network.patch)
            abnormal = batch.abnormal[labelled].to(source.device)
            losses["task"] = weights.task * task_loss(self._task_network(view), abnormal)
        return losses

    def opposing_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return what D1 and D2 minimise; both hold up the source's own patches as real.

        D2 sees only those that were drawn anywhere, as the target's are: told apart by what lies in the middle, target
        patches would be given cells that they do not have.
        """
        if self._made is None:
            raise ValueError("the generator's loss comes first")
        source, target = self._made
        self._made = None
        real = scaled(batch.source.images.to(source.device)).contiguous(memory_format=torch.channels_last)
        losses = {"critic intra": self._criticise("intra", real, source)}
        if target is not None:
            anywhere = (batch.abnormal == UNKNOWN).to(real.device)
            losses["critic inter"] = self._criticise("inter", real[anywhere], target)
        return losses

    def _criticise(self, name: str, real: Tensor, made: Tensor) -> Tensor:
        critic = self._critics[name]
        return critic_loss(critic(real), critic(made.detach()))

    def _restyle(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """Restyle source and target in one batch, so that BatchNorm's statistics are those of both domains."""
        made = self.network(self._left(batch))
        count = len(batch.source.images)
        return made[:count], None if batch.target is None else made[count:]

    def _left(self, batch: Batch) -> Tensor:
        """Return what is left of source and target patches without their stain."""
        parts = [batch.source] if batch.target is None else [batch.source, batch.target]
        device = next(self.network.parameters()).device
        rgb = torch.cat([part.images for part in parts]).to(device).float().div_(255)
        left = self.removal(rgb, torch.cat([part.whites for part in parts]).to(device))
        return left.contiguous(memory_format=torch.channels_last)

    def settle(self, network: nn.Module) -> None:
        """Count BatchNorm's statistics anew, over batches of both domains.

        The deepest features of a patch are few, and weights that play against discriminators never rest: running
        statistics lag behind them, and tint empty glass (Wu and Johnson, "Rethinking 'Batch' in BatchNorm", 2021).
        """
        norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over all batches
            norm.train()
        for step in range(_SETTLING):
            left = self._left(self.batch(step))
            network(left)
        for norm in norms:
            norm.momentum = 0.1
            norm.eval()

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Measure restyled patches that no step has drawn, and show some of the target.

        ``reconstruction`` is the mean absolute error, in grey levels, of the source's; `judge` adds the target's.
        """
        before, after = self._styled(network, self._source, 16)
        error = float(np.abs(after.astype(np.float64) - before).mean())
        if self._target is None:
            return {"reconstruction": error, "score": -error}
        if self._show is not None:
            self._show(self._step + 1, contact_sheet(*self._styled(network, self._target, SHOWN)))
        return {"reconstruction": error, **self.judge(network), "score": -error}

    def judge(self, network: nn.Module) -> dict[str, float]:
        """Measure restyled patches of the target that no step has drawn.

        ``colour`` is the Bhattacharyya distance of their histogram to that of source patches, ``structure`` the
        correlation of their gradients with those of the patches as they are.
        """
        if self._target is None:
            raise ValueError("there is no target in this stage")
        before, after = self._styled(network, self._target, JUDGED)
        wanted = self._patches(self._source, JUDGED).images.permute(0, 2, 3, 1).numpy()
        colour = bhattacharyya(*(rgb_histograms(np.concatenate([*images])) for images in (after, wanted)))
        kept = [structure_kept(one, other).gradient_correlation for one, other in zip(before, after, strict=True)]
        return {"colour": float(colour), "structure": float(np.mean(kept))}

    def _styled(self, network: nn.Module, domain: DomainImages, count: int) -> tuple[RGB, RGB]:
        """Return patches ``(count, y, x, 3)`` of a domain, and what a network makes of them."""
        patches = self._patches(domain, count)
        device = next(network.parameters()).device
        rgb = patches.images.to(device).float().div_(255)
        made = network(self.removal(rgb, patches.whites.to(device))).float().add(1).mul(127.5).round().clamp(0, 255)
        before, after = (
            images.permute(0, 2, 3, 1).contiguous().cpu().numpy() for images in (patches.images, made.to(torch.uint8))
        )
        return before, after

    def _patches(self, domain: DomainImages, count: int) -> Patched:
        """Draw patches that no step does."""
        rngs = (np.random.default_rng((self.recipe.training.seed, 0, place)) for place in range(count))
        return _patched([draw_anywhere(rng, domain, self.recipe.patches.size) for rng in rngs], domain)


def _patched(drawn: list[tuple[np.ndarray[tuple[int, ...], np.dtype[np.uint8]], int]], domain: DomainImages) -> Patched:
    images = np.stack([patch for patch, _ in drawn])
    return Patched(as_tensor(images), torch.from_numpy(domain.whites[[field for _, field in drawn]]))


def _centre(images: Tensor, size: int) -> Tensor:
    """Cut the middle out of patches: the task network's view of the cell they were drawn around."""
    top, left = (images.shape[2] - size) // 2, (images.shape[3] - size) // 2
    return images[:, :, top : top + size, left : left + size]

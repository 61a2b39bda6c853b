"""The losses of the translators, one place for each. Images are -1 to 1; what critics say is of any shape."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from cytoshift.training.divided import gathered
from cytoshift.translation.bridge import remaining


def adversarial_loss(judged: Tensor) -> Tensor:
    """Return what the generator pays for images that its critic tells apart (least squares, Mao et al., 2017)."""
    return (judged.float() - 1).square().mean()


def critic_loss(real: Tensor, made: Tensor) -> Tensor:
    """Return what the critic pays for taking one for the other."""
    return 0.5 * ((real.float() - 1).square().mean() + made.float().square().mean())


def repetition_loss(made: Tensor, image: Tensor) -> Tensor:
    """Return how far a generator is from repeating an image: the cycle's and the identity's loss (Zhu et al., 2017)."""
    return functional.l1_loss(made.float(), image)


def entropy_bound(joint: Tensor, crossed: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two terms of the bound on the information that state and predicted end share (UNSB, equation 12).

    Parameters
    ----------
    joint : Tensor
        What the entropy network says to a pair and itself.
    crossed : Tensor
        What it says to a pair and one of another image.
    """
    return joint.float().mean(), torch.logsumexp(gathered(crossed.float()).flatten(), 0)


def entropy_network_loss(joint: Tensor, crossed: Tensor) -> Tensor:
    """Return what the entropy network minimises; the square keeps its level from drifting."""
    own, other = entropy_bound(joint, crossed)
    return -own + other + other.square()


def bridge_loss(
    joint: Tensor, crossed: Tensor, state: Tensor, predicted: Tensor, *, step: int, steps: int, tau: float
) -> Tensor:
    """Return the bridge's cost: the way to the predicted end, less the entropy of what remains (UNSB, equation 9)."""
    own, other = entropy_bound(joint, crossed)
    way = (state - predicted.float()).square().mean()
    return tau * way - remaining(step, steps) * tau * (own - other)


def transport_loss(image: Tensor, made: Tensor, worth: Tensor, *, spread: float) -> Tensor:
    """Return the transport's loss (Korotin et al., 2023): cost, less what the potential gives for the made images.

    Parameters
    ----------
    image : Tensor
        ``(batch, 3, y, x)``.
    made : Tensor
        ``(draws, batch, 3, y, x)``: one image for every draw of the noise.
    worth : Tensor
        What the potential says to them.
    spread : float
        Weight of the variance over the draws, the weak cost's reward; 0 for the strong cost.
    """
    made = made.float()
    loss = (made - image).square().mean() - worth.float().mean()
    if len(made) > 1:
        loss = loss + made.var(dim=0).mean() * (1 - spread - 1 / len(made))
    return loss


def potential_loss(real: Tensor, made: Tensor) -> Tensor:
    """Return what the potential minimises: what it gives for made images, less what for real ones."""
    return made.float().mean() - real.float().mean()

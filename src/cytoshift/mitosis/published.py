"""Classifiers that were taught with timm: its network, and which of its outputs means atypical. Run here, not taught.

timm (Apache-2.0) comes with the extra of its name and is imported when such a model is built. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from cytoshift.engine.loading import compare
from cytoshift.engine.operator import MOST_PIXELS
from cytoshift.errors import ModelError
from cytoshift.mitosis.networks import DEVIATION, MEAN, Architecture, MitosisNetwork, Output, build_network
from cytoshift.training.foreign import read_checkpoint, unwrapped

_INSIDE = "network."
_NAME = r"(wide_)?(densenet|resnet|resnext|seresnet|seresnext)[a-z0-9_]{1,40}"  # no name that makes timm download

_Share = Annotated[float, Field(gt=0, lt=1)]


class TimmArchitecture(BaseModel):
    """Which of timm's networks, stored in the model's card.

    ``outputs`` is how many numbers it gives, ``atypical`` the index of that for atypical mitoses; a network with one
    output says atypical above 0. ``view`` and ``side`` are those of `Architecture`, ``mean`` and ``deviation`` those of
    each colour, 0 to 1, by which pictures were normalized.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: str = Field(pattern=f"^{_NAME}$")
    outputs: int = Field(2, ge=1, le=1000)
    atypical: int = Field(1, ge=0)
    view: int = Field(128, ge=32, le=MOST_PIXELS)
    side: int = Field(224, ge=32, le=MOST_PIXELS)
    mean: tuple[_Share, _Share, _Share] = MEAN
    deviation: tuple[_Share, _Share, _Share] = DEVIATION

    @model_validator(mode="after")
    def _has_the_output(self) -> Self:
        if self.atypical >= self.outputs:
            raise ValueError(f"there is no output {self.atypical} among {self.outputs}; they are counted from 0")
        return self

    @property
    def phases(self) -> tuple[str, ...]:
        """Phases that it tells apart: none."""
        return ()


class TimmClassifier(nn.Module):
    """A network of timm that says what ours says: how far atypical outweighs everything else."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, plan: TimmArchitecture) -> None:
        super().__init__()
        self.network: Any = _create(plan)
        self._atypical = plan.atypical
        self.register_buffer("mean", torch.tensor(plan.mean)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(plan.deviation)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Output:
        """Look at images ``(batch, 3, y, x)``, 0 to 1; the logit's sigmoid is softmax's share of atypical."""
        features = self.network.forward_features((images - self.mean) / self.deviation)
        descriptors = self.network.forward_head(features, pre_logits=True)
        outputs = self.network.forward_head(features)
        logits = outputs[:, self._atypical]
        if outputs.shape[1] > 1:
            others = [index for index in range(outputs.shape[1]) if index != self._atypical]
            logits = logits - outputs[:, others].logsumexp(dim=1)
        return Output(logits, descriptors.new_zeros(len(images), 0), descriptors)


def read_plan(architecture: Mapping[str, Any]) -> Architecture | TimmArchitecture:
    """Return what a classifier's card says of its network; ValueError where it says nothing that is known here."""
    kind = TimmArchitecture if "network" in architecture else Architecture
    return kind.model_validate(dict(architecture))


def taught_plan(architecture: Mapping[str, Any]) -> Architecture:
    """Return what a card says of a network that can be taught further; ModelError where it is timm's."""
    plan = read_plan(architecture)
    if isinstance(plan, TimmArchitecture):
        raise ModelError(
            f"This classifier is timm's {plan.network}, which is run here and not taught further; choose a"
            " classifier that was trained here, such as starter."
        )
    return plan


def build_classifier(plan: Architecture | TimmArchitecture) -> MitosisNetwork | TimmClassifier:
    """Build a randomly initialised classifier."""
    return TimmClassifier(plan) if isinstance(plan, TimmArchitecture) else build_network(plan)


def read_timm(path: str | Path, looks: Mapping[str, Any]) -> tuple[TimmArchitecture, dict[str, Tensor]]:
    """Read a classifier that timm's code saved.

    Parameters
    ----------
    path : path
        The state of a network of timm, by itself or as ``state_dict`` or ``model`` in a checkpoint.
    looks : mapping of str to object
        What `TimmArchitecture` says of it, but for the number of outputs, which is the file's.

    Raises
    ------
    ModelError
        timm is not installed, the file holds no tensors, or those of another network.
    """
    if not looks.get("network"):
        raise ModelError(f"{path} does not say which network of timm it is; name it: --network densenet121.")
    held = read_checkpoint(path)
    inner = next((held[name] for name in ("state_dict", "model") if isinstance(held.get(name), dict)), held)
    state = {_INSIDE + name: value for name, value in unwrapped(inner).items() if isinstance(value, Tensor)}
    last = next((state[_INSIDE + name] for name in ("fc.bias", "classifier.bias") if _INSIDE + name in state), None)
    try:
        found = {} if last is None else {"outputs": len(last)}
        plan = TimmArchitecture.model_validate({**looks, **found})
        builder: Callable[[], nn.Module] = partial(TimmClassifier, plan)
        compare(builder, state)
    except ValueError as error:
        reason = str(error).replace("Value error, ", "").splitlines()
        raise ModelError(
            f"{path} does not fit timm's {looks['network']} ({' '.join(reason)[:200]}); name the network it is, and"
            " the output that means atypical."
        ) from error
    return plan, {name: tensor.clone() for name, tensor in state.items()}


def _create(plan: TimmArchitecture) -> nn.Module:
    if find_spec("timm") is None:
        raise ModelError(f"timm's {plan.network} needs timm; install napari-cytoshift[timm].")
    import timm

    if plan.network not in timm.list_models():
        raise ModelError(f"This version of timm has no {plan.network}; name one of its DenseNets or ResNets.")
    network: nn.Module = timm.create_model(plan.network, pretrained=False, num_classes=plan.outputs)
    return network

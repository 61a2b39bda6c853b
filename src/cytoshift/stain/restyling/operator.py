"""A restyling as an operator: tiles of another scanner to tiles in the colours of the source domain."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import partial
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cytoshift.engine.device import pick_device
from cytoshift.engine.loading import fitting, load_network
from cytoshift.engine.operator import ImageOperator, Needs
from cytoshift.errors import ModelError
from cytoshift.slides.slide import Slide
from cytoshift.stain.colours import StainError, White, white_point
from cytoshift.stain.restyling.networks import ALIGNMENT, Generator
from cytoshift.stain.restyling.recipe import RestylerArchitecture

RGB = npt.NDArray[np.uint8]


class Restyler(ImageOperator):
    """The generator over tiles; `prepare` measures a slide's white point.

    Parameters
    ----------
    network : Module
        A `Generator`.
    architecture : RestylerArchitecture
        How stain is removed, and the tiles.
    mpp : float
        µm/px at which the generator works.
    title : str
    model_id, version : str
    device : str
        Device name, ``auto`` for the best there is.
    """

    def __init__(
        self,
        network: nn.Module,
        architecture: RestylerArchitecture,
        *,
        mpp: float,
        title: str,
        model_id: str,
        version: str,
        device: str = "auto",
    ) -> None:
        self._device = pick_device(device)
        self._network = network.to(self._device).to(memory_format=torch.channels_last).eval()
        self._architecture = architecture
        self._mpp = mpp
        self._title = title
        self._model = (model_id, version)
        self._white: White | None = None
        self._fitted_to = ""

    @classmethod
    def from_model(
        cls,
        *,
        architecture: Mapping[str, Any],
        state: Mapping[str, Tensor],
        mpp: float | None,
        title: str,
        model_id: str,
        version: str,
        device: str = "auto",
    ) -> Restyler:
        """Build the operator from what a model's card and weights say; ModelError where the two do not fit."""
        if mpp is None:
            raise ModelError(f"The card of {model_id} has no mpp; add the µm/px it was trained at to card.json.")
        with fitting(model_id):
            plan = RestylerArchitecture.model_validate(dict(architecture))
            network = load_network(partial(Generator, plan.removal.channels, plan.widths), state)
        return cls(network, plan, mpp=mpp, title=title, model_id=model_id, version=version, device=device)

    @property
    def model(self) -> tuple[str, str]:
        """Id and version of the model."""
        return self._model

    @property
    def key(self) -> str:
        white = "unfitted" if self._white is None else "-".join(f"{value:g}" for value in self._white)
        return f"{self._model[0]}-{self._model[1][:16]}-{white}"

    @property
    def title(self) -> str:
        return self._title

    @property
    def needs(self) -> Needs:
        plan = self._architecture
        batch = 1 if self._device.type == "cpu" else 8
        return Needs(mpp=self._mpp, tile=plan.tile, halo=plan.halo, alignment=ALIGNMENT, batch=batch)

    @property
    def diagnosis(self) -> str:
        """What is doubtful about this slide, in one sentence; ``""``: a restyling has no fit that could fail."""
        return ""

    @property
    def fallback(self) -> str:
        """The method to prefer; ``""``."""
        return ""

    def prepare(self, slide: Slide) -> Self:
        """Return this operator with the slide's white point.

        Raises
        ------
        StainError
            When the slide is not brightfield.
        """
        if self._fitted_to == slide.key:
            return self
        if not slide.info.brightfield:
            raise StainError(
                f"{slide.name} is not a brightfield slide, so it has no stain to normalize; look at the original."
            )
        prepared = copy(self)
        prepared._white = white_point(slide) if self._architecture.removal.white else (255.0, 255.0, 255.0)
        prepared._fitted_to = slide.key
        return prepared

    def apply(self, tiles: RGB) -> RGB:
        """Restyle tiles ``(batch, y, x, 3)`` whose sides are multiples of 64."""
        if self._white is None:
            raise ValueError(f"{self.key} is not prepared for a slide yet; call prepare first")
        return restyle(self._network, self._architecture, tiles, np.array(self._white) / 255)


def restyle(network: nn.Module, architecture: RestylerArchitecture, tiles: RGB, white: npt.ArrayLike) -> RGB:
    """Restyle images ``(batch, y, x, 3)``, sides multiples of 64, whose glass has one colour, 0 to 1."""
    device = next(network.parameters()).device
    with torch.inference_mode(), torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
        pixels = torch.from_numpy(np.ascontiguousarray(tiles)).to(device)
        rgb = pixels.permute(0, 3, 1, 2).float().div_(255)
        whites = torch.as_tensor(np.asarray(white, np.float32), device=device).expand(len(tiles), 3)
        left = architecture.removal(rgb, whites).contiguous(memory_format=torch.channels_last)
        made = network(left).float().add_(1).mul_(127.5).round_().clamp_(0, 255)
        styled: RGB = made.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return styled

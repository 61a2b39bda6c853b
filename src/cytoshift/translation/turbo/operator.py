"""A turbo translator as an operator: overlapping images of one size, blended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cytoshift.engine.device import pick_device
from cytoshift.engine.grid import Shard
from cytoshift.engine.operator import ImageOperator, Needs
from cytoshift.engine.view import View
from cytoshift.errors import ModelError
from cytoshift.slides.cache import shared_cache
from cytoshift.slides.slide import Slide
from cytoshift.translation.errors import TranslationError
from cytoshift.translation.turbo.adapter import Adapter, fit
from cytoshift.translation.turbo.architecture import TurboArchitecture
from cytoshift.translation.turbo.base import fingerprint, load_base
from cytoshift.translation.turbo.blending import Lattice
from cytoshift.translation.turbo.network import TurboNetwork

RGB = npt.NDArray[np.uint8]

PROMPT = "prompt"
"""The tensor of the prompt's embedding among a model's weights."""

_networks: WeakValueDictionary[tuple[str, ...], TurboNetwork] = WeakValueDictionary()
"""Networks in use in this process: they are too large to be there twice."""


class TurboTranslator(ImageOperator):
    """SD-Turbo with an adapter over tiles; the same pixels at every run. Pickled without SD-Turbo's weights.

    A tile is what nine images of the network, each half an overlap larger than its core, show of it. Images are kept
    in the tile cache of the process, so that neighbouring tiles share them.

    Parameters
    ----------
    architecture : TurboArchitecture
    state : dict of Tensor
        The adapter's tensors and the prompt's embedding.
    mpp : float
        µm/px at which the adapter was taught.
    title : str
    model_id, version : str
    device : str
        Device name, ``auto`` for the best there is.

    Raises
    ------
    ModelError
        The extra is not installed, SD-Turbo is not in its folder, or is another than the adapter was taught on.
    """

    def __init__(
        self,
        architecture: TurboArchitecture,
        state: Mapping[str, Tensor],
        *,
        mpp: float,
        title: str,
        model_id: str,
        version: str,
        device: str = "auto",
    ) -> None:
        self._architecture, self._state = architecture, dict(state)
        self._mpp, self._title, self._model, self._device = mpp, title, (model_id, version), pick_device(device)
        known = (architecture.model_dump_json(), model_id, version, str(self._device))
        network = _networks.get(known)
        if network is None:
            network = _networks[known] = build_network(architecture, state).to(self._device)
        self._network = network
        self._lattice = Lattice(architecture.side, architecture.overlap)
        self._view = ""

    @classmethod
    def from_model(
        cls,
        *,
        architecture: TurboArchitecture | Mapping[str, Any],
        state: Mapping[str, Tensor],
        mpp: float | None,
        title: str,
        model_id: str,
        version: str,
        device: str = "auto",
    ) -> Self:
        """Build the operator from what a model's card and weights say; ModelError where the two do not fit."""
        if mpp is None:
            raise ModelError(f"The card of {model_id} has no mpp; add the µm/px it was trained at to card.json.")
        try:
            plan = TurboArchitecture.model_validate(architecture)
        except ValueError as error:
            reason = str(error).splitlines()[0]
            raise ModelError(f"The card of {model_id} is not valid ({reason}); import the adapter again.") from error
        return cls(plan, state, mpp=mpp, title=title, model_id=model_id, version=version, device=device)

    def __reduce__(self) -> tuple[Any, ...]:
        named = {"mpp": self._mpp, "title": self._title, "device": str(self._device)}
        named |= {"model_id": self._model[0], "version": self._model[1]}
        return _rebuilt, (type(self), self._architecture, self._state, named, self._view)

    @property
    def key(self) -> str:
        return f"{self._model[0]}-{self._model[1][:16]}"

    @property
    def title(self) -> str:
        return self._title

    @property
    def needs(self) -> Needs:
        return Needs(mpp=self._mpp, tile=self._lattice.core, halo=self._lattice.halo, batch=1)

    @property
    def model(self) -> tuple[str, str]:
        """Id and version of the model."""
        return self._model

    @property
    def steps(self) -> int:
        """How often the network is asked; 1."""
        return 1

    @property
    def most_steps(self) -> int:
        """How often it can be asked at most; 1."""
        return 1

    def at_steps(self, steps: int) -> Self:
        """Return this translator; TranslationError for any number of steps but 1."""
        if steps != 1:
            raise TranslationError(f"{self._title} has one step, not {steps}; choose 1.")
        return self

    @property
    def diagnosis(self) -> str:
        """What is doubtful about this slide, in one sentence; ``""``: a translation has no fit that could fail."""
        return ""

    @property
    def fallback(self) -> str:
        """The method to prefer; ``""``."""
        return ""

    def prepare(self, slide: Slide) -> Self:
        """Return this operator bound to a slide, so that neighbouring tiles share images.

        Raises
        ------
        TranslationError
            When the slide is not brightfield.
        SlideError
            When the slide has no µm/px.
        """
        if not slide.info.brightfield:
            raise TranslationError(
                f"{slide.name} is not a brightfield slide, which no translator here knows; look at the original."
            )
        view = View.of(slide, self.needs).key
        if view == self._view:
            return self
        return self._at(view)

    def _at(self, view: str) -> Self:
        bound = object.__new__(type(self))
        vars(bound).update(vars(self), _view=view)
        return bound

    def apply(self, tiles: RGB) -> RGB:
        """Translate windows ``(batch, core + 2 halo, core + 2 halo, 3)``; only their cores are changed."""
        made = tiles.copy()
        for window, out in zip(tiles, made, strict=True):
            self._fill(out, window, lambda row, column, pixels: self.translated(pixels))
        return made

    def render(self, tiles: Shard, windows: RGB) -> RGB:
        """Translate the windows of tiles; images that a neighbour needed are not computed again."""
        if not self._view:
            raise ValueError(f"{self.key} is not prepared for a slide yet; call prepare first")
        made, core = windows.copy(), self._lattice.core
        for tile, window, out in zip(tiles, windows, made, strict=False):
            place = (tile.y // core, tile.x // core)

            def image(row: int, column: int, pixels: RGB, place: tuple[int, int] = place) -> RGB:
                key = (self._view, self.key, place[0] + row, place[1] + column)
                return shared_cache().get(key, lambda: self.translated(pixels))

            self._fill(out, window, image)
        return made

    def _fill(self, out: RGB, window: RGB, image: Callable[[int, int, RGB], RGB]) -> None:
        halo = self._lattice.halo
        out[halo:-halo, halo:-halo] = self._lattice.blended(window, image)

    def translated(self, image: RGB) -> RGB:
        """Translate one image ``(side, side, 3)`` as the network sees it, by itself."""
        kind = self._device.type
        with torch.inference_mode(), torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
            pixels = torch.from_numpy(np.ascontiguousarray(image)).to(self._device)
            made = self._network(pixels.permute(2, 0, 1)[None].float().div(127.5).sub(1))
            grey = made[0].float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
            translated: RGB = grey.permute(1, 2, 0).contiguous().cpu().numpy()
        return translated


def build_network(architecture: TurboArchitecture, state: Mapping[str, Tensor]) -> TurboNetwork:
    """Load SD-Turbo from its folder and merge an adapter into it; ModelError where they do not fit."""
    folder = Path(architecture.folder)
    base = load_base(folder)
    if fingerprint(folder) != architecture.fingerprint:
        raise ModelError(
            f"{folder} holds other weights than when the adapter was imported; put those back, or import it again."
        )
    tensors = {name: tensor for name, tensor in state.items() if name != PROMPT}
    skips = fit(base.unet, base.vae, Adapter(tensors, architecture.unet, architecture.vae))
    return TurboNetwork(base, skips, state[PROMPT]).eval().requires_grad_(False)


def _rebuilt(
    kind: type[TurboTranslator],
    architecture: TurboArchitecture,
    state: dict[str, Tensor],
    named: dict[str, Any],
    view: str,
) -> TurboTranslator:
    return kind(architecture, state, **named)._at(view)

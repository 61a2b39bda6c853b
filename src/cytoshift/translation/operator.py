"""A translator as an operator: any generator over a slide, without a seam (UNSB with dense normalization: SC-UNSB)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from copy import copy
from functools import partial
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from torch import Tensor

from cytoshift.engine.device import pick_device
from cytoshift.engine.grid import Shard
from cytoshift.engine.loading import fitting, load_network
from cytoshift.engine.operator import ImageOperator, Needs
from cytoshift.engine.view import View
from cytoshift.errors import ModelError
from cytoshift.slides.slide import Slide
from cytoshift.translation.anchors import find_anchors
from cytoshift.translation.chain import Chain
from cytoshift.translation.errors import TranslationError
from cytoshift.translation.generator import ALIGNMENT, Generator
from cytoshift.translation.normalization import Table, per_site
from cytoshift.translation.passes import Passes
from cytoshift.translation.recipe import TranslatorArchitecture

RGB = npt.NDArray[np.uint8]

CUDA_BATCH = 8


class GeneratorOperator(ImageOperator):
    """What all operators that run a generator share.

    Parameters
    ----------
    generator : Generator
    architecture : TranslatorArchitecture
        Steps, noise, and the tiles.
    mpp : float
        µm/px at which the generator works.
    title : str
    model_id, version : str
    steps : int
        How often the generator is asked on the way, 1 to ``architecture.steps``.
    seed : int
        Of the noise and the style.
    device : str
        Device name, ``auto`` for the best there is.
    batch : int, optional
        Tiles at once; by default 1 on a CPU and 8 on CUDA.

    Raises
    ------
    TranslationError
        When there are not as many steps.
    """

    def __init__(
        self,
        generator: Generator,
        architecture: TranslatorArchitecture,
        *,
        mpp: float,
        title: str,
        model_id: str,
        version: str,
        steps: int = 1,
        seed: int = 0,
        device: str = "auto",
        batch: int | None = None,
    ) -> None:
        self._passes = Passes(generator, architecture, seed, pick_device(device))
        self._architecture = architecture
        self._mpp = mpp
        self._title = title
        self._model = (model_id, version)
        self._steps = self._checked(steps)
        self._batch = batch or (CUDA_BATCH if self._passes.device.type == "cuda" else 1)

    @classmethod
    def from_model(
        cls,
        *,
        architecture: TranslatorArchitecture | Mapping[str, Any],
        state: Mapping[str, Tensor],
        mpp: float | None,
        title: str,
        model_id: str,
        version: str,
        steps: int = 1,
        seed: int = 0,
        device: str = "auto",
        batch: int | None = None,
    ) -> Self:
        """Build the operator from what a model's card and weights say; ModelError where the two do not fit."""
        if mpp is None:
            raise ModelError(f"The card of {model_id} has no mpp; add the µm/px it was trained at to card.json.")
        with fitting(model_id):
            plan = TranslatorArchitecture.model_validate(architecture)
            generator = load_network(partial(Generator, plan.generator), state)
        return cls(
            generator,
            plan,
            mpp=mpp,
            title=title,
            model_id=model_id,
            version=version,
            steps=steps,
            seed=seed,
            device=device,
            batch=batch,
        )

    @property
    def model(self) -> tuple[str, str]:
        """Id and version of the model."""
        return self._model

    @property
    def key(self) -> str:
        return f"{self._model[0]}-{self._model[1][:16]}-steps{self._steps}-seed{self._passes.seed}"

    @property
    def title(self) -> str:
        return self._title

    @property
    def needs(self) -> Needs:
        window = self._passes.window
        return Needs(mpp=self._mpp, tile=window.tile, halo=window.halo, alignment=ALIGNMENT, batch=self._batch)

    @property
    def steps(self) -> int:
        """How often the generator is asked on the way to the end of the bridge (NFE)."""
        return self._steps

    @property
    def most_steps(self) -> int:
        """How often it can be asked at most."""
        return self._architecture.steps

    def at_steps(self, steps: int) -> Self:
        """Return the same translator with another number of steps; weights, and what is known of a slide, are shared.

        Raises
        ------
        TranslationError
            When there are not as many steps.
        """
        other = copy(self)
        other._steps = self._checked(steps)
        return other

    def _checked(self, steps: int) -> int:
        if not 1 <= steps <= self._architecture.steps:
            most = self._architecture.steps
            allowed = "has one step" if most == 1 else f"takes 1 to {most} steps"
            raise TranslationError(f"{self._title} {allowed}, not {steps}; choose another number of steps.")
        return steps

    def prepare(self, slide: Slide) -> Self:
        """Return this operator for a slide.

        Raises
        ------
        TranslationError
            When the slide is not brightfield.
        """
        if not slide.info.brightfield:
            raise TranslationError(
                f"{slide.name} is not a brightfield slide, which no translator here knows; look at the original."
            )
        return self

    @property
    def diagnosis(self) -> str:
        """What is doubtful about this slide, in one sentence; ``""``: a translation has no fit that could fail."""
        return ""

    @property
    def fallback(self) -> str:
        """The method to prefer; ``""``."""
        return ""

    def apply(self, tiles: RGB) -> RGB:
        """Translate tiles ``(batch, y, x, 3)`` each by itself, with plain instance norm, as if at the slide's corner.

        A generator sees all of a tile there; neighbouring tiles come out differently. Sides are multiples of 4.
        """
        return self._plain(tiles, [(0, 0)] * len(tiles))

    def _plain(self, tiles: RGB, places: list[tuple[int, int]]) -> RGB:
        made = np.empty_like(tiles)
        together = self._passes.together(len(tiles))
        for start in range(0, len(tiles), together):
            part = slice(start, start + together)
            states = self._passes.tensor(tiles[part])
            for step in range(self._steps - 1):
                predicted = self._passes.plain(states, step, places[part])
                states = self._passes.advance(states, predicted, step, places[part])
            made[part] = self._passes.pixels(self._passes.plain(states, self._steps - 1, places[part]))
        return made


class Translator(GeneratorOperator):
    """A generator over a slide whose normalizations are one continuous field; see `GeneratorOperator`.

    `prepare` binds it to a slide; statistics are computed when tiles are asked for, around these. Safe from many
    threads. What was computed for a slide stays with the prepared operator and is not pickled with it: another process
    prepares its own.
    """

    _chain: Chain | None = None

    @property
    def key(self) -> str:
        if self._chain is None:
            return super().key
        found = hashlib.sha256(f"{self._chain.view.key}{self._chain.anchors.shape}".encode())
        found.update(np.packbits(self._chain.anchors).tobytes())
        return f"{super().key}-{found.hexdigest()[:12]}"

    def prepare(self, slide: Slide) -> Self:
        """Return this operator bound to a slide: its grid, its tissue, and room for its statistics.

        Raises
        ------
        TranslationError
            When the slide is not brightfield, or all glass.
        SlideError
            When the slide has no µm/px.
        """
        super().prepare(slide)
        view = View.of(slide, self.needs)
        if self._chain is not None and self._chain.view.key == view.key:
            return self
        grid = view.grid(self.needs)
        prepared = copy(self)
        anchors = find_anchors(slide, view, grid)
        prepared._chain = Chain(self._passes, view, grid, anchors, self._passes.together(self._batch), self.most_steps)
        return prepared

    def at_steps(self, steps: int) -> Self:
        other = super().at_steps(steps)
        other._chain = self._chain
        return other

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_chain"}

    def render(self, tiles: Shard, windows: RGB) -> RGB:
        """Translate the windows of tiles; see `ImageOperator.render`. Only the cores are what the slide will show."""
        chain, last = self._bound, self._steps - 1
        made = np.empty_like(windows)
        together = self._passes.together(len(windows))
        for start in range(0, len(tiles), together):
            part = slice(start, start + together)
            given = windows[part] if last == 0 else None
            made[part] = self._passes.pixels(chain.translated(last, tiles[part], together, given)[1])
        made[len(tiles) :] = made[len(tiles) - 1]
        return made

    def field(self, row: int, column: int, step: int = 0) -> tuple[Table, ...]:
        """Return the moments by which a tile's centre is normalized, for each of the generator's sites.

        Parameters
        ----------
        row, column : int
            The tile on the operator's grid.
        step : int
            Of the bridge.

        Returns
        -------
        tuple of ndarray of float32, shape (2, channels)
            Mean and one over the deviation. Computed if it is not known: one evaluation of the generator or more.
        """
        return per_site(self._bound.table(step, row, column), self._passes.sites)

    def known_field(self, row: int, column: int, step: int = 0) -> tuple[Table, ...] | None:
        """Return what `field` returns if the tile has moments of its own and they are known; never computes."""
        table = self._bound.peek(step, row, column)
        return None if table is None else per_site(table, self._passes.sites)

    @property
    def _bound(self) -> Chain:
        if self._chain is None:
            raise ValueError(f"{self.key} is not prepared for a slide yet; call prepare first")
        return self._chain

"""Stain methods as operators: fitted once per slide, applied colour by colour."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from cytoshift.engine.operator import ImageOperator
from cytoshift.slides.slide import Slide
from cytoshift.stain.classical import macenko, ruifrok, vahadane
from cytoshift.stain.classical.histogram import fit_histogram
from cytoshift.stain.classical.linear import NAMES, carry
from cytoshift.stain.classical.reinhard import fit_reinhard
from cytoshift.stain.classical.separation import Stains, Vector, by_hand
from cytoshift.stain.classical.white import fit_white
from cytoshift.stain.colours import Colours, StainError, sampled_colours, slide_colours
from cytoshift.stain.reference import HAEMATOXYLIN_EOSIN, PAPANICOLAOU, Reference

RGB = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]
Picked = tuple[Vector, ...] | None


class _Fit(Protocol):
    @property
    def diagnosis(self) -> str: ...

    @property
    def fallback(self) -> str: ...

    @property
    def stains(self) -> tuple[Vector, ...]: ...

    def apply(self, tiles: RGB) -> RGB: ...

    def exact(self, pixels: npt.ArrayLike) -> FloatArray: ...


@dataclass(frozen=True)
class _Method:
    """A method: its title, its built-in reference, how it is fitted, and how many stains a person may give."""

    title: str
    builtin: Reference
    fit: Callable[[Colours, Reference, Picked], _Fit]
    stains: tuple[int, ...] = ()


def _white(colours: Colours, reference: Reference, picked: Picked) -> _Fit:
    return fit_white(colours)


def _reinhard(colours: Colours, reference: Reference, picked: Picked) -> _Fit:
    return fit_reinhard(colours, reference.lab)


def _histogram(colours: Colours, reference: Reference, picked: Picked) -> _Fit:
    return fit_histogram(colours, reference.histogram)


def _macenko(colours: Colours, reference: Reference, picked: Picked) -> _Fit:
    wanted = _known(reference, reference.macenko)
    return carry(colours, picked or macenko.find_stains(colours), wanted, picked=picked is not None)


def _vahadane(colours: Colours, reference: Reference, picked: Picked) -> _Fit:
    wanted = _known(reference, reference.vahadane)
    return carry(colours, picked or vahadane.find_stains(colours), wanted, picked=picked is not None)


def _ruifrok(colours: Colours, reference: Reference, picked: Picked) -> _Fit:
    own = picked or ruifrok.HAEMATOXYLIN_EOSIN
    wanted = reference.ruifrok if len(own) == 2 else reference.papanicolaou
    return carry(colours, own, wanted, picked=picked is not None)


def _known(reference: Reference, stains: Stains | None) -> Stains:
    if stains is None:
        raise StainError(
            f"No two stains can be told apart in the reference {reference.name}; use 'reinhard', or choose another."
        )
    return stains


_METHODS = {
    "white": _Method("White point", PAPANICOLAOU, _white),
    "reinhard": _Method("Reinhard", PAPANICOLAOU, _reinhard),
    "histogram": _Method("Histogram", PAPANICOLAOU, _histogram),
    "macenko": _Method("Macenko", HAEMATOXYLIN_EOSIN, _macenko, (2,)),
    "vahadane": _Method("Vahadane", HAEMATOXYLIN_EOSIN, _vahadane, (2,)),
    "ruifrok": _Method("Ruifrok", HAEMATOXYLIN_EOSIN, _ruifrok, (2, 3)),
}

METHODS: tuple[str, ...] = tuple(_METHODS)
"""Names that `method` knows."""


class StainOperator(ImageOperator):
    """A stain method; `prepare` fits it to a slide. Made by `method`.

    Parameters
    ----------
    name : str
        One of `METHODS`.
    reference : Slide or Reference
        What slides shall look like.
    picked : tuple of tuple of float or None
        The slide's stains where a person gave them.
    """

    def __init__(self, name: str, reference: Slide | Reference, picked: Picked) -> None:
        self.name = name
        self._method = _METHODS[name]
        self._reference = reference
        self._picked = picked
        self._fit: _Fit | None = None
        self._fitted_to = ""

    @property
    def title(self) -> str:
        """The method's name, for people."""
        return self._method.title

    @property
    def key(self) -> str:
        """The method and, once it is fitted, a checksum of the fitted numbers."""
        if self._fit is None:
            picked = "" if self._picked is None else f"-{self._picked!r}"
            return f"{self.name}-unfitted-{self._reference.key}{picked}"
        return f"{self.name}-{hashlib.sha256(repr(self._fit).encode()).hexdigest()[:16]}"

    @property
    def pointwise(self) -> bool:
        """True: every pixel depends on its own colour alone."""
        return True

    @property
    def diagnosis(self) -> str:
        """What is doubtful about the fit, in one sentence; ``""`` when nothing is, or before `prepare`."""
        return "" if self._fit is None else self._fit.diagnosis

    @property
    def fallback(self) -> str:
        """The method to prefer when the fit cannot be trusted; ``""`` when it can, or before `prepare`."""
        return "" if self._fit is None else self._fit.fallback

    @property
    def stains(self) -> tuple[Vector, ...]:
        """The slide's stains, found or given, as unit vectors of optical density; none for methods without."""
        return () if self._fit is None else self._fit.stains

    @property
    def stain_names(self) -> tuple[str, ...]:
        """What `stains` are called, in their order."""
        return NAMES[len(self.stains)] if self.stains else ()

    def prepare(self, slide: Slide) -> Self:
        """Return this method fitted to a slide; itself when it is already.

        A reference slide is measured on the first call; a fitted method no longer holds it, and can be sent to
        another process.

        Raises
        ------
        StainError
            When the slide, or the reference, is not brightfield or shows too little tissue.
        """
        if self._fit is not None and self._fitted_to == slide.key:
            return self
        if isinstance(self._reference, Slide):
            self._reference = Reference.measure(self._reference)
        colours = sampled_colours(slide) if self.name == "white" else slide_colours(slide)
        fitted = copy(self)
        fitted._fit = self._method.fit(colours, self._reference, self._picked)
        fitted._fitted_to = slide.key
        return fitted

    def apply(self, tiles: RGB) -> RGB:
        """Map tiles ``(batch, y, x, 3)`` to the same shape."""
        return self._fitted().apply(tiles)

    def exact(self, pixels: npt.ArrayLike) -> FloatArray:
        """Map colours ``(..., 3)`` of uint8 by the method's formula in float64, unrounded: what `apply` tabulates."""
        return self._fitted().exact(pixels)

    def _fitted(self) -> _Fit:
        if self._fit is None:
            raise ValueError(f"{self.name} is not fitted yet; call prepare first")
        return self._fit

    def __getstate__(self) -> dict[str, object]:
        """Travel without the method's functions, which its name finds again."""
        return {name: value for name, value in vars(self).items() if name != "_method"}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state, _method=_METHODS[str(state["name"])])


def method(
    name: str, reference: Slide | Reference | None = None, *, stains: Sequence[Vector] | None = None
) -> StainOperator:
    """Return a stain method, not yet fitted.

    Parameters
    ----------
    name : str
        One of `METHODS`.
    reference : Slide or Reference, optional
        What slides shall look like; the built-in one where there is none (Papanicolaou for ``"white"``,
        ``"reinhard"`` and ``"histogram"``, haematoxylin and eosin for the methods that separate stains).
    stains : sequence of tuple of float, optional
        The slide's own stains as a person picked them, directions of optical density in R, G and B: haematoxylin and
        eosin, or, for ``"ruifrok"``, also haematoxylin, orange and light green.

    Raises
    ------
    StainError
        When there is no such method, or it cannot use these stains.
    """
    if name not in _METHODS:
        raise StainError(f"{name!r} is no stain method; choose one of {', '.join(METHODS)}.")
    kind = _METHODS[name]
    if stains is not None and not kind.stains:
        raise StainError(f"{name!r} knows no stains; use 'macenko', 'vahadane' or 'ruifrok' with stains of your own.")
    picked = None if stains is None else by_hand(stains, kind.stains)
    return StainOperator(name, kind.builtin if reference is None else reference, picked)

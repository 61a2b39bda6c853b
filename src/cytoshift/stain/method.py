"""Stain methods as operators: fitted once per slide, applied colour by colour."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from dataclasses import astuple
from typing import ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from cytoshift.engine.operator import ImageOperator
from cytoshift.slides.slide import Slide
from cytoshift.stain.colours import Colours, StainError, slide_colours
from cytoshift.stain.macenko import MacenkoFit, fit_macenko, fit_stains
from cytoshift.stain.reference import HAEMATOXYLIN_EOSIN, PAPANICOLAOU, LabStatistics, Stains
from cytoshift.stain.reinhard import ReinhardFit, fit_reinhard, lab_statistics

RGB = npt.NDArray[np.uint8]


class _Fit(Protocol):
    @property
    def diagnosis(self) -> str: ...

    def apply(self, tiles: RGB) -> RGB: ...


class StainOperator(ImageOperator):
    """A stain method; `prepare` fits it to a slide.

    Parameters
    ----------
    reference : Slide, optional
        What slides shall look like; the built-in reference where there is none.
    """

    name: ClassVar[str]

    def __init__(self, reference: Slide | None = None) -> None:
        self._reference = reference
        self._fit: _Fit | None = None
        self._fitted_to = ""

    @property
    def key(self) -> str:
        """The method and, once it is fitted, a checksum of the fitted numbers."""
        if self._fit is None:
            return f"{self.name}-unfitted-{self._reference.key if self._reference else 'built-in'}"
        numbers = repr(astuple(self._fit)[:-1])  # type: ignore[call-overload]
        return f"{self.name}-{hashlib.sha256(numbers.encode()).hexdigest()[:16]}"

    @property
    def pointwise(self) -> bool:
        """True: every pixel depends on its own colour alone."""
        return True

    @property
    def diagnosis(self) -> str:
        """What is doubtful about the fit, in one sentence; ``""`` when nothing is, or before `prepare`."""
        return "" if self._fit is None else self._fit.diagnosis

    def prepare(self, slide: Slide) -> Self:
        """Return this method fitted to a slide; itself when it is already.

        Raises
        ------
        StainError
            When the slide, or the reference, is not brightfield or shows too little tissue.
        """
        if self._fit is not None and self._fitted_to == slide.key:
            return self
        fitted = type(self)(self._reference)
        fitted._fit = self._fitted(slide_colours(slide))
        fitted._fitted_to = slide.key
        return fitted

    def apply(self, tiles: RGB) -> RGB:
        """Map tiles ``(batch, y, x, 3)`` to the same shape."""
        if self._fit is None:
            raise ValueError(f"{self.name} is not fitted yet; call prepare first")
        return self._fit.apply(tiles)

    @abstractmethod
    def _fitted(self, colours: Colours) -> _Fit:
        """Fit to the colours of a slide."""


class Reinhard(StainOperator):
    """Mean and spread of the stained pixels in CIE Lab, moved to the reference's."""

    name = "reinhard"

    @property
    def title(self) -> str:
        return "Reinhard"

    def _target(self) -> LabStatistics:
        return lab_statistics(slide_colours(self._reference)) if self._reference else PAPANICOLAOU

    def _fitted(self, colours: Colours) -> ReinhardFit:
        return fit_reinhard(colours, self._target())


class Macenko(StainOperator):
    """Two stains rescaled to the reference's, in optical density; for haematoxylin and eosin."""

    name = "macenko"

    @property
    def title(self) -> str:
        return "Macenko"

    def _target(self) -> Stains:
        return fit_stains(slide_colours(self._reference)) if self._reference else HAEMATOXYLIN_EOSIN

    def _fitted(self, colours: Colours) -> MacenkoFit:
        return fit_macenko(colours, self._target())


_OPERATORS: dict[str, type[StainOperator]] = {"reinhard": Reinhard, "macenko": Macenko}

METHODS: tuple[str, ...] = tuple(_OPERATORS)
"""Names that `method` knows."""


def method(name: str, reference: Slide | None = None) -> StainOperator:
    """Return a stain method, not yet fitted.

    Parameters
    ----------
    name : str
        One of `METHODS`.
    reference : Slide, optional
        What slides shall look like, any brightfield image; the built-in reference where there is none
        (Papanicolaou for Reinhard, haematoxylin and eosin for Macenko).

    Raises
    ------
    StainError
        When there is no such method.
    """
    if name not in _OPERATORS:
        raise StainError(f"{name!r} is no stain method; choose one of {', '.join(METHODS)}.")
    return _OPERATORS[name](reference)

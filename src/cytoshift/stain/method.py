"""Stain methods as operators: fitted once per slide, applied colour by colour."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from copy import copy
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, cast

import numpy as np
import numpy.typing as npt

from cytoshift.engine.operator import ImageOperator
from cytoshift.slides.slide import Slide
from cytoshift.stain.classical.macenko import fit_macenko, fit_stains
from cytoshift.stain.classical.reinhard import fit_reinhard, lab_statistics
from cytoshift.stain.colours import Colours, StainError, slide_colours
from cytoshift.stain.reference import HAEMATOXYLIN_EOSIN, PAPANICOLAOU, LabStatistics, Stains

RGB = npt.NDArray[np.uint8]


class _Fit(Protocol):
    @property
    def diagnosis(self) -> str: ...

    def apply(self, tiles: RGB) -> RGB: ...


Target = TypeVar("Target")


class StainOperator(ImageOperator, Generic[Target]):
    """A stain method; `prepare` fits it to a slide.

    Parameters
    ----------
    reference : Slide, optional
        What slides shall look like; the built-in reference where there is none.
    """

    name: ClassVar[str]

    def __init__(self, reference: Slide | None = None) -> None:
        self._reference = reference
        self._wanted = "built-in" if reference is None else reference.key
        self._target: Target | None = self._builtin() if reference is None else None
        self._fit: _Fit | None = None
        self._fitted_to = ""

    @property
    def key(self) -> str:
        """The method and, once it is fitted, a checksum of the fitted numbers."""
        if self._fit is None:
            return f"{self.name}-unfitted-{self._wanted}"
        return f"{self.name}-{hashlib.sha256(repr(self._fit).encode()).hexdigest()[:16]}"

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

        The reference is read on the first call; a fitted method no longer holds it, and can be sent to another
        process.

        Raises
        ------
        StainError
            When the slide, or the reference, is not brightfield or shows too little tissue.
        """
        if self._fit is not None and self._fitted_to == slide.key:
            return self
        if self._target is None and self._reference is not None:
            self._target = self._measure(slide_colours(self._reference))
        fitted = copy(self)
        fitted._reference = None
        fitted._fit = self._fitted(slide_colours(slide), cast(Target, self._target))
        fitted._fitted_to = slide.key
        return fitted

    def apply(self, tiles: RGB) -> RGB:
        """Map tiles ``(batch, y, x, 3)`` to the same shape."""
        if self._fit is None:
            raise ValueError(f"{self.name} is not fitted yet; call prepare first")
        return self._fit.apply(tiles)

    @staticmethod
    @abstractmethod
    def _builtin() -> Target:
        """Return the built-in reference."""

    @staticmethod
    @abstractmethod
    def _measure(colours: Colours) -> Target:
        """Make a reference of the colours of a slide."""

    @staticmethod
    @abstractmethod
    def _fitted(colours: Colours, reference: Target) -> _Fit:
        """Fit the colours of a slide to a reference."""


class Reinhard(StainOperator[LabStatistics]):
    """Mean and spread of the stained pixels in CIE Lab, moved to the reference's."""

    name = "reinhard"

    @property
    def title(self) -> str:
        """The method's name."""
        return "Reinhard"

    @staticmethod
    def _builtin() -> LabStatistics:
        return PAPANICOLAOU

    _measure = staticmethod(lab_statistics)
    _fitted = staticmethod(fit_reinhard)


class Macenko(StainOperator[Stains]):
    """Two stains rescaled to the reference's, in optical density; for haematoxylin and eosin."""

    name = "macenko"

    @property
    def title(self) -> str:
        """The method's name."""
        return "Macenko"

    @staticmethod
    def _builtin() -> Stains:
        return HAEMATOXYLIN_EOSIN

    _measure = staticmethod(fit_stains)
    _fitted = staticmethod(fit_macenko)


_OPERATORS: dict[str, type[StainOperator[Any]]] = {"reinhard": Reinhard, "macenko": Macenko}

METHODS: tuple[str, ...] = tuple(_OPERATORS)
"""Names that `method` knows."""


def method(name: str, reference: Slide | None = None) -> StainOperator[Any]:
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

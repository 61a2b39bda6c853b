"""The training domain of a model, kept in its card: what its fields look like, and how far from that is usual."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, model_validator

from cytoshift.errors import ModelError

FloatArray = npt.NDArray[np.float64]

USUAL = (0.05, 0.95)
"""Quantiles of the distances of fields that were not used for the statistics."""

_FOLDS = 50


class Statistics(BaseModel):
    """Centre and spread of one description over the fields of a domain.

    ``centre`` and ``spread`` are the median and 1.4826 times the median absolute deviation of each number over the
    fields. ``scale`` is the distance of the median field before it is divided by it, and ``usual`` the 5 % and 95 %
    quantiles of distance: both of fields held back from the statistics they were measured against. ``names`` says
    what the numbers are, where they have names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    centre: tuple[float, ...]
    spread: tuple[float, ...]
    scale: float
    usual: tuple[float, float]
    names: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        lengths = {len(self.centre), len(self.spread), len(self.names) or len(self.centre)}
        if len(lengths) > 1 or not self.centre or min(*self.spread, self.scale) <= 0:
            raise ValueError("centre, spread and names must be equally long, spread and scale positive")
        return self

    @classmethod
    def measure(cls, fields: FloatArray, floor: FloatArray, names: tuple[str, ...] = ()) -> Self:
        """Measure the statistics of descriptions.

        Parameters
        ----------
        fields : ndarray of float64, shape (n, d)
            One description a field, at least two.
        floor : ndarray of float64, shape (d,)
            What is added to the spread in squares, in the units of each number: differences that small mean nothing,
            however alike the fields are.
        names : tuple of str
        """
        folds = np.arange(len(fields)) % min(len(fields), _FOLDS)
        distances = np.empty(len(fields))
        for fold in range(folds.max() + 1):
            held_back = folds == fold
            distances[held_back] = _rms(fields[held_back], *_centre_and_spread(fields[~held_back], floor))
        scale = max(float(np.median(distances)), 1e-3)
        centre, spread = _centre_and_spread(fields, floor)
        low, high = np.quantile(distances / scale, USUAL).tolist()
        return cls(
            centre=short(centre), spread=short(spread), scale=scale, usual=(round(low, 3), round(high, 3)), names=names
        )

    def distance(self, description: FloatArray) -> float:
        """Return how far a description ``(d,)`` is from the centre; 1 is the domain's median field.

        The root mean square of its z-scores, over ``scale``.

        Raises
        ------
        ModelError
            The description has another length: another network, or another version of this program, made it.
        """
        if len(description) != len(self.centre):
            raise ModelError(
                "The training domain in the model's card was measured on another network or by another version; "
                "measure it again."
            )
        return float(_rms(description, np.array(self.centre), np.array(self.spread))) / self.scale


class Domain(BaseModel):
    """What the fields look like that a model was trained on.

    ``mpp`` is the µm/px at which they were looked at, ``fields`` how many they were. ``reference`` is a stain
    reference of them (`stain.Reference.from_json`). ``colour`` describes the colours of stained pixels and glass,
    ``look`` what the model's own trunk makes of the tiles, where it has one. ``rgb`` and ``hue`` are the mean
    histograms of all pixels, as `metrics.rgb_histograms` and `metrics.hue_histogram` make them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str
    mpp: float
    fields: int
    reference: dict[str, Any] | None = None
    colour: Statistics
    look: Statistics | None = None
    rgb: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
    hue: tuple[float, ...]


def short(numbers: npt.ArrayLike) -> tuple[float, ...]:
    """Return numbers with five significant digits, so that a card stays small."""
    return tuple(float(f"{number:.5g}") for number in np.asarray(numbers, np.float64).tolist())


def _centre_and_spread(fields: FloatArray, floor: FloatArray) -> tuple[FloatArray, FloatArray]:
    centre = np.median(fields, axis=0)
    deviation = 1.4826 * np.median(np.abs(fields - centre), axis=0)
    return centre, np.hypot(deviation, floor)


def _rms(fields: FloatArray, centre: FloatArray, spread: FloatArray) -> FloatArray:
    rms: FloatArray = np.sqrt((((fields - centre) / spread) ** 2).mean(axis=-1))
    return rms

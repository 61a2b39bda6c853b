"""What a new model is worth beside its parent: numbers with intervals, and what may be concluded from them."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from cytoshift.metrics.paired import Paired

Ends = tuple[float, float]
Worth = Literal["better", "not better", "unknown"]


class Number(BaseModel):
    """One number of both models, with 95 % intervals where enough bears on it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    before: float
    after: float
    before_ends: Ends | None = None
    after_ends: Ends | None = None
    change_ends: Ends | None = None

    @property
    def change(self) -> float:
        """After minus before."""
        return self.after - self.before


class Gain(BaseModel):
    """A new model and its parent on the same data, which neither learnt from.

    ``on`` says in words on what both were measured, ``over`` and ``units`` what was drawn again for the intervals and
    how many of them there are. ``main`` is the number that decides.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    on: str
    over: str
    units: int
    main: str
    numbers: dict[str, Number]

    @classmethod
    def of(cls, paired: Paired, on: str, main: str) -> Self:
        """Return a comparison as a job keeps it; numbers that are not defined are left out."""
        columns = zip(paired.names, paired.before.tolist(), paired.after.tolist(), paired.ends.T, strict=True)
        numbers = {}
        for name, before, after, (old, new, change) in columns:
            if not np.isnan([before, after]).any():
                numbers[name] = Number(
                    before=before,
                    after=after,
                    before_ends=_ends(old),
                    after_ends=_ends(new),
                    change_ends=_ends(change),
                )
        return cls(on=on, over=paired.over, units=paired.units, main=main, numbers=numbers)

    @property
    def worth(self) -> Worth:
        """Whether the new model is better, as the interval of the main number's change has it."""
        number = self.numbers.get(self.main)
        if number is None or number.change_ends is None:
            return "unknown"
        low, high = number.change_ends
        if low > 0:
            return "better"
        return "not better" if high <= 0 else "unknown"

    @property
    def worse_in(self) -> tuple[str, ...]:
        """Names of the numbers that became worse, and not by chance alone."""
        return tuple(
            name for name, one in self.numbers.items() if one.change_ends is not None and one.change_ends[1] < 0
        )


class Trust(BaseModel):
    """What may be known of a new model before it is adopted.

    ``gain`` was measured on one's own data held back, ``home`` on data that the parent was validated on: what was
    forgotten. ``no_home`` says why that could not be measured.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    gain: Gain
    home: Gain | None = None
    no_home: str = Field("")

    def as_metrics(self) -> dict[str, float]:
        """Return the main numbers as a model's card stores them."""
        numbers = _metrics(self.gain, "", "gain ")
        return numbers if self.home is None else numbers | _metrics(self.home, "home ", "home gain ")


def _metrics(gain: Gain, own: str, change: str) -> dict[str, float]:
    number, main = gain.numbers.get(gain.main), gain.main
    if number is None:
        return {}
    numbers = {f"{own}{main}": number.after, f"{own}parent {main}": number.before} if own else {}
    numbers[f"{change}{main}"] = number.change
    for name, ends in ((f"{own}{main}", number.after_ends), (f"{change}{main}", number.change_ends)):
        if ends is not None:
            numbers |= {f"{name} low": ends[0], f"{name} high": ends[1]}
    return numbers


def _ends(column: np.ndarray) -> Ends | None:
    return None if np.isnan(column).any() else (float(column[0]), float(column[1]))

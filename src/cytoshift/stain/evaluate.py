"""Measures a stain method on fields: whether the structure is kept, and how near the colours come."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from cytoshift.engine.derived import DerivedSlide
from cytoshift.engine.operator import ImageOperator, Needs
from cytoshift.engine.view import View
from cytoshift.errors import DataError
from cytoshift.metrics.colour import bhattacharyya, colour_error, hue_correlation, hue_histogram, rgb_histograms
from cytoshift.metrics.structure import structure_kept
from cytoshift.slides.slide import Slide
from cytoshift.stain.colours import StainError

RGB = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

LARGEST = 64_000_000
"""Pixels up to which an image is a field."""

_SEEN = 4_000_000  # pixels of an image that is a target


@dataclass(frozen=True, slots=True)
class Target:
    """How the colours of a reference are distributed.

    Parameters
    ----------
    rgb : ndarray of float64, shape (3, 256)
        As `metrics.rgb_histograms` makes them.
    hue : ndarray of float64, shape (10,)
        As `metrics.hue_histogram` makes them.
    """

    rgb: FloatArray
    hue: FloatArray

    @classmethod
    def of(cls, slide: Slide) -> Self:
        """Measure a slide, at its finest level of at most 4 megapixels; at its coarsest where none is that small."""
        small = [k for k, level in enumerate(slide.levels) if level.height * level.width <= _SEEN]
        k = min(small, default=len(slide.levels) - 1)
        image = slide.read(k, 0, 0, slide.levels[k].height, slide.levels[k].width)
        return cls(rgb_histograms(image), hue_histogram(image))


@dataclass(frozen=True, slots=True)
class StainScore:
    """What a stain method does to fields.

    Parameters
    ----------
    fields : dict of str to dict of str to float
        Per field, by name: ``gradient_correlation`` and ``ssim`` of luminance before and after; ``bhattacharyya`` and
        ``hist`` to the target; ``truth_bhattacharyya``, ``delta_e`` (CIEDE2000) and ``levels`` to the field's own
        truth. Those that compare with a target or a truth also as ``original_...``, of the field as it was.
    refused : dict of str to str
        Fields that the method cannot be fitted to, and why.
    """

    fields: dict[str, dict[str, float]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def mean(self) -> dict[str, float]:
        """Return the mean over the fields, by name."""
        return {name: float(np.mean(values)) for name, values in self._values().items()}

    def spread(self) -> dict[str, float]:
        """Return the standard deviation over the fields, by name."""
        return {name: float(np.std(values)) for name, values in self._values().items()}

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold."""
        return {"mean": self.mean(), "spread": self.spread(), "fields": self.fields, "refused": self.refused}

    def _values(self) -> dict[str, list[float]]:
        names = next(iter(self.fields.values()), {})
        return {name: [numbers[name] for numbers in self.fields.values()] for name in names}


def evaluate_stain(
    operator: ImageOperator,
    fields: Iterable[tuple[Slide, Slide | None]],
    *,
    target: Target | None = None,
    report: Callable[[int], None] | None = None,
) -> StainScore:
    """Measure a stain method; every field is fitted as a slide of its own.

    Parameters
    ----------
    operator : ImageOperator
        Not yet prepared.
    fields : iterable of (Slide, Slide or None)
        Fields and, where it is known, what each should look like.
    target : Target, optional
        Of the reference, or of the domain that fields shall come to.
    report : callable, optional
        Receives how many fields are done.

    Raises
    ------
    DataError
        A field is larger than 64 megapixels, or its truth is of another size.
    SlideError
        A field cannot be read, or has no µm/px and the method needs it.
    """
    score = StainScore()
    for done, (slide, truth) in enumerate(fields):
        try:
            score.fields[slide.name] = _measure(operator, slide, truth, target)
        except StainError as error:
            score.refused[slide.name] = str(error)
        if report is not None:
            report(done + 1)
    return score


def _measure(operator: ImageOperator, slide: Slide, truth: Slide | None, target: Target | None) -> dict[str, float]:
    needs = operator.needs
    original = _pixels(slide, needs)
    seen = DerivedSlide(slide, operator.prepare(slide)).read(0, 0, 0, *original.shape[:2])
    kept = structure_kept(original, seen)
    numbers = {"gradient_correlation": kept.gradient_correlation, "ssim": kept.ssim}
    if target is not None:
        numbers |= _to_target(seen, target) | _named_original(_to_target(original, target))
    if truth is not None:
        wanted = _pixels(truth, needs)
        if wanted.shape != original.shape:
            raise DataError(
                f"The truth of {slide.name} is {wanted.shape[1]} x {wanted.shape[0]} pixels, and it should be "
                f"{original.shape[1]} x {original.shape[0]}; give images of the same size."
            )
        numbers |= _to_truth(seen, wanted) | _named_original(_to_truth(original, wanted))
    return numbers


def _pixels(slide: Slide, needs: Needs) -> RGB:
    """Read a whole field on the raster that the method works on."""
    view = View.of(slide, needs)
    if view.level.height * view.level.width > LARGEST:
        raise DataError(f"{slide.name} is a slide, not a field; cut fields out of it.")
    return view.read(0, 0, view.level.height, view.level.width)


def _to_target(image: RGB, target: Target) -> dict[str, float]:
    return {
        "bhattacharyya": bhattacharyya(rgb_histograms(image), target.rgb),
        "hist": hue_correlation(hue_histogram(image), target.hue),
    }


def _to_truth(image: RGB, truth: RGB) -> dict[str, float]:
    error = colour_error(image, truth)
    return {
        "truth_bhattacharyya": bhattacharyya(rgb_histograms(image), rgb_histograms(truth)),
        "delta_e": error.delta_e,
        "levels": error.levels,
    }


def _named_original(numbers: dict[str, float]) -> dict[str, float]:
    return {f"original_{name}": value for name, value in numbers.items()}

"""Measures a translator on fields: translates them, compares them with the target's, and says what is doubtful."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cytoshift.engine.derived import DerivedSlide
from cytoshift.engine.operator import ImageOperator, Needs
from cytoshift.engine.view import SAME, View
from cytoshift.errors import DataError
from cytoshift.slides.slide import Slide
from cytoshift.translation.evaluate import TranslationScore, evaluate
from cytoshift.translation.features import FeatureNetwork

RGB = npt.NDArray[np.uint8]

Opener = Callable[[], Slide]
"""Opens a field, calibrated."""

LARGEST = 64_000_000
"""Pixels up to which an image is a field."""

_BACK = 8  # fields of the target that are translated to find out whether the domains are the wrong way round


@dataclass(frozen=True, slots=True)
class FieldsScore:
    """What a translator does to fields, and sentences about what to mind."""

    score: TranslationScore
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold."""
        return {**self.score.to_json(), "notes": list(self.notes)}


def evaluate_fields(
    operator: ImageOperator,
    source: Sequence[Opener],
    target: Sequence[Opener],
    *,
    describer: FeatureNetwork,
    truth: Sequence[Opener] | None = None,
    crop: int | None = None,
    report: Callable[[int, int], None] | None = None,
) -> FieldsScore:
    """Translate fields, each as a slide of its own, and measure them against the target's.

    Where the translation leads away from the target, some of the target's fields are translated, too: if these come
    nearer to the source, the domains were given the wrong way round.

    Parameters
    ----------
    operator : ImageOperator
        Not yet prepared. All fields are looked at on its raster, or on the first one's where it has none.
    source, target : sequences of callable
        Open the fields of either domain; each is closed again before the next.
    describer : FeatureNetwork
        Makes the features of FID and KID.
    truth : sequence of callable, optional
        Open what each field of the source looks like in the target domain.
    crop : int, optional
        As `evaluate` has it.
    report : callable, optional
        Receives how many fields of the source are done, and of how many.

    Raises
    ------
    DataError
        There are fewer than two fields of either domain, one is larger than 64 megapixels, or as `evaluate`.
    SlideError
        A field cannot be read, or has no µm/px and the operator needs it.
    """
    for name, fields in (("source", source), ("target", target)):
        if len(fields) < 2:
            raise DataError(f"The {name} has {len(fields)} image, and sets are compared; give at least two.")
    mpp = operator.needs.mpp or _mpp(source[0])
    needs, scales = Needs(mpp=mpp), ([], [])  # type: tuple[Needs, tuple[list[float], list[float]]]
    before, seen = _translated(operator, source, needs, scales[0], report)
    goal = [_whole(opener, needs, scales[1]) for opener in target]
    true = None if truth is None else [_whole(opener, needs, []) for opener in truth]
    score = evaluate(
        seen,
        goal,
        describer=describer,
        source_images=before,
        truth=true,
        tile=None if operator.pointwise else operator.needs.tile,
        mpp=mpp,
        crop=crop,
    )
    notes = [*_resampled(scales, mpp), *_few(score)]
    if score.leads_away:
        goal_before, back = _translated(operator, target[:_BACK], needs, [], None)
        reverse = evaluate(back, before, describer=describer, source_images=goal_before, mpp=mpp, crop=score.crop)
        notes.append(_wrong_way(score, turned=not reverse.leads_away))
    return FieldsScore(score, tuple(notes))


def _translated(
    operator: ImageOperator,
    fields: Sequence[Opener],
    needs: Needs,
    scales: list[float],
    report: Callable[[int, int], None] | None,
) -> tuple[list[RGB], list[RGB]]:
    """Return fields as they are, and translated."""
    before, seen = [], []
    for done, opener in enumerate(fields):
        with closing(opener()) as slide:
            before.append(_pixels(slide, needs, scales))
            seen.append(_pixels(DerivedSlide(slide, operator), needs, []))
        if report is not None:
            report(done + 1, len(fields))
    return before, seen


def _mpp(opener: Opener) -> float:
    with closing(opener()) as slide:
        if slide.mpp is None:
            raise DataError(f"{slide.name} does not say how large a pixel is; give its µm/px.")
        return slide.mpp


def _whole(opener: Opener, needs: Needs, scales: list[float]) -> RGB:
    with closing(opener()) as slide:
        return _pixels(slide, needs, scales)


def _pixels(slide: Slide, needs: Needs, scales: list[float]) -> RGB:
    """Read a whole field on the raster, and note its own µm/px."""
    view = View.of(slide, needs)
    if view.level.height * view.level.width > LARGEST:
        raise DataError(f"{slide.name} is a slide, not a field; cut fields out of it.")
    if slide.mpp is not None:
        scales.append(slide.mpp)
    return view.read(0, 0, view.level.height, view.level.width)


def _resampled(scales: Sequence[Sequence[float]], mpp: float) -> list[str]:
    notes = []
    for name, found in zip(("source", "target"), scales, strict=True):
        others = sorted({round(scale, 4) for scale in found if abs(scale / mpp - 1) > SAME})
        if others:
            many = f"{others[0]:g}" if len(others) == 1 else f"{others[0]:g} to {others[-1]:g}"
            notes.append(f"The {name}'s images have {many} µm/px and are resampled to {mpp:g}.")
    return notes


def _few(score: TranslationScore) -> list[str]:
    notes, fewest = [], min(score.crops, score.target_crops)
    if fewest < score.dimensions:
        notes.append(
            f"FID of {fewest} crops with {score.dimensions} features is much too large: compare it with figures of as "
            "many crops alone, or go by KID."
        )
    if not score.niqe_patches:
        notes.append("The target has too few sharp patches to fit NIQE to; give more images of it.")
    return notes


def _wrong_way(score: TranslationScore, *, turned: bool) -> str:
    assert score.original is not None
    found = (
        f"The source's images lie nearer to the target before translation (FID {score.original.fid:.2f}) than after it "
        f"({score.seen.fid:.2f})"
    )
    if turned:
        return f"{found}, and the target's come nearer to the source: swap --data and --target."
    return f"{found}: choose a model that was trained for these two domains, or swap --data and --target."

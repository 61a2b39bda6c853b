"""Measures a detector on annotated fields, through the same engine that runs it over slides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

import numpy as np

from cytoshift.detection.labels import CLASS_MAPS, in_names
from cytoshift.detection.score import DetectorScore, Looked, score_detector
from cytoshift.detection.train import in_classes
from cytoshift.engine.doubles import Distance
from cytoshift.engine.findings import Findings
from cytoshift.engine.operator import FindingOperator, ImageOperator
from cytoshift.engine.runs import run_findings
from cytoshift.errors import CytoshiftError, DataError
from cytoshift.metrics.confusion import above
from cytoshift.metrics.detection import BY_OVERLAP, Boxes, DetectionTruth, FoundBoxes
from cytoshift.metrics.matching import MITOSIS_UM, ByDistance
from cytoshift.slides import Slide, open_slide
from cytoshift.training.coco import CocoSet, Field

UNNAMED = "bethesda"
"""The class map that leaves names as they are."""


def evaluate_detector(
    operator: FindingOperator,
    data: CocoSet,
    *,
    mpp: float,
    threshold: float,
    thresholds: Mapping[str, float] | None = None,
    names: str = UNNAMED,
    through: ImageOperator | None = None,
    resamples: int = 0,
    seed: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> DetectorScore:
    """Measure a detector.

    Parameters
    ----------
    operator : FindingOperator
        With threshold 0: average precision needs the whole curve.
    data : CocoSet
        Fields it was not trained on. For a detector that knows doubles by the distance of their centres, a box is on a
        cell within `MITOSIS_UM` of it; by overlap otherwise.
    mpp : float
        µm/px of fields that say nothing of it.
    threshold, thresholds
        Score, and scores by the detector's classes, at which precision, recall and confusions are given.
    names : str
        One of `CLASS_MAPS`, for the data's classes and the detector's. A cell keeps the score of the class it was
        found as.
    through : ImageOperator, optional
        What the fields are seen through, prepared here for each.
    resamples, seed : int
        Draws of images for the intervals, none without; and their seed.
    report : callable, optional
        Receives fields done and in all.

    Raises
    ------
    DataError
        The data has cells of classes that the detector does not know, or the class map has no name for a class.
    """
    looked, classes = look_at_fields(
        operator, data, mpp=mpp, threshold=threshold, thresholds=thresholds, names=names, through=through, report=report
    )
    return score_detector(looked, classes, threshold=threshold, thresholds=thresholds, resamples=resamples, seed=seed)


def look_at_fields(
    operator: FindingOperator,
    data: CocoSet,
    *,
    mpp: float,
    threshold: float,
    thresholds: Mapping[str, float] | None = None,
    names: str = UNNAMED,
    through: ImageOperator | None = None,
    report: Callable[[int, int], None] | None = None,
) -> tuple[Looked, tuple[str, ...]]:
    """Let a detector look at fields as `evaluate_detector` does; returns what it saw, and the classes of the labels."""
    renamed = _renamed(operator.classes, names)
    classes = tuple(dict.fromkeys(renamed))
    named = in_classes(in_names(data, names), classes)
    found, refused = _look(operator, named.fields, mpp, through, report)
    by_class = [(thresholds or {}).get(name, threshold) for name in operator.classes]
    shown = [above(each, np.array(by_class, np.float64)) for each in found]
    index = np.array([classes.index(name) for name in renamed], np.int16)
    by_distance = isinstance(operator.doubles, Distance)
    scales = [(field.mpp or mpp) if by_distance else 1.0 for field in named.fields]
    looked = Looked(
        truth=[
            DetectionTruth(field.boxes, field.labels, field.ignored).scaled(scale)
            for field, scale in zip(named.fields, scales, strict=True)
        ],
        found=_relabelled(found, index, scales),
        shown=_relabelled(shown, index, scales),
        matching=ByDistance(MITOSIS_UM) if by_distance else BY_OVERLAP,
        areas=[field.height * field.width * ((field.mpp or mpp) / 1000) ** 2 for field in named.fields],
        refused=refused,
        slides=[field.slide for field in named.fields],
        sizes=[(field.width * scale, field.height * scale) for field, scale in zip(named.fields, scales, strict=True)],
        findings=found,
    )
    return looked, classes


def _renamed(classes: tuple[str, ...], names: str) -> list[str]:
    """Return the detector's classes in the names of a map, which must know each or have it as a name already."""
    table = CLASS_MAPS[names]
    strange = [name for name in classes if table and name not in table and name not in table.values()]
    if strange:
        raise DataError(
            f"The detector finds {', '.join(strange)}, which the classes '{names}' have no name for; choose other "
            "classes."
        )
    return [table.get(name, name) for name in classes]


def _look(
    operator: FindingOperator,
    fields: Sequence[Field],
    mpp: float,
    through: ImageOperator | None,
    report: Callable[[int, int], None] | None,
) -> tuple[list[Findings], dict[str, str]]:
    """Return what is found in each field, and which of them could not be seen through something, and why."""
    found: list[Findings] = []
    refused: dict[str, str] = {}
    for done, field in enumerate(fields):
        scale = field.mpp or mpp
        with closing(open_slide(field.path)) as opened:
            slide = opened.calibrated((scale, scale))
            seen, reason = _prepared(through, slide)
            if reason:
                refused[field.name] = reason
            found.append(run_findings(slide, operator, through=seen))
        if report is not None:
            report(done + 1, len(fields))
    return found, refused


def _prepared(through: ImageOperator | None, slide: Slide) -> tuple[ImageOperator | None, str]:
    try:
        return (None if through is None else through.prepare(slide)), ""
    except CytoshiftError as error:  # a stain that cannot be fitted to this field, say
        return None, str(error)


def _relabelled(found: Sequence[FoundBoxes], index: np.ndarray, scales: Sequence[float]) -> list[FoundBoxes]:
    pairs = zip(found, scales, strict=True)
    return [Boxes(each.boxes * np.float32(scale), each.scores, index[each.labels]) for each, scale in pairs]

"""Look-alikes: what an earlier detector calls a mitosis where annotated fields have none, to be taught as such.

The step of every detector of mitoses since Cireşan et al. (MICCAI 2013), for data in which nobody drew them.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cytoshift.engine.journal import Journal
from cytoshift.engine.operator import FindingOperator
from cytoshift.engine.runs import run_findings
from cytoshift.errors import DataError
from cytoshift.metrics.matching import MITOSIS_UM, ByDistance, box_centres
from cytoshift.slides import open_slide
from cytoshift.training.coco import CocoSet, Field
from cytoshift.training.loop import Control, Emit
from cytoshift.training.midog import LOOK_ALIKE, MITOSIS
from cytoshift.training.wishes import heed

Boxes = npt.NDArray[np.float32]

UNSURE_UM = 10.0
"""Nearer than this to a known mitosis, and not near enough to be it, is perhaps another part of it: nobody knows."""


def with_look_alikes(
    data: CocoSet, operator: FindingOperator, folder: Path, *, mpp: float, emit: Emit, control: Control
) -> CocoSet:
    """Add to fields, as look-alikes, what a detector calls a mitosis where none is.

    Parameters
    ----------
    data : CocoSet
        Fields in which every mitosis is known, or lies in an ignored place.
    operator : FindingOperator
        At the thresholds at which it calls something a mitosis.
    folder : Path
        For a journal: a run that was interrupted goes on from there, and one that is complete is only read.
    mpp : float
        µm/px of fields that say nothing of it.

    Returns
    -------
    CocoSet
        The same fields and classes, and `LOOK_ALIKE` among them; look-alikes that were known stay.

    Raises
    ------
    DataError
        The detector does not find mitoses, or the fields have no such class.
    Cancelled, Paused
        On request; what was searched is kept.
    """
    for what, classes in ((operator.title, operator.classes), (data.name, data.classes)):
        if MITOSIS not in classes:
            raise DataError(
                f"{what} has no class '{MITOSIS}' (it has {', '.join(classes)}); look-alikes are mined by a detector of"
                " mitoses on fields with mitoses."
            )
    classes = data.classes if LOOK_ALIKE in data.classes else (*data.classes, LOOK_ALIKE)
    run = {"operator": operator.key, "fields": [field.name for field in data.fields], "mpp": mpp}
    fields, added = [], 0
    with Journal(folder, run) as journal:
        known = {int(record["field"]): record["boxes"] for record in journal}
        for place, field in enumerate(data.fields):
            if place not in known:
                heed(control.state())
                emit({"kind": "note", "text": f"mining look-alikes in field {place + 1} of {len(data.fields)}"})
                known[place] = _called_mitosis(field, operator, mpp)
                journal.append({"field": np.array(place), "boxes": known[place]})
            fields.append(_taught(field, known[place], classes, field.mpp or mpp))
            added += len(fields[-1].boxes) - len(field.boxes)
    emit({"kind": "note", "text": f"{added} look-alikes in {len(fields)} fields"})
    return replace(data, classes=classes, fields=tuple(fields))


def _called_mitosis(field: Field, operator: FindingOperator, mpp: float) -> Boxes:
    scale = field.mpp or mpp
    with closing(open_slide(field.path)) as opened:
        found = run_findings(opened.calibrated((scale, scale)), operator)
    return found.select(found.labels == found.classes.index(MITOSIS)).boxes


def _taught(field: Field, boxes: Boxes, classes: tuple[str, ...], mpp: float) -> Field:
    """Return a field with boxes that were called mitoses; on a known cell or an ignored place they say nothing."""
    boxes = boxes[~ByDistance().spared(boxes, field.ignored)]
    apart = np.hypot(*np.moveaxis(box_centres(boxes)[:, None] - box_centres(field.boxes)[None], 2, 0)) * mpp
    nearest = apart.min(axis=1, initial=np.inf)
    new, unsure = nearest > UNSURE_UM, (nearest > MITOSIS_UM) & (nearest <= UNSURE_UM)
    return replace(
        field,
        boxes=np.concatenate([field.boxes, boxes[new]]),
        labels=np.concatenate([field.labels, np.full(int(new.sum()), classes.index(LOOK_ALIKE), np.int64)]),
        ignored=np.concatenate([field.ignored, boxes[unsure]]),
    )

"""Orders that something must be computed for, in a thread: another search, or likeness to a cell."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cytoshift.durable import new_file
from cytoshift.engine.delta import NOT_SEEN, Delta, compare_findings
from cytoshift.engine.describing import Describer, Features, describe_cells, unlikeness
from cytoshift.errors import ModelError
from napari_cytoshift.layers.findings_thresholds import Thresholds
from napari_cytoshift.state import home
from napari_cytoshift.widgets.review_queue import Indices

if TYPE_CHECKING:
    from cytoshift.models import Registry
    from cytoshift.slides.slide import Slide
    from cytoshift.study import Cells, Study
    from napari_cytoshift.background import Work

Ranks = npt.NDArray[np.float64]

MOST = 20_000
"""Cells that are described for one order: about a minute on two processors."""


def ranks_of_difference(study: Study, run: str, other: str, thresholds: Thresholds) -> Ranks:
    """Rank the predictions of a run by how another run of the same slide and region differs from it.

    First those the other calls otherwise, then those it did not see, those it saw below the threshold, and then those
    that both found, by how far their scores are apart; within the first three, the surest first.
    """
    before, after = study.findings(other), study.findings(run)
    limits = {name: thresholds.of(name) for name in (*before.classes, *after.classes)}
    return _ranks(compare_findings(before, after, threshold=limits))


def _ranks(delta: Delta) -> Ranks:
    after = delta.after
    ranks = np.full(len(after), np.nan)
    unsure = (1 - after.scores.astype(np.float64)) / 2
    changed, kept = delta.changed[:, 1], delta.kept[:, 1]
    unseen = delta.gained_seen == NOT_SEEN
    ranks[changed] = unsure[changed]
    for base, which in ((1, delta.gained[unseen]), (2, delta.gained[~unseen])):
        ranks[which] = base + unsure[which]
    ranks[kept] = 4 - np.abs(after.scores[kept].astype(np.float64) - delta.before.scores[delta.kept[:, 0]])
    return ranks


def comparable(study: Study, slide: str, run: str) -> list[str]:
    """Return the runs that searched the same region of a slide as a run did, the newest first."""
    searches = study.searches(slide)
    regions = {other: made.region for other, made, _ in searches}
    return [other for other, made, _ in reversed(searches) if other != run and made.region == regions.get(run)]


@dataclass(frozen=True)
class LikeThis:
    """Likeness to a cell, by the features of the model that found the cells.

    Descriptions of predictions are kept on the disk, since predictions never change.

    Parameters
    ----------
    slide : Slide
    study : Study
    registry : Registry
    run : str
        Whose predictions the cells are; ``""`` where all were added by hand.
    cells : Cells
    to : int
        Where the cell is that the others are compared with.
    """

    slide: Slide
    study: Study
    registry: Registry
    run: str
    cells: Cells
    to: int

    def ranks(self, which: Indices, work: Work) -> Ranks:
        """Rank cells, the most alike first. At most `MOST` are described anew, the surest first."""
        describer = self._describer()
        file = home() / "described" / f"{self.run}-{describer.model[1][:16] or describer.model[0]}.npz"
        features = _kept(file, len(self.cells))
        surest = which[np.argsort(-self.cells.scores[which], kind="stable")]
        wanted = np.append(self.to, surest[surest != self.to])
        missing = wanted[~_known(features)[wanted]][:MOST]
        if len(missing):
            boxes = self.cells.boxes[missing]
            found = describe_cells(self.slide, boxes, describer, report=work.report, cancel=work.cancel)
            if features.shape[1] != found.shape[1]:
                features = np.full((len(self.cells), found.shape[1]), np.nan, np.float32)
            features[missing] = found
            if self.run:
                _keep(file, features[: len(self.study.findings(self.run))])
        return unlikeness(features, features[self.to])

    def _describer(self) -> Describer:
        from cytoshift.models import STARTER, build_describer
        from cytoshift.models.found_by import WITH

        # The classifier of mitoses, where there was one, sees more in them than their detector.
        made = self.study.provenance(self.run).model.rpartition(WITH)[2] if self.run else STARTER
        try:
            return build_describer(self.registry.find(made, "detector", "mitosis"))
        except ModelError:  # cells that were imported, or found by a model that is gone
            return build_describer(self.registry.find(STARTER, "detector"))


def _kept(file: Path, cells: int) -> Features:
    """Return the descriptions in a file for so many cells, NaN where there is none; of no numbers without a file."""
    try:
        with np.load(file) as kept:
            which, described = kept["which"], kept["described"]
    except (OSError, ValueError, KeyError):
        return np.zeros((cells, 0), np.float32)
    features = np.full((cells, described.shape[1]), np.nan, np.float32)
    inside = which < cells
    features[which[inside]] = described[inside]
    return features


def _keep(file: Path, features: Features) -> None:
    """Keep the descriptions of a run's predictions; where that cannot be, they are made again the next time."""
    which = np.flatnonzero(_known(features))
    packed = io.BytesIO()
    np.savez(packed, which=which, described=features[which].astype(np.float16))
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with new_file(file) as out:
            out.write(packed.getvalue())


def _known(features: Features) -> npt.NDArray[np.bool_]:
    """Return which cells are described."""
    known: npt.NDArray[np.bool_] = np.all(~np.isnan(features), axis=1) & bool(features.shape[1])
    return known

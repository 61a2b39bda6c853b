"""The same search without other colours, in a thread: one that the study keeps, or a new one; then both compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cytoshift.engine.delta import Delta, compare_findings
from cytoshift.engine.findings import Findings, Provenance
from cytoshift.models.found_by import models_of
from napari_cytoshift.widgets.find_run import Search, search

if TYPE_CHECKING:
    from cytoshift.models import Registry
    from cytoshift.slides.slide import Slide
    from cytoshift.study import Study
    from napari_cytoshift.background import Work


@dataclass(frozen=True, slots=True)
class Comparing:
    """What is to be compared.

    Parameters
    ----------
    slide : Slide
        The original.
    study : Study
        Holds the run, and receives the one of the original where there is none yet.
    registry : Registry
        Has the run's model.
    run : str
        Id of the run through other colours.
    places : mapping of str to str
        How the region of a run was chosen, by the run's id, where that is remembered.
    thresholds : mapping of str to float
        Scores by class from which cells count.
    """

    slide: Slide
    study: Study
    registry: Registry
    run: str
    places: Mapping[str, str]
    thresholds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Compared:
    """What differs, the run of the original, and the mm² searched where the run is new; None where it was kept."""

    delta: Delta
    run: str
    new: bool
    area_mm2: float | None


def compare_with_original(what: Comparing, work: Work) -> Compared:
    """Compare a run with the same search of the original; runs in a thread.

    Raises
    ------
    ModelError
        The model was taught anew, or removed, since the run.
    CytoshiftError
        As `search` does.
    """
    after = what.study.findings(what.run)
    made, area, kept = after.provenance, None, _kept(what, after.provenance)
    if kept is None:
        model, classifier = models_of(made.model, made.version, what.registry)
        glass = what.places.get(what.run) == "slide"
        found = search(Search(what.slide, model, what.study, made.region, None, glass, classifier), work)
        before, run, area = found.findings, found.run, found.area_mm2
    else:
        run, before = kept, what.study.findings(kept)
    return Compared(again(before, after, what.thresholds), run, kept is None, area)


def again(before: Findings, after: Findings, thresholds: Mapping[str, float]) -> Delta:
    """Compare two searches at other thresholds."""
    return compare_findings(before, after, threshold=thresholds)


def _kept(what: Comparing, made: Provenance) -> str | None:
    """Return the newest run of the original by the same model in the same region; None where there is none."""
    place = what.places.get(what.run)
    for run, other, _ in reversed(what.study.searches(made.slide)):
        same = (other.model, other.version, other.region) == (made.model, made.version, made.region)
        where = made.region is not None or what.places.get(run) == place
        if same and where and not other.through and other.threshold <= made.threshold:
            return run
    return None

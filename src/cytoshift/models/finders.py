"""What finds mitoses on a slide and classifies them: a detector and a classifier, chosen and put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cytoshift.engine.operator import FindingOperator
from cytoshift.errors import ModelError
from cytoshift.mitosis.classes import MITOSIS
from cytoshift.models.model import Model
from cytoshift.models.operators import build_classifier, build_operator
from cytoshift.models.registry import Registry

if TYPE_CHECKING:
    from cytoshift.mitosis import MitosisFinder


def find_mitosis_detector(registry: Registry) -> Model:
    """Return the detector of mitoses in use: the adopted detector where it is one, else the first that there is.

    Those that ship come first.

    Raises
    ------
    ModelError
        There is none.
    """
    ids = [card.id for card in registry.list("detector") if MITOSIS in card.classes]
    if not ids:
        raise ModelError(
            "There is no detector of mitoses here; train one with 'cytoshift train mitosis-detector-small', or import"
            " one."
        )
    adopted = registry.adopted("detector")
    return registry.find(adopted if adopted in ids else ids[0], "detector")


def build_finder(detector: Model, classifier: Model, *, threshold: float | None = None) -> MitosisFinder:
    """Build the operator that finds mitoses and classifies them in one pass.

    Parameters
    ----------
    detector, classifier : Model
        Of the tasks ``detector`` and ``mitosis``.
    threshold : float, optional
        Score of the detector below which findings are dropped; its card's by default.

    Raises
    ------
    ModelError
        A model does something else, is damaged, or the two do not fit together.
    """
    from cytoshift.mitosis import MitosisFinder

    finds = build_operator(detector, threshold=threshold)
    if not isinstance(finds, FindingOperator):
        raise ModelError(f"{detector.card.id} finds no cells; choose a detector of mitoses.")
    return MitosisFinder(finds, build_classifier(classifier))

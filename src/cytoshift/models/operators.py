"""From a model to the operator that runs it. Method rooms, and torch with them, load when one is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cytoshift.errors import ModelError
from cytoshift.models.model import Model

if TYPE_CHECKING:
    from cytoshift.engine.operator import Operator


def build_operator(model: Model, *, threshold: float | None = None) -> Operator:
    """Build the operator of a model.

    Parameters
    ----------
    model : Model
    threshold : float, optional
        Score below which findings are dropped; the card's by default.

    Raises
    ------
    ModelError
        The weights are damaged, or this version has no method for the model's task.
    """
    card = model.card
    if card.task == "detector":
        from cytoshift.detection import DetectorOperator

        operator: Operator = DetectorOperator.from_model(
            architecture=card.architecture,
            state=model.load_state(),
            classes=card.classes,
            mpp=card.mpp,
            model_id=card.id,
            version=card.sha256,
            threshold=card.threshold if threshold is None else threshold,
        )
        return operator
    if card.task == "stain":
        from cytoshift.stain.restyling import Restyler

        return Restyler.from_model(
            architecture=card.architecture,
            state=model.load_state(),
            mpp=card.mpp,
            title=card.title,
            model_id=card.id,
            version=card.sha256,
        )
    raise ModelError(
        f"The model {card.id} is a {card.task} model, which this version cannot run; choose another model, or update "
        "napari-cytoshift."
    )

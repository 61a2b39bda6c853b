"""From a model to the operator that runs it. Method rooms, and torch with them, load when one is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cytoshift.errors import ModelError
from cytoshift.models.model import Model
from cytoshift.models.registry import Registry

if TYPE_CHECKING:
    from cytoshift.engine.describing import Describer
    from cytoshift.engine.operator import ImageOperator, Operator
    from cytoshift.mitosis import MitosisClassifier

COLOUR_TASKS = ("stain", "translation")
"""Tasks whose models change what a slide looks like."""


def find_colour_model(name: str, registry: Registry) -> Model:
    """Return a model that changes what a slide looks like: a stain model or a translation model.

    Parameters
    ----------
    name : str
        Its id, folder or file; ``"starter"`` is the stain model that ships.
    registry : Registry

    Raises
    ------
    ModelError
        There is no such model, or it does something else.
    """
    return registry.find(name, *COLOUR_TASKS)


def build_operator(
    model: Model, *, threshold: float | None = None, steps: int | None = None, seed: int = 0
) -> Operator:
    """Build the operator of a model.

    Parameters
    ----------
    model : Model
    threshold : float, optional
        Score below which findings are dropped, of every class; the card's by default, which may differ by class.
    steps : int, optional
        How often a translator's generator is asked on the way; once by default.
    seed : int
        Of a translator's noise.

    Raises
    ------
    ModelError
        The weights are damaged or do not fit the card, or this version has no method for the model's task.
    CytoshiftError
        The model takes fewer steps.
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
            thresholds=card.thresholds if threshold is None else {},
            calibration=card.calibration,
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
    if card.task == "translation":
        return _translator(model, 1 if steps is None else steps, seed)
    raise ModelError(
        f"The model {card.id} is a {card.task} model, which this version cannot run; choose another model, or update "
        "napari-cytoshift."
    )


def build_classifier(model: Model, *, threshold: float | None = None) -> MitosisClassifier:
    """Build the classifier of a mitosis model.

    Parameters
    ----------
    model : Model
    threshold : float, optional
        Probability from which a mitosis is called atypical; the card's by default.

    Raises
    ------
    ModelError
        The model does something else, or its weights are damaged or do not fit the card.
    """
    card = model.card
    if card.task != "mitosis":
        raise ModelError(f"The model {card.id} is a {card.task} model and classifies no mitoses; choose another model.")
    from cytoshift.mitosis import MitosisClassifier

    return MitosisClassifier.from_model(
        architecture=card.architecture,
        state=model.load_state(),
        mpp=card.mpp,
        model_id=card.id,
        version=card.sha256,
        threshold=card.threshold if threshold is None else threshold,
        calibration=card.calibration,
    )


def build_describer(model: Model) -> Describer:
    """Build what describes cells by a model's features, so that like cells can be found.

    Parameters
    ----------
    model : Model
        A detector, or a classifier of mitoses.

    Raises
    ------
    ModelError
        The model does something else, or its weights are damaged or do not fit the card.
    """
    if model.card.task == "mitosis":
        return build_classifier(model)
    from cytoshift.detection import DetectorOperator

    operator = build_operator(model)
    if not isinstance(operator, DetectorOperator):
        raise ModelError(f"The model {model.card.id} looks at no cells, so it cannot describe any; choose a detector.")
    return operator.describer()


def _translator(model: Model, steps: int, seed: int) -> ImageOperator:
    card = model.card
    if card.architecture.get("method") == "turbo":
        from cytoshift.translation.turbo import TurboTranslator

        return TurboTranslator.from_model(
            architecture=card.architecture,
            state=model.load_state(),
            mpp=card.mpp,
            title=card.title,
            model_id=card.id,
            version=card.sha256,
        ).at_steps(steps)
    from cytoshift.translation import Translator

    return Translator.from_model(
        architecture=card.architecture,
        state=model.load_state(),
        mpp=card.mpp,
        title=card.title,
        model_id=card.id,
        version=card.sha256,
        steps=steps,
        seed=seed,
    )

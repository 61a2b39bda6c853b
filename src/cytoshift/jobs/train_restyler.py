"""From a restyling's recipe to its weights and card."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from torch import Tensor

from cytoshift.jobs.home import home_of
from cytoshift.models import Card, Model, Registry, TrainingData
from cytoshift.stain.restyling import DomainFields, ParentRestyler, RestainRecipe, train_restyler
from cytoshift.stain.restyling.patches import DomainImages
from cytoshift.training import Control, Emit
from cytoshift.training.coco import found, read_fields


def restyler_card(
    recipe: RestainRecipe, folder: Path, *, emit: Emit, control: Control
) -> tuple[Card, dict[str, Tensor], int]:
    """Train a restyler, or go on; returns its card, its weights and the number of steps."""
    parent = parent_restyler(recipe)
    start = None if parent is None else ParentRestyler(parent.card.architecture, parent.load_state())
    trained = train_restyler(recipe, folder, emit=emit, control=control, parent=start)
    source, target = trained.source.data, trained.target.data
    written = {**recipe.model_dump(mode="json"), "parent": "" if parent is None else parent.card.id}
    for domain, data in (("source", source), ("target", target)):
        written[domain]["path"] = data.name
    card = Card(
        id=recipe.id,
        title=recipe.title,
        task="stain",
        mpp=recipe.mpp,
        architecture=trained.architecture.model_dump(mode="json"),
        metrics=trained.metrics,
        validation=f"patches of {source.name}, which it learnt from; how it does on other slides was not measured",
        trained_on=[_data(recipe.source, trained.source), _data(recipe.target, trained.target)],
        domain=home_of(source, recipe.source.mpp, emit),
        parent=written["parent"],
        recipe=written,
        seed=recipe.training.seed,
        code_version=version("napari-cytoshift"),
    )
    return card, trained.state, trained.steps


def placed_restyler(recipe: RestainRecipe) -> RestainRecipe:
    """Return a recipe that holds wherever it is run; DataError or ModelError where its data or parent is not there."""
    parent_restyler(recipe)
    placed = {}
    for domain in ("source", "target"):
        part: DomainFields = getattr(recipe, domain)
        read_fields(part.path, part.split, part.half)
        placed[domain] = part.model_copy(update={"path": found(part.path)})
    return recipe.model_copy(update=placed)


def parent_restyler(recipe: RestainRecipe) -> Model | None:
    """Return the model from which a recipe starts, None where it names none; ModelError where it is not there."""
    return Registry().find(recipe.parent, "stain") if recipe.parent else None


def _data(fields: DomainFields, domain: DomainImages) -> TrainingData:
    data = domain.data
    part = " ".join(word for word in (fields.split, f"half {fields.half}" if fields.half else "") if word)
    return TrainingData(
        name=data.name,
        source=data.source,
        licence=data.licence,
        split=part,
        images=len(domain.images),
        cells=len(domain.cells),
    )

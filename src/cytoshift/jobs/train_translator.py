"""From a translator's recipe to its weights and card."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from torch import Tensor

from cytoshift.jobs.home import home_of_files
from cytoshift.models import Card, Model, Registry, TrainingData
from cytoshift.training import Control, Emit
from cytoshift.training.domain_files import DomainFields, placed_domains
from cytoshift.training.domains import Domain
from cytoshift.translation.recipe import TranslationRecipe
from cytoshift.translation.train import ParentTranslator, train_translator


def translator_card(
    recipe: TranslationRecipe, folder: Path, *, emit: Emit, control: Control
) -> tuple[Card, dict[str, Tensor], int]:
    """Train a translator, or go on; returns its card, its weights and the number of steps."""
    parent = parent_translator(recipe)
    start = None if parent is None else ParentTranslator(parent.card.architecture, parent.load_state())
    trained = train_translator(recipe, folder, emit=emit, control=control, parent=start)
    source, target = trained.source, trained.target
    card = Card(
        id=recipe.id,
        title=recipe.title,
        task="translation",
        mpp=recipe.mpp,
        architecture=trained.architecture.model_dump(mode="json"),
        metrics=trained.metrics,
        validation=f"crops of {source.name}, which it learnt from; how it does on other slides was not measured",
        trained_on=[_data(recipe.source, source), _data(recipe.target, target)],
        domain=home_of_files(target.files, emit),
        parent="" if parent is None else parent.card.id,
        recipe=_written(recipe, parent, source, target),
        seed=recipe.training.seed,
        code_version=version("napari-cytoshift"),
    )
    return card, trained.state, trained.steps


def placed_translator(recipe: TranslationRecipe) -> TranslationRecipe:
    """Return a recipe that holds wherever it is run.

    Raises
    ------
    DataError
        A file of its domains is not there, or is in both.
    SlideError
        A slide cannot be opened, or does not say its µm/px.
    ModelError
        Its parent is not there.
    """
    parent_translator(recipe)
    return recipe.model_copy(update=placed_domains(recipe.source, recipe.target))


def parent_translator(recipe: TranslationRecipe) -> Model | None:
    """Return the model from which a recipe starts, None where it names none; ModelError where it is not there."""
    return Registry().find(recipe.parent, "translation") if recipe.parent else None


def _written(recipe: TranslationRecipe, parent: Model | None, source: Domain, target: Domain) -> dict[str, object]:
    """Return a recipe as the card keeps it: names instead of the paths of this computer."""
    named = recipe.model_copy(
        update={
            "parent": "" if parent is None else parent.card.id,
            "source": recipe.source.without_paths(source.name),
            "target": recipe.target.without_paths(target.name),
        }
    )
    return named.model_dump(mode="json")


def _data(fields: DomainFields, domain: Domain) -> TrainingData:
    part = " ".join(word for word in (fields.split, f"half {fields.half}" if fields.half else "") if word)
    return TrainingData(
        name=domain.name,
        source=domain.files.source,
        licence=domain.files.licence,
        split=part,
        images=len(domain.images),
    )

"""From a restyling's recipe to its weights and card."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from torch import Tensor

from cytoshift.engine import ImageOperator
from cytoshift.errors import DataError
from cytoshift.jobs.home import home_of_files
from cytoshift.jobs.how_far import how_far
from cytoshift.jobs.taught import beside
from cytoshift.models import Card, Model, Registry, TrainingData, build_operator
from cytoshift.models.domain import Domain
from cytoshift.stain.restyling import ParentRestyler, RestainRecipe, Restyler, TrainedRestyler, train_restyler
from cytoshift.stain.restyling.patches import DomainImages
from cytoshift.training import Control, Emit
from cytoshift.training.domain_files import DomainFields, list_files, placed_domains


def restyler_card(
    recipe: RestainRecipe, folder: Path, *, emit: Emit, control: Control
) -> tuple[Card, dict[str, Tensor], int]:
    """Train a restyler, or go on; returns its card, its weights and the number of steps."""
    parent = parent_restyler(recipe)
    start = None if parent is None else ParentRestyler(parent.card.architecture, parent.load_state())
    trained = train_restyler(recipe, folder, emit=emit, control=control, parent=start)
    source, target = trained.source.data, trained.target.data
    home = home_of_files(list_files(recipe.source), emit)
    after, before = _distances(recipe, home, trained, parent)
    card = Card(
        id=recipe.id,
        title=recipe.title,
        task="stain",
        mpp=recipe.mpp,
        architecture=trained.architecture.model_dump(mode="json"),
        metrics=beside({**trained.metrics, **after}, {**trained.before, **before}),
        validation=f"patches of {source.name} and {target.name}, which it learnt from; how it does on other slides was"
        " not measured",
        trained_on=[_data(recipe.source, trained.source), _data(recipe.target, trained.target)],
        domain=home,
        parent="" if parent is None else parent.card.id,
        recipe=_written(recipe, parent, source.name, target.name),
        seed=recipe.training.seed,
        code_version=version("napari-cytoshift"),
    )
    return card, trained.state, trained.steps


def _distances(
    recipe: RestainRecipe, home: Domain | None, trained: TrainedRestyler, parent: Model | None
) -> tuple[dict[str, float], dict[str, float]]:
    """Measure how far the target is from home through the new restyler, and as it is; and through its parent."""
    if home is None:
        return {}, {}
    files = list_files(recipe.target).files
    made = Restyler.from_model(
        architecture=trained.architecture.model_dump(),
        state=trained.state,
        mpp=recipe.mpp,
        title=recipe.title,
        model_id=recipe.id,
        version="",
    )
    after = {"distance": how_far(home, files, made), "distance as they are": how_far(home, files)}
    before: dict[str, float | None] = {}
    if parent is not None:
        operator = build_operator(parent)
        before = {"distance": how_far(home, files, operator) if isinstance(operator, ImageOperator) else None}
    return _known(after), _known(before)


def _known(numbers: Mapping[str, float | None]) -> dict[str, float]:
    return {name: number for name, number in numbers.items() if number is not None}


def placed_restyler(recipe: RestainRecipe) -> RestainRecipe:
    """Return a recipe that holds wherever it is run.

    Raises
    ------
    DataError
        A file of its domains is not there, or is in both; or the source has no cells, and the recipe draws some.
    SlideError
        A slide cannot be opened, or does not say its µm/px.
    ModelError
        Its parent is not there.
    """
    parent_restyler(recipe)
    placed = placed_domains(recipe.source, recipe.target)
    if recipe.patches.around_cells or recipe.stages.task:
        files = list_files(recipe.source)
        if not all(file.pixels for file in files.files):
            raise DataError(
                f"{files.name} are slides, whose cells are not labelled; set patches.around_cells and stages.task to 0."
            )
    return recipe.model_copy(update=placed)


def parent_restyler(recipe: RestainRecipe) -> Model | None:
    """Return the model from which a recipe starts, None where it names none; ModelError where it is not there."""
    return Registry().find(recipe.parent, "stain") if recipe.parent else None


def _written(recipe: RestainRecipe, parent: Model | None, source: str, target: str) -> dict[str, object]:
    """Return a recipe as the card keeps it: names instead of the paths of this computer."""
    named = recipe.model_copy(
        update={
            "parent": "" if parent is None else parent.card.id,
            "source": recipe.source.without_paths(source),
            "target": recipe.target.without_paths(target),
        }
    )
    return named.model_dump(mode="json")


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

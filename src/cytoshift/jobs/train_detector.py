"""From a detector's recipe to its weights and card."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import Tensor

from cytoshift.detection import DetectorOperator
from cytoshift.detection.mining import with_look_alikes
from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.detection.start import is_trunk
from cytoshift.detection.train import Parent, TrainedDetector, read_data, train_detector
from cytoshift.engine import FindingOperator
from cytoshift.errors import DataError, ModelError
from cytoshift.jobs.home import home_of
from cytoshift.jobs.looking import through
from cytoshift.jobs.taught import beside
from cytoshift.mitosis import read_patches
from cytoshift.mitosis.grafts import with_grafts
from cytoshift.mitosis.mosaics import mosaic_fields
from cytoshift.models import Card, Model, Registry, TrainingData, build_operator
from cytoshift.training import Control, Emit
from cytoshift.training.coco import CocoSet, found, read_fields
from cytoshift.training.table import find_table

MOSAICS, GRAFTS, LOOK_ALIKES = "mosaics", "grafts", "look-alikes"
"""Folders, in that of a training, of patches side by side, of mitoses in other tissue, and of what was mined."""


def detector_card(
    recipe: DetectorRecipe, folder: Path, *, emit: Emit, control: Control
) -> tuple[Card, dict[str, Tensor], int]:
    """Train a detector, or go on; returns its card, its weights and the number of steps."""
    data, parent = _fields(recipe, folder, emit, control), parent_detector(recipe)
    start = None if parent is None else Parent(parent.card.architecture, parent.load_state(), parent.card.classes)
    seen = through(recipe.data.through, recipe.data.reference) if recipe.data.through else None
    trained = train_detector(recipe, folder, emit=emit, control=control, parent=start, through=seen, data=data)
    card = Card(
        id=recipe.id,
        title=recipe.title,
        task="detector",
        classes=trained.classes,
        mpp=trained.mpp,
        architecture=trained.architecture.model_dump(mode="json"),
        threshold=trained.threshold,
        thresholds=trained.thresholds,
        calibration=trained.calibration,
        metrics=beside(trained.metrics, trained.before),
        validation=_validation(recipe, data.name),
        trained_on=[
            *([] if parent is None else parent.card.trained_on),
            TrainingData(
                name=data.name,
                source=data.source,
                licence=data.licence,
                split=f"{recipe.data.split} half {recipe.data.half}" if recipe.data.half else recipe.data.split,
                images=trained.images,
                cells=trained.cells,
            ),
            *_learnt_tissue(recipe),
        ],
        domain=home_of(data, recipe.data.mpp, emit, operator=_operator(recipe, trained)),
        parent="" if parent is None else parent.card.id,
        recipe=_written(recipe, parent, data.name),
        seed=recipe.training.seed,
        code_version=version("napari-cytoshift"),
    )
    return card, trained.state, trained.steps


def _validation(recipe: DetectorRecipe, data: str) -> str:
    split = f", split {recipe.data.split}" if recipe.data.split else ""
    seen = f", as {Path(recipe.data.through).name} shows them" if recipe.data.through else ""
    return f"images of {data}{split}, held back to choose the best step{seen}"


def placed_detector(recipe: DetectorRecipe) -> DetectorRecipe:
    """Return a recipe that holds wherever it is run.

    Raises
    ------
    DataError
        Its data is not there or has classes that it does not name.
    ModelError
        Its start, its teacher, or what it looks through is not there.
    """
    if _is_table(recipe):
        read_patches(recipe.data.path, recipe.data.split)
    else:
        read_data(recipe)
    if recipe.data.tissue:
        _tissue(recipe)
    parent_detector(recipe)
    if recipe.data.look_alikes:
        Registry().find(recipe.data.look_alikes, "detector")
    if recipe.data.through:
        through(recipe.data.through, recipe.data.reference)
    reference = found(recipe.data.reference) if recipe.data.reference else ""
    tissue = found(recipe.data.tissue) if recipe.data.tissue else ""
    places = {"path": found(recipe.data.path), "reference": reference, "tissue": tissue}
    return recipe.model_copy(update={"data": recipe.data.model_copy(update=places)})


def _is_table(recipe: DetectorRecipe) -> bool:
    return find_table(recipe.data.path) is not None


def _fields(recipe: DetectorRecipe, folder: Path, emit: Emit, control: Control) -> CocoSet:
    """Return the fields that a recipe's data are or are made into, with the look-alikes that were mined in them."""
    wanted = recipe.data
    data = _of_patches(recipe, folder, emit, control) if _is_table(recipe) else read_data(recipe)
    if not wanted.look_alikes:
        return data
    miner = build_operator(Registry().find(wanted.look_alikes, "detector"))
    if not isinstance(miner, FindingOperator):
        raise ModelError(f"{miner.title} finds no cells; name a detector as data.look_alikes.")
    return with_look_alikes(data, miner, folder / LOOK_ALIKES, mpp=wanted.mpp, emit=emit, control=control)


def _of_patches(recipe: DetectorRecipe, folder: Path, emit: Emit, control: Control) -> CocoSet:
    """Return patches laid side by side, and what is in them set into tissue where a recipe has some."""
    wanted, seed = recipe.data, recipe.training.seed
    patches = read_patches(wanted.path, wanted.split)
    how: dict[str, Any] = {"box_um": wanted.point_um, "mpp": wanted.mpp, "seed": seed, "emit": emit, "control": control}
    mosaics = mosaic_fields(patches, folder / MOSAICS, **how)
    if not wanted.tissue:
        return mosaics
    return with_grafts(mosaics, patches, _tissue(recipe), folder / GRAFTS, **how)


def _learnt_tissue(recipe: DetectorRecipe) -> list[TrainingData]:
    if not recipe.data.tissue:
        return []
    tissue = _tissue(recipe)
    return [
        TrainingData(name=tissue.name, source=tissue.source, licence=tissue.licence, images=len(tissue.fields), cells=0)
    ]


def _tissue(recipe: DetectorRecipe) -> CocoSet:
    """Read the images of tissue that mitoses are set into; DataError where there are none, or no patches for them."""
    if not _is_table(recipe):
        raise DataError(
            f"data.tissue is what the mitoses of a table of patches are set into, and {recipe.data.path} is no table;"
            " leave it out."
        )
    return read_fields(recipe.data.tissue)


def parent_detector(recipe: DetectorRecipe) -> Model | None:
    """Return the detector that a recipe starts from or that teaches it, None for neither; ModelError if not there."""
    name = recipe.start if recipe.distillation is None else recipe.distillation.teacher
    return None if not name or is_trunk(name) else Registry().find(name, "detector")


def _written(recipe: DetectorRecipe, parent: Model | None, data: str) -> dict[str, Any]:
    """Return a recipe as the card keeps it: names instead of the paths of this computer."""
    written = recipe.model_dump(mode="json")
    written["data"] |= {"path": data, "reference": Path(recipe.data.reference).name}
    written["data"]["through"] = Path(recipe.data.through).name
    for name in ("look_alikes", "tissue"):
        written["data"][name] = Path(written["data"][name]).name
    if recipe.distillation is not None and parent is not None:
        written["distillation"]["teacher"] = parent.card.id
    else:
        written["start"] = Path(recipe.start).name if parent is None else parent.card.id
    return written


def _operator(recipe: DetectorRecipe, trained: TrainedDetector) -> DetectorOperator:
    return DetectorOperator.from_model(
        architecture=trained.architecture.model_dump(mode="json"),
        state=trained.state,
        classes=trained.classes,
        mpp=trained.mpp,
        model_id=recipe.id,
        version="",
    )

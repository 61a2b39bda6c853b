"""Learning from corrections: the specification, and what is looked at before it starts. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Literal

from cytoshift.errors import RecipeError, StudyError
from cytoshift.jobs.sources import open_source, source_of
from cytoshift.jobs.spec import LearnSpec, SlideSource
from cytoshift.models import Registry
from cytoshift.models.published import check_taught
from cytoshift.study import Study
from cytoshift.study.dataset import VALIDATION_SHARE
from cytoshift.study.decided import check_enough, decided_mitoses
from cytoshift.study.learnable import check_learnable, class_counts, rare
from cytoshift.study.truth import complete_fields
from cytoshift.training.recipe import read_recipe

RECIPES = {"detector": "detector-learn", "mitosis": "mitosis-learn"}
"""The recipe by which a model of each task is taught."""


def learning_spec(
    study: str | Path,
    *,
    task: Literal["detector", "mitosis"] = "detector",
    parent: str = "starter",
    recipe: str | None = None,
    overrides: Sequence[str] = (),
    registry: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
) -> LearnSpec:
    """Return what a job that learns from a study's corrections is to do; `start` it in a `new_job_folder`.

    Parameters
    ----------
    study : path
        Folder of the study; it may be open elsewhere.
    task : str
        Whether a detector is taught, or a classifier of mitoses.
    parent : str
        The model to teach: an id, a folder, or ``"starter"``.
    recipe : str, optional
        A recipe's file or name, of which the training counts; by default the task's in `RECIPES`.
    overrides : sequence of str
        ``training.steps=100`` and the like.
    registry : path, optional
        Root of the registry; the user's own without.
    seed : int
        Chooses what is held back, and draws the views.
    device : str
        ``"auto"`` or a torch device.

    Raises
    ------
    StudyError
        Nothing is marked complete, or what is cannot be learned from (see `check_learnable`); too few mitoses were
        decided on; a slide is not where it was, or does not say its µm/px.
    SlideError
        Another slide lies in the place of one.
    ModelError
        There is no such model, or it cannot be taught further.
    RecipeError
        The recipe is of another task.
    """
    known = Registry(registry)
    model = known.find(parent, task)
    check_taught(model.card)
    folder = Path(study).absolute()
    recipe = recipe or RECIPES[task]
    _check_task(recipe, task)
    detecting = task == "detector"
    slides = _slides(folder) if detecting else _slides_with_mitoses(folder)
    return LearnSpec(
        task=task,
        title=f"Learn from the corrections of {folder.name}" if detecting else f"Adapt mitosis to {folder.name}",
        study=str(folder),
        slides=slides,
        notes=_examined(folder, slides, model.card.classes, seed) if detecting else (),
        parent=str(model.folder.absolute()),
        recipe=str(Path(recipe).absolute()) if Path(recipe).is_file() else recipe,
        overrides=tuple(overrides),
        registry=str(known.root.absolute()),
        seed=seed,
        device=device,
    )


def _slides(study: Path) -> tuple[SlideSource, ...]:
    with Study.open(study, read_only=True) as store:
        records = [record for record in store.slides() if store.regions(record.identity)]
    if not records:
        raise StudyError(
            f"Nothing in the study {study} is marked complete; mark a region in which every cell is right."
        )
    return tuple(map(source_of, records))


def _examined(study: Path, sources: Sequence[SlideSource], known: Sequence[str], seed: int) -> tuple[str, ...]:
    """Look whether what is marked complete can be learned from; returns what is worth knowing beforehand."""
    with ExitStack() as stack:
        slides = {source.identity: stack.enter_context(closing(open_source(source))) for source in sources}
        store = stack.enter_context(Study.open(study, read_only=True))
        fields, _ = complete_fields(store, slides)
        check_learnable(fields, known, validation_share=VALIDATION_SHARE, seed=seed)
        said = rare(class_counts(fields))
    return (said,) if said else ()


def _check_task(recipe: str, task: str) -> None:
    data, name = read_recipe(recipe)
    said = data.get("task", "detector")
    if said != task:
        raise RecipeError(
            f"{name} is a recipe for the task {said!r}, and a {task} is to be taught; choose another one."
        )


def _slides_with_mitoses(study: Path) -> tuple[SlideSource, ...]:
    with Study.open(study, read_only=True) as store:
        sets = [decided_mitoses(store, record) for record in store.slides()]
    check_enough(sets)
    return tuple(source_of(one.record) for one in sets if len(one))

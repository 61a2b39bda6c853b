"""Learning from corrections: the specification, and what is looked at before it starts. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from cytoshift.errors import StudyError
from cytoshift.jobs.sources import source_of
from cytoshift.jobs.spec import LearnSpec, SlideSource
from cytoshift.models import Registry
from cytoshift.study import Study
from cytoshift.study.decided import check_enough, decided_mitoses

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
        Nothing is marked complete, or too few mitoses were decided on; a slide is not where it was, or does not say
        its µm/px.
    ModelError
        There is no such model.
    """
    known = Registry(registry)
    model = known.find(parent, task)
    folder = Path(study).absolute()
    recipe = recipe or RECIPES[task]
    detecting = task == "detector"
    return LearnSpec(
        task=task,
        title=f"Learn from the corrections of {folder.name}" if detecting else f"Adapt mitosis to {folder.name}",
        study=str(folder),
        slides=_slides(folder) if detecting else _slides_with_mitoses(folder),
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


def _slides_with_mitoses(study: Path) -> tuple[SlideSource, ...]:
    with Study.open(study, read_only=True) as store:
        sets = [decided_mitoses(store, record) for record in store.slides()]
    check_enough(sets)
    return tuple(source_of(one.record) for one in sets if len(one))

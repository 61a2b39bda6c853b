"""Learning from corrections: the specification, and what is looked at before it starts. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cytoshift.errors import StudyError
from cytoshift.jobs.spec import LearnSpec, SlideSource
from cytoshift.models import Registry
from cytoshift.study import SlideRecord, Study


def learning_spec(
    study: str | Path,
    *,
    parent: str = "starter",
    recipe: str = "detector-learn",
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
    parent : str
        The detector to teach: an id, a folder, or ``"starter"``.
    recipe : str
        A recipe's file or name, of which the training counts.
    overrides : sequence of str
        ``training.steps=100`` and the like.
    registry : path, optional
        Root of the registry; the user's own without.
    seed : int
        Chooses the fields held back, and draws the views.
    device : str
        ``"auto"`` or a torch device.

    Raises
    ------
    StudyError
        Nothing is marked complete, or a slide is not where it was.
    ModelError
        There is no such detector.
    """
    known = Registry(registry)
    model = known.find(parent, "detector")
    folder = Path(study).absolute()
    return LearnSpec(
        title=f"Learn from the corrections of {folder.name}",
        study=str(folder),
        slides=_slides(folder),
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
    return tuple(map(_source, records))


def _source(record: SlideRecord) -> SlideSource:
    there = [path for path in record.paths if Path(path).exists()]
    if not there:
        raise StudyError(
            f"The slide {record.name} of the study is not at {record.paths[0]} any more; open it from its new place."
        )
    return SlideSource(identity=record.identity, path=str(Path(there[0]).absolute()), mpp_yx=record.mpp_yx)

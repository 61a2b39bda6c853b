"""Slides that are to look like a model's: what is refused before it starts, and what a job makes and measures."""

from __future__ import annotations

from pathlib import Path

import pytest
from laboratories import BLUE, PINK, draw_smear, write_fields, write_slide
from tiny_restyler import QUICK, add_restyler

from cytoshift.errors import DataError, ModelError, RecipeError, SlideError
from cytoshift.jobs import create, list_jobs, new_job_folder
from cytoshift.jobs.duration_restyler import restyling_seconds
from cytoshift.jobs.events import sample_of
from cytoshift.jobs.laboratories import laboratory, laboratory_of
from cytoshift.jobs.restyling import SMALL, fields_of_restyler, restyling_spec
from cytoshift.jobs.runner import run
from cytoshift.models import Model, Registry
from cytoshift.study import Study
from cytoshift.training import DomainFields


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return fields that a restyler learnt from, under the folder of the data."""
    monkeypatch.setenv("CYTOSHIFT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CYTOSHIFT_MODELS", str(tmp_path / "models"))
    return write_fields(tmp_path / "data" / "cervical" / "ours", 6, 256, PINK, 0.7)


@pytest.fixture
def parent(ours: str, tmp_path: Path) -> Model:
    """Return a restyler that learnt from them."""
    return add_restyler(tmp_path / "parent", ours)


@pytest.fixture
def theirs(tmp_path: Path) -> str:
    """Return a slide of another scanner."""
    return write_slide(tmp_path / "theirs.tif", draw_smear(3, 512, 512, BLUE), 0.5)


def test_slides_are_restyled_and_before_and_after_are_measured(
    parent: Model, ours: str, theirs: str, tmp_path: Path
) -> None:
    spec = restyling_spec(laboratory([theirs]), study=tmp_path / "study", parent="like-ours", overrides=QUICK)
    assert (spec.title, spec.recipe["id"], spec.recipe["mpp"]) == (
        "Like ours, for theirs.tif",
        "like-ours-for-theirs-tif",
        0.5,
    )
    assert spec.recipe["source"]["path"] == ours
    assert spec.recipe["target"]["slides"] == [theirs]
    assert (spec.recipe["stages"]["intra"], spec.recipe["stages"]["inter"]) == (0, 2)
    job = create(spec, new_job_folder(tmp_path / "study", "restyle"))
    result = run(job.folder)
    assert result.state == "done", result.message
    assert set(result.before) == {"colour", "structure", "distance"}
    assert set(result.after) > set(result.before) | {"reconstruction", "distance as they are"}
    assert result.after["distance as they are"] > parent.card.domain.colour.usual[1]
    pictures = [sample_of(event, job.folder) for event in job.events()[0] if event["kind"] == "sample"]
    assert [one.step for one in pictures if one is not None and one.path.is_file()] == [1, 2]

    card = next(one for one in Registry().list("stain") if one.id == result.model)
    assert (card.parent, card.trained_on[1].name) == ("like-ours", "theirs.tif")
    assert card.recipe["target"]["slides"] == ["theirs.tif"]
    assert fields_of_restyler(card) == fields_of_restyler(parent.card)
    assert [one.name for one in list_jobs(tmp_path / "study")] == ["restyle-1"]
    again = restyling_spec(laboratory([theirs]), study=tmp_path, parent=card.id, overrides=QUICK, recipe=SMALL)
    assert again.title == "Like ours, for theirs.tif"


def test_what_cannot_work_is_said_before_anything_runs(parent: Model, ours: str, theirs: str, tmp_path: Path) -> None:
    def make(slides: DomainFields, **changes: object) -> None:
        restyling_spec(slides, study=tmp_path, parent="like-ours", **changes)  # type: ignore[arg-type]

    with pytest.raises(DataError, match=r"ours looks like the model's slides already \(\d\.\d; up to"):
        make(laboratory([ours], mpp=0.5))
    glass = write_slide(tmp_path / "glass.tif", draw_smear(9, 512, 512, PINK, 0.0)[:, 100:], 0.5)
    with pytest.raises(DataError, match=r"too little tissue in glass\.tif"):
        make(laboratory([glass]))
    unknown = write_slide(tmp_path / "unknown.tif", draw_smear(3, 512, 512, BLUE), None)
    with pytest.raises(SlideError, match=r"unknown\.tif does not say how large a pixel is"):
        make(laboratory([unknown]))
    with pytest.raises(RecipeError, match="not the recipe of a restyler"):
        make(laboratory([theirs]), recipe="detector-small")
    with pytest.raises(ModelError, match="nobody"):
        restyling_spec(laboratory([theirs]), study=tmp_path, parent="nobody")
    Path(ours).rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="What Like ours learnt from is not at hand"):
        make(laboratory([theirs]))
    make(laboratory([theirs]), fields=laboratory([tmp_path / "elsewhere"], mpp=0.5))


def test_a_study_gives_all_its_slides_with_the_scale_that_was_set(theirs: str, tmp_path: Path) -> None:
    from cytoshift.slides import open_slide

    with Study.create(tmp_path / "study") as study:
        study.add_slide(open_slide(theirs).calibrated((0.4, 0.4)))
    assert laboratory_of(tmp_path / "study").calibrated == {theirs: (0.4, 0.4)}
    Study.create(tmp_path / "empty").close()
    with pytest.raises(DataError, match="has no slide yet"):
        laboratory_of(tmp_path / "empty")


def test_its_duration_grows_with_its_steps(parent: Model) -> None:
    settings = QUICK[1:]
    short = restyling_seconds(parent.card, SMALL, (*settings, "stages.inter=100"))
    assert restyling_seconds(parent.card, SMALL, (*settings, "stages.inter=100000")) > 20 * short > 0

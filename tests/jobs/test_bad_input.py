"""What cannot work is said in one sentence before anything is spent, and nothing is left half done."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from cytoshift.detection import Architecture, build_network
from cytoshift.engine import Findings, Provenance
from cytoshift.errors import DataError, ModelError, RecipeError, StudyError
from cytoshift.jobs import attach, create, jobs_folder, learning_spec, list_jobs, new_job_folder
from cytoshift.jobs.carrying import carrying_spec
from cytoshift.jobs.folder import RUNNER, WORK
from cytoshift.jobs.laboratories import laboratory, translating_spec
from cytoshift.jobs.runner import run
from cytoshift.models import Card, Registry, save_model
from cytoshift.slides import open_slide
from cytoshift.study import Study

CLASSES = ("NILM", "HSIL")

QUICK = ("training.steps=2", "training.batch=1", "training.warmup=1", 'training.precision="float32"', "views.crop=96")


@pytest.fixture(scope="module")
def registry(tmp_path_factory) -> Registry:
    """Return a registry with a small detector that has learnt nothing."""
    folder = tmp_path_factory.mktemp("registry")
    torch.manual_seed(0)
    plan = Architecture(channels=32, tile=128, halo=32)
    card = Card(
        id="parent",
        title="Parent",
        task="detector",
        classes=CLASSES,
        mpp=0.5,
        architecture=plan.model_dump(mode="json"),
    )
    save_model(folder / "parent", card, build_network(plan, 2).state_dict())
    registry = Registry(folder / "models")
    registry.add(folder / "parent")
    return registry


def marked(folder: Path, cells: list[tuple[int, int, str]], *, complete: bool = True) -> Path:
    """Make a study of one field with cells of 20 px at places, inside its folder; returns the folder."""
    with Study.create(folder) as store:
        image = Image.new("RGB", (256, 128), (225, 225, 225))
        for x, y, _ in cells:
            ImageDraw.Draw(image).ellipse((x, y, x + 20, y + 20), (90, 60, 120))
        (folder / "slides").mkdir()
        image.save(folder / "slides" / "field.png")
        identity = store.add_slide(open_slide(folder / "slides" / "field.png").calibrated((0.5, 0.5)))
        found = store.add_findings(Findings.empty(CLASSES, Provenance(identity, "parent")))
        for x, y, label in cells:
            store.add(identity, (x, y, x + 20, y + 20), label)
        if complete:
            store.mark_complete(identity, (0, 0, 256, 128), found)
    return folder


CELLS = [(10 + 40 * k, 20 + 50 * (k % 2), "NILM" if k else "HSIL") for k in range(6)]


def refused(error: type[Exception], words: str, study: Path, registry: Registry, **changes: str) -> None:
    """Check that learning from a study is refused in one sentence, and leaves nothing."""
    before = sorted(path for path in study.rglob("*") if not path.name.startswith("study."))
    with pytest.raises(error, match=words) as caught:
        learning_spec(study, registry=registry.root, **{"parent": "parent", **changes})
    assert "\n" not in str(caught.value)
    assert str(caught.value).count(". ") == 0
    assert sorted(path for path in study.rglob("*") if not path.name.startswith("study.")) == before
    assert list_jobs(study) == []


def test_no_slides(tmp_path, registry):
    Study.create(tmp_path / "empty").close()
    refused(StudyError, "is marked complete; mark a region", tmp_path / "empty", registry)
    refused(StudyError, "mitos", tmp_path / "empty", registry, task="mitosis", parent="starter")
    with pytest.raises((DataError, StudyError)) as caught:
        laboratory([], mpp=0.5, calibrated={})
    assert "\n" not in str(caught.value)


def test_no_completed_region(tmp_path, registry):
    refused(StudyError, "is marked complete", marked(tmp_path / "s", CELLS, complete=False), registry)


def test_a_region_without_a_cell(tmp_path, registry):
    refused(StudyError, "hold no cell that is sure", marked(tmp_path / "s", []), registry)


def test_one_cell_cannot_be_learnt_from_and_measured_with(tmp_path, registry):
    refused(StudyError, "none to hold back", marked(tmp_path / "s", CELLS[:1]), registry)


def test_one_slide_is_divided(tmp_path, registry):
    spec = learning_spec(
        marked(tmp_path / "s", CELLS), parent="parent", registry=registry.root, overrides=QUICK, device="cpu"
    )
    folder = new_job_folder(spec.study, spec.kind)
    create(spec, folder)
    result = run(folder)
    assert result.state == "done", result.message


def test_one_slide_for_two_laboratories(tmp_path):
    study = marked(tmp_path / "s", CELLS)
    lab = laboratory([str(study / "slides" / "field.png")], mpp=0.5, calibrated={})
    with pytest.raises(DataError, match=r"field\.png") as caught:
        translating_spec(lab, lab, study=study, recipe="sc-unsb-small", title="", overrides=[])
    assert "\n" not in str(caught.value)
    assert not jobs_folder(study).exists()


def test_a_class_with_two_examples_is_said_before_the_start(tmp_path, registry):
    spec = learning_spec(
        marked(tmp_path / "s", [*CELLS, (250 - 24, 90, "HSIL")]), parent="parent", registry=registry.root
    )
    assert spec.notes == (
        "There are few cells of some classes, 2 of HSIL: what is learnt of them, and their numbers, say little.",
    )


def test_labels_that_contradict_each_other(tmp_path, registry):
    x, y, _ = CELLS[2]
    refused(
        StudyError,
        f"One cell on field.png at x {x + 10}, y {y + 10} px is both NILM and HSIL",
        marked(tmp_path / "s", [*CELLS, (x + 1, y, "HSIL")]),
        registry,
    )


def test_a_class_that_the_model_does_not_know(tmp_path, registry):
    refused(StudyError, "not know the class LSIL", marked(tmp_path / "s", [*CELLS, (200, 90, "LSIL")]), registry)


def test_a_recipe_for_another_task(tmp_path, registry):
    study = marked(tmp_path / "s", CELLS)
    refused(RecipeError, "mitosis-learn.* is a recipe for the task 'mitosis'", study, registry, recipe="mitosis-learn")
    refused(RecipeError, "There is no recipe nothing", study, registry, recipe="nothing")


def test_a_parent_with_another_programs_network(tmp_path):
    models = Registry(tmp_path / "models")
    card = Card(id="theirs", title="Theirs", task="detector", architecture={"network": "fcos_resnet50_fpn"})
    save_model(models.root / "detector" / "theirs", card, {"weight": torch.zeros(1)})
    study = marked(tmp_path / "study", [(40, 40, "NILM")])
    with pytest.raises(
        ModelError, match=r"fcos_resnet50_fpn\), which is run here and not taught further; choose a model"
    ):
        learning_spec(study, parent="theirs", registry=models.root)
    with pytest.raises(ModelError, match="not taught further"):
        carrying_spec("starter", study=study, parent="theirs", registry=models.root)
    assert not list_jobs(study)


def test_a_parent_that_is_gone(tmp_path, registry):
    study = marked(tmp_path / "s", CELLS)
    refused(ModelError, "no model 'nobody'", study, registry, parent="nobody")
    mine = Registry(tmp_path / "models")
    mine.add(registry.find("parent", "detector").folder)
    spec = learning_spec(study, parent="parent", registry=mine.root, overrides=QUICK, device="cpu")
    folder = new_job_folder(study, spec.kind)
    create(spec, folder)
    shutil.rmtree(mine.find("parent", "detector").folder)
    result = run(folder)
    assert result.state == "failed"
    assert "parent" in result.message
    assert not list((folder / WORK).rglob("*.png"))


def test_cuda_where_there_is_none(tmp_path, registry, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    spec = learning_spec(
        marked(tmp_path / "s", CELLS), parent="parent", registry=registry.root, overrides=QUICK, device="cuda"
    )
    folder = new_job_folder(spec.study, spec.kind)
    create(spec, folder)
    result = run(folder)
    assert result.message == "There is no device 'cuda' on this machine; choose 'auto' or 'cpu'."
    assert not (folder / WORK).exists()


def test_a_study_that_is_moved_while_its_job_runs(tmp_path, registry):
    study = marked(tmp_path / "s", CELLS)
    spec = learning_spec(study, parent="parent", registry=registry.root, overrides=QUICK, device="cpu")
    job = create(spec, new_job_folder(study, spec.kind))
    moved = tmp_path / "elsewhere" / "s"
    moved.parent.mkdir()

    def move(event):
        if event["kind"] == "loss":
            study.rename(moved)

    with pytest.raises(Exception, match=r"is not at .* any more; open the study where it is now") as caught:
        run(job.folder, move)
    assert "\n" not in str(caught.value)
    assert not study.exists()
    (there,) = list_jobs(moved)
    (there.folder / RUNNER).unlink()  # a process of its own has ended
    assert there.state == "interrupted"
    assert attach(there.folder).spec.study == str(moved)
    result = run(there.folder)
    assert result.state == "done", result.message
    assert not study.exists()

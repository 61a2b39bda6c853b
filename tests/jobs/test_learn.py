"""Learning from corrections: the training set, before and after, and a new model in the registry."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageOps

from cytoshift.detection import Architecture, DetectorRecipe, build_network
from cytoshift.engine import Findings, Provenance
from cytoshift.errors import ModelError, StudyError
from cytoshift.jobs import JobError, attach, create, learning_spec, new_job_folder, start
from cytoshift.jobs.folder import WORK, read_json
from cytoshift.jobs.frozen import VALIDATION
from cytoshift.jobs.process import jobs_folder
from cytoshift.jobs.runner import run
from cytoshift.jobs.spec import LearnSpec
from cytoshift.models import Card, Registry, save_model
from cytoshift.models.model import write_card
from cytoshift.slides import open_slide
from cytoshift.study import Study
from cytoshift.study.lock import WriterLock

QUICK = (
    "training.steps=2",
    "training.batch=2",
    "training.warmup=1",
    "training.validate_every=2",
    "training.checkpoint_every=1",
    'training.precision="float32"',
    "views.crop=96",
)


@pytest.fixture
def registry(tmp_path) -> Registry:
    """Return a registry with a small detector that has learnt nothing."""
    torch.manual_seed(0)
    plan = Architecture(channels=32, tile=128, halo=32)
    card = Card(
        id="parent",
        title="Parent",
        task="detector",
        classes=("NILM", "HSIL"),
        mpp=0.5,
        architecture=plan.model_dump(mode="json"),
    )
    model = save_model(tmp_path / "parent", card, build_network(plan, 2).state_dict())
    registry = Registry(tmp_path / "models")
    registry.add(model.folder)
    return registry


@pytest.fixture
def study(tmp_path, cells) -> Path:
    """Return a study of the drawn fields, in each of which everything is marked complete."""
    truth = json.loads((cells / "annotations.json").read_text())
    classes = {category["id"]: category["name"] for category in truth["categories"]}
    with Study.create(tmp_path / "ward 7") as store:
        for image in truth["images"]:
            slide = open_slide(cells / image["file_name"]).calibrated((0.5, 0.5))
            identity = store.add_slide(slide)
            run_id = store.add_findings(Findings.empty(("NILM", "HSIL"), Provenance(identity, "parent")))
            for cell in truth["annotations"]:
                if cell["image_id"] == image["id"]:
                    x, y, width, height = cell["bbox"]
                    store.add(identity, (x, y, x + width, y + height), classes[cell["category_id"]])
            store.mark_complete(identity, (0, 0, 128, 128), run_id)
    return tmp_path / "ward 7"


@pytest.fixture
def folder(study, registry) -> Path:
    """Return the folder of a learning job that was written down and not started."""
    spec = learning_spec(study, parent="parent", overrides=QUICK, registry=registry.root, device="cpu")
    return create(spec, new_job_folder(study, spec.kind)).folder


def test_corrections_become_a_model_with_before_and_after(study, registry):
    spec = learning_spec(study, parent="parent", overrides=QUICK, registry=registry.root, device="cpu")
    job = start(spec, new_job_folder(study, spec.kind))
    assert job.folder.parent == jobs_folder(study)
    assert job.wait(240) == "done", job.result
    result = job.result
    model = Registry(registry.root).find(result.model, "detector")
    assert str(model.folder) == result.model_folder
    assert model.card.parent == "parent"
    assert model.card.classes == ("NILM", "HSIL")
    assert model.card.trained_on[-1].name == "corrections of ward 7"
    assert model.card.domain.name == "corrections of ward 7"
    assert model.card.domain.fields == 6
    assert model.card.domain.look is not None
    assert {"mAP", "mAP50", "AP50 NILM", "AP50 HSIL"} <= result.before.keys() & result.after.keys()
    assert model.card.metrics["mAP50"] == result.after["mAP50"]
    assert model.card.metrics["parent mAP50"] == result.before["mAP50"]
    assert result.trust is not None
    gain = result.trust.gain
    assert (gain.main, gain.over, gain.on) == (
        "mAP50",
        "parts of fields",
        "1 field of 1 slide with 4 cells, held back",
    )
    assert gain.numbers["mAP50"].after == pytest.approx(result.after["mAP50"], abs=1e-6)
    assert gain.numbers["mAP50"].before == pytest.approx(result.before["mAP50"], abs=1e-6)
    assert model.card.metrics["gain mAP50"] == gain.numbers["mAP50"].change
    assert result.trust.no_home == "the fields that its parent was validated on are not at hand"
    notes = [event["text"] for event in job.events()[0] if event["kind"] == "note"]
    assert "what the model learnt from is not at hand: it learns from your fields alone" in notes
    assert Registry(registry.root).adopted("detector") is None
    assert [event["step"] for event in job.events()[0] if event["kind"] == "loss"] == [1, 2]

    splits: dict[str, set[str]] = {"train": set(), "val": set()}
    for image in json.loads((job.folder / WORK / "data" / "annotations.json").read_text())["images"]:
        splits[image["split"]].add(image["slide"])
    assert splits["train"]
    assert splits["val"]
    assert not splits["train"] & splits["val"]

    (job.folder / "result.json").unlink()  # as if it was killed after the model was registered
    assert run(job.folder).model == result.model
    assert sum(card.parent == "parent" for card in registry.list("detector")) == 1


def test_nothing_known_is_forgotten_unnoticed(study, registry, cells, tmp_path, monkeypatch):
    shutil.copytree(cells, tmp_path / "data" / "ward" / "drawn")
    monkeypatch.setenv("CYTOSHIFT_DATA", str(tmp_path / "data"))
    parent = registry.find("parent", "detector")
    made_by = DetectorRecipe(data={"path": "ward/drawn"}).model_dump(mode="json")
    write_card(parent.folder, parent.card.model_copy(update={"recipe": made_by}))
    repaint(tmp_path / "data" / "ward" / "drawn")
    spec = learning_spec(study, parent="parent", overrides=QUICK, registry=registry.root, device="cpu")
    folder = create(spec, new_job_folder(study, spec.kind)).folder
    notes = []
    result = run(folder, lambda event: notes.append(event.get("text", "")))
    assert "repeats 5 fields of drawn with 20 cells" in notes
    home = result.trust.home
    assert home.on == "1 field with 4 cells of drawn"
    card = Registry(registry.root).find(result.model, "detector").card
    assert card.metrics["home mAP50"] == home.numbers["mAP50"].after
    assert card.metrics["home parent mAP50"] == home.numbers["mAP50"].before


def repaint(folder):
    """Make other pictures of a data set's: none is one's own any more."""
    for file in folder.glob("*.png"):
        with Image.open(file) as image:
            ImageOps.flip(image).save(file)


def test_a_resumed_job_measures_with_what_was_settled(study, folder):
    assert run(folder).state == "done"
    frozen = read_json(folder / VALIDATION)
    assert frozen["split_by"] == "slide"
    assert len(frozen["files"]) == 2
    (folder / "result.json").unlink()
    with Study.open(study) as store:  # the study goes on: the job's fields stay as they were
        for record in store.slides():
            store.add(record.identity, (0, 0, 20, 20), "NILM")
    again = run(folder)
    assert again.state == "done"
    assert read_json(folder / VALIDATION) == frozen
    (folder / "result.json").unlink()
    picture = next(name for name in frozen["files"] if name.endswith(".png"))
    repaint((folder / WORK / "data" / picture).parent)
    broken = run(folder)
    assert broken.state == "failed"
    assert "was changed since it began" in broken.message


def test_a_job_waits_for_another_of_its_study(study, folder):
    device = WriterLock(jobs_folder(study) / "cpu.lock")
    assert device.take()
    states = []

    def listen(event):
        states.append((event["state"], attach(folder).state))
        if event["state"] == "queued":
            attach(folder).cancel()

    try:
        assert run(folder, listen).state == "cancelled"
    finally:
        device.release()
    assert states == [("queued", "queued"), ("cancelled", "queued")]
    assert attach(folder).state == "cancelled"


def test_a_moved_slide_is_named_before_anything_starts(registry, cells, tmp_path):
    copy = tmp_path / "moved.png"
    copy.write_bytes((cells / "field-0.png").read_bytes())
    with Study.create(tmp_path / "other") as store:
        identity = store.add_slide(open_slide(copy))
        store.mark_complete(identity, (0, 0, 128, 128))
    copy.unlink()
    with pytest.raises(StudyError, match=r"moved\.png"):
        learning_spec(tmp_path / "other", parent="parent", registry=registry.root)
    assert not jobs_folder(tmp_path / "other").exists()


def test_a_slide_that_was_replaced_fails_the_job(folder, cells):
    spec = LearnSpec.model_validate_json((folder / "job.json").read_text())
    other = spec.slides[0].model_copy(update={"path": str(cells / "field-1.png")})
    changed = spec.model_copy(update={"slides": (other, *spec.slides[1:])})
    (folder / "job.json").write_text(changed.model_dump_json())
    result = run(folder)
    assert result.state == "failed"
    assert "field-1.png" in result.message


def test_what_cannot_be_learnt_is_said_at_once(tmp_path, registry):
    Study.create(tmp_path / "empty").close()
    with pytest.raises(StudyError, match="marked complete"):
        learning_spec(tmp_path / "empty", parent="parent", registry=registry.root)
    with pytest.raises(ModelError, match="nobody"):
        learning_spec(tmp_path / "empty", parent="nobody", registry=registry.root)
    with pytest.raises(StudyError):
        learning_spec(tmp_path / "nothing", parent="parent", registry=registry.root)
    assert not (tmp_path / "nothing").exists()


def test_a_finished_job_is_not_run_again(folder):
    attach(folder).cancel()
    with pytest.raises(JobError, match="is over"):
        run(folder)


def test_a_job_is_paused_while_it_measures_and_goes_on(folder):
    asked = []

    def pause(event):
        if "measuring both models" in event.get("text", ""):
            asked.append(event)
            attach(folder).pause()

    assert run(folder, pause).state == "paused"
    assert asked
    assert run(folder).state == "done"
    steps = [event["step"] for event in attach(folder).events()[0] if event["kind"] == "loss"]
    assert steps == [1, 2]

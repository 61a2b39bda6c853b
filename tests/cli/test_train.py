"""Training and jobs from the terminal."""

import json
import subprocess
from contextlib import suppress

import numpy as np
import pytest
from laboratories import BLUE, PINK, write_fields
from PIL import Image
from rank_starter import start_ranks

from cytoshift.jobs import TrainSpec, create, jobs_folder
from cytoshift.jobs.result import read_result
from cytoshift.models import load_model
from cytoshift.training.loop import CHECKPOINT

RECIPE = """
task = "detector"
id = "tiny"
title = "Tiny"
mpp = 0.5
[data]
path = "{data}"
holdout = 0.4
[architecture]
channels = 32
tile = 128
halo = 32
[views]
crop = 64
[training]
steps = 3
batch = 2
warmup = 1
validate_every = 3
checkpoint_every = 1
device = "cpu"
"""


@pytest.fixture
def recipe(tmp_path):
    """Return a recipe that trains for three steps on two small fields."""
    data = tmp_path / "data"
    data.mkdir()
    images, cells = [], []
    for number in range(2):
        pixels = np.full((96, 96, 3), 225, np.uint8)
        pixels[30:54, 40:64] = (70, 50, 110)
        Image.fromarray(pixels).save(data / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 96, "height": 96, "split": "train"})
        cells.append({"id": number, "image_id": number, "category_id": 1, "bbox": [40, 30, 24, 24]})
    document = {"images": images, "annotations": cells, "categories": [{"id": 1, "name": "HSIL"}]}
    (data / "annotations.json").write_text(json.dumps(document))
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE.format(data=data))
    return path


def test_a_recipe_becomes_a_model_and_a_finished_training_is_left_alone(recipe, tmp_path, cytoshift, complaint):
    out = tmp_path / "run"
    assert "Made the model tiny" in cytoshift("train", recipe, "--out", out)
    card = load_model(out / "model").card
    assert (card.id, card.classes, card.recipe["training"]["steps"]) == ("tiny", ("HSIL",), 3)
    assert str(tmp_path) not in card.model_dump_json()
    before = (out / "model" / "weights.safetensors").read_bytes()
    assert "already holds" in complaint("train", recipe, "--out", out)
    assert "over" in complaint("train", recipe, "--out", out, "--resume")
    assert "another recipe" in complaint("train", recipe, "--out", out, "--resume", "--set", "training.steps=4")
    assert (out / "model" / "weights.safetensors").read_bytes() == before


def test_an_interrupted_training_goes_on(recipe, tmp_path, cytoshift, monkeypatch, capfd):
    from cytoshift.cli import main
    from cytoshift.jobs.control import FolderControl

    out, looked = tmp_path / "run", []

    def interrupted(self):
        looked.append(self)
        if len(looked) == 3:
            raise KeyboardInterrupt
        return "run"

    with monkeypatch.context() as patch:
        patch.setattr(FolderControl, "state", interrupted)
        with pytest.raises(SystemExit) as end:
            main(["train", str(recipe), "--out", str(out)])
    assert end.value.code == 130
    assert capfd.readouterr().err.count("\n") == 1
    assert "Made the model" in cytoshift("train", recipe, "--out", out, "--resume")
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    assert [event["step"] for event in events if event["kind"] == "loss"] == [1, 2, 3]


@pytest.fixture
def study(tmp_path, cytoshift):
    """Return a study with one job that was written down and not started."""
    folder = tmp_path / "study"
    cytoshift("study", "new", folder)
    create(TrainSpec(name="tiny", title="Tiny", recipe={}), jobs_folder(folder) / "learn-1")
    return folder


def test_jobs_are_listed_shown_and_cancelled(study, cytoshift, complaint):
    assert cytoshift("jobs", "list", study).split() == ["learn-1", "interrupted"]
    assert json.loads(cytoshift("jobs", "show", study, "learn-1", "--json"))["state"] == "interrupted"
    assert "not running" in complaint("jobs", "stop", study, "learn-1")
    cytoshift("jobs", "stop", study, "learn-1", "--cancel")
    assert "cancelled" in cytoshift("jobs", "show", study, "learn-1")
    assert "learn-2" in complaint("jobs", "show", study, "learn-2")
    assert "only a paused, interrupted" in complaint("jobs", "resume", study, "learn-1")


def test_a_job_says_at_once_what_it_cannot_teach(study, detector, complaint):
    assert "There is no model 'nobody'" in complaint("jobs", "start", study, "--task", "mitosis", "--model", "nobody")
    assert "mitosis model is needed" in complaint("jobs", "start", study, "--task", "mitosis", "--model", detector)
    wrong = complaint("jobs", "start", study, "--task", "mitosis", "--set", "views.crop=3")
    assert "mitosis-learn" in wrong


def test_a_job_that_fails_is_one_line(study, complaint):
    folder = jobs_folder(study) / "learn-1"
    assert "data" in complaint("jobs", "run", folder)
    assert read_result(folder).state == "failed"
    assert "not a job" in complaint("jobs", "run", study)


def test_a_study_with_nothing_to_learn_starts_no_job(tmp_path, detector, cytoshift, complaint):
    cytoshift("study", "new", tmp_path / "empty")
    assert "marked complete" in complaint("jobs", "start", tmp_path / "empty", "--model", detector)
    assert "steps" in complaint("jobs", "start", tmp_path / "empty", "--model", detector, "--set", "training.step=1")
    assert not jobs_folder(tmp_path / "empty").exists()


def test_a_translator_between_two_laboratories_is_a_job_of_the_study(tmp_path, cytoshift, complaint):
    study = tmp_path / "study"
    cytoshift("study", "new", study)
    labs = [write_fields(tmp_path / name, 2, 128, colour) for name, colour in (("a", PINK), ("b", BLUE))]
    small = ("crop=32", "rehearsal=0", "training.steps=1", "training.device='cpu'", "architecture.tile=256")
    tiny = ("architecture.generator={arch='plain', width=4, blocks=1}", "critics.width=4")
    changes = [
        part for change in (*small, *tiny, "contrast={taps=[0, 2], places=8, width=8}") for part in ("--set", change)
    ]
    here = ("jobs", "start", study, "--from", labs[0], "--mpp", 0.5, "--recipe", "fastcut-small", *changes)
    assert "same files" in complaint(*here, "--to", labs[0])
    assert "no slide yet" in complaint(*here)
    assert "detector-small.toml is not the recipe of a translator" in complaint(
        "jobs", "start", study, "--from", labs[0], "--to", labs[1], "--recipe", "detector-small"
    )
    said = cytoshift(*here, "--to", labs[1], "--title", "As B", "--wait")
    assert "Started translate-1." in said
    assert "Made the model as-b-fastcut." in said
    assert "As B" in cytoshift("models", "list")
    cytoshift("models", "adopt", "as-b-fastcut")
    field = next((tmp_path / "a").iterdir())
    assert "Wrote" in cytoshift("translate", field, tmp_path / "seen.ome.zarr", "--mpp", 0.5)


def test_a_rank_that_is_killed_ends_the_other_and_the_training_goes_on(recipe, tmp_path, cytoshift):
    out, steps = tmp_path / "run", ("--set", "training.steps=12")
    ranks = start_ranks(["-m", "cytoshift", "train", str(recipe), "--out", str(out), *steps])
    checkpoint = out / "work" / "training" / CHECKPOINT
    while not checkpoint.exists():
        with suppress(subprocess.TimeoutExpired):
            pytest.fail(f"ended with {ranks[0].wait(0.05)}: {ranks[0].communicate()}")
    ranks[1].kill()
    ranks[1].communicate()
    said = ranks[0].communicate()
    assert ranks[0].returncode == 2, said
    assert "Another rank of this training has ended" in said[1]
    assert said[1].count("\n") == 1
    cytoshift("train", recipe, "--out", out, *steps, "--resume")
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    assert any(event.get("text", "").startswith("resumed at step") for event in events)
    assert {event["step"] for event in events if event["kind"] == "loss"} == set(range(1, 13))


def test_two_ranks_make_the_model_that_one_makes(recipe, tmp_path, cytoshift):
    cytoshift("train", recipe, "--out", tmp_path / "one", "--set", "training.steps=2")
    ranks = start_ranks(
        ["-m", "cytoshift", "train", str(recipe), "--out", str(tmp_path / "two"), "--set", "training.steps=2"]
    )
    said = [rank.communicate() for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], said
    assert "Made the model tiny" in said[0][0]
    assert said[1] == ("", "")
    one, two = (
        [json.loads(line) for line in (tmp_path / name / "events.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    )
    assert [event["kind"] for event in one] == [event["kind"] for event in two]
    for ours, theirs in zip(one, two, strict=True):
        if ours["kind"] == "loss":
            assert theirs["bbox_regression"] == pytest.approx(ours["bbox_regression"], abs=1e-4)
    assert (tmp_path / "two" / "model" / "weights.safetensors").exists()

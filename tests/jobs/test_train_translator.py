"""A translator's recipe becomes a model of its own, with pictures on the way, and goes on where it was killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from laboratories import BLUE, PINK, draw_smear, write_fields, write_slide
from PIL import Image

from cytoshift.errors import DataError, ModelError, RecipeError
from cytoshift.jobs import Job, create, jobs_folder, new_job_folder, read_events
from cytoshift.jobs.events import sample_of
from cytoshift.jobs.folder import EVENTS
from cytoshift.jobs.runner import run
from cytoshift.jobs.spec import TrainSpec
from cytoshift.jobs.train import spec_of, training_spec
from cytoshift.models import Registry, load_model

RECIPE = """
task = "translation"
id = "tiny-translator"
title = "As lab B"
mpp = 0.5
crop = 32
[source]
path = "{source}"
mpp = 0.5
[target]
slides = ["{target}"]
[architecture]
method = "{method}"
steps = 1
tile = 256
generator = {{ arch = "plain", width = 4, blocks = 1 }}
[critics]
width = 4
[contrast]
taps = [0, 2]
places = 8
width = 8
[training]
steps = {steps}
batch = 1
warmup = 0
validate_every = 2
checkpoint_every = 2
device = "cpu"
"""


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return a folder of fields of one laboratory, and a slide of another one."""
    folder = tmp_path_factory.mktemp("labs")
    slide = write_slide(folder / "b.tif", draw_smear(7, 1024, 1024, BLUE), 0.25)
    return write_fields(folder / "a", 4, 128, PINK), slide


def spec(folder: Path, labs: tuple[str, str], *, steps: int = 4, method: str = "fastcut") -> TrainSpec:
    file = folder / "tiny.toml"
    file.write_text(
        RECIPE.format(source=Path(labs[0]).as_posix(), target=Path(labs[1]).as_posix(), steps=steps, method=method)
    )
    return training_spec(file, [])


def said(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in read_events(folder / EVENTS)[0] if event["kind"] == kind]


def test_a_recipe_becomes_a_translator_and_shows_what_it_learns(labs: tuple[str, str], tmp_path: Path) -> None:
    job = create(spec(tmp_path, labs), tmp_path / "job")
    result = run(job.folder)
    assert result.state == "done", result.message
    card = load_model(Path(result.model_folder)).card
    assert (card.id, card.task, card.mpp) == ("tiny-translator", "translation", 0.5)
    assert [data.name for data in card.trained_on] == ["a", "b.tif"]
    assert card.domain is not None
    assert card.domain.name == "b.tif"
    assert card.recipe["source"]["path"] == "a"
    assert card.recipe["target"]["slides"] == ["b.tif"]
    assert str(tmp_path.parent) not in json.dumps(card.model_dump(mode="json"))
    samples = [sample_of(event, job.folder) for event in said(job.folder, "sample")]
    assert [sample.step for sample in samples if sample] == [2, 4]
    for sample in samples:  # there, though the training they were in is thrown away
        assert sample is not None
        with Image.open(sample.path) as picture:
            assert picture.height == 2 * 32 + 4
    notes = [event["text"] for event in said(job.folder, "note")]
    assert "b.tif: 0.25 µm/px, resampled to 0.5" in notes


def test_a_killed_training_goes_on_to_the_same_translator(labs: tuple[str, str], tmp_path: Path) -> None:
    whole = create(spec(tmp_path, labs, steps=40), tmp_path / "whole")
    assert run(whole.folder).state == "done"
    job = create(spec(tmp_path, labs, steps=40), tmp_path / "killed")
    with subprocess.Popen([sys.executable, "-m", "cytoshift.jobs", str(job.folder)], start_new_session=True) as process:
        while process.poll() is None and not any(event["step"] >= 3 for event in said(job.folder, "loss")):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
        os.kill(process.pid, signal.SIGKILL)
    assert job.state == "interrupted"
    assert run(job.folder).state == "done"
    assert weights(job) == weights(whole)


def weights(job: Job) -> bytes:
    return (job.folder / "model" / "weights.safetensors").read_bytes()


def test_a_job_of_a_study_puts_its_translator_into_the_registry(labs: tuple[str, str], tmp_path: Path) -> None:
    study, registry = tmp_path / "study", tmp_path / "models"
    wanted = spec(tmp_path, labs, steps=2).model_copy(update={"study": str(study), "registry": str(registry)})
    job = create(wanted, new_job_folder(study, "translate"))
    result = run(job.folder)
    assert result.state == "done", result.message
    assert "tiny-translator" in [card.id for card in Registry(registry).list("translation")]
    assert not (job.folder / "model").exists()
    assert list(jobs_folder(study).glob("*.lock"))  # it took its turn


def test_cancelling_throws_the_samples_away_too(labs: tuple[str, str], tmp_path: Path) -> None:
    job = create(spec(tmp_path, labs, steps=500), tmp_path / "job")

    def cancel(event: dict[str, Any]) -> None:
        if event["kind"] == "sample":
            job.cancel()

    assert run(job.folder, cancel).state == "cancelled"
    assert not (job.folder / "samples").exists()


def test_a_sample_outside_of_the_job_is_not_followed(tmp_path: Path) -> None:
    assert sample_of({"kind": "sample", "step": 1, "path": "../../secret.png"}, tmp_path) is None
    assert sample_of({"kind": "loss", "step": 1}, tmp_path) is None
    assert sample_of({"kind": "sample", "path": "samples/1.png"}, tmp_path) is None


def test_what_a_recipe_must_say(labs: tuple[str, str], tmp_path: Path) -> None:
    written = spec(tmp_path, labs).recipe
    with pytest.raises(DataError, match="Source and target are the same files"):
        spec_of({**written, "target": written["source"]}, "tiny")
    with pytest.raises(RecipeError, match="source: Value error, name the images of this domain"):
        spec_of({**written, "source": {}}, "tiny")
    with pytest.raises(ModelError, match="nowhere"):
        spec_of({**written, "parent": "nowhere"}, "tiny")
    with pytest.raises(DataError, match=r"gone\.svs is not there"):
        spec_of({**written, "source": {"slides": [str(tmp_path / "gone.svs")]}}, "tiny")

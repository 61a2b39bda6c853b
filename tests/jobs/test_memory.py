"""A job whose memory runs out goes on with smaller parts and says so, or ends with a sentence and can be resumed."""

from __future__ import annotations

import pytest
import torch

from cytoshift.detection.learning import DetectorLearning
from cytoshift.jobs import create
from cytoshift.jobs.runner import run


@pytest.fixture
def holding(monkeypatch):
    """Return a function that says how many images the device holds from now on, when learning or when measuring."""
    loss, validate = DetectorLearning.loss, DetectorLearning.validate

    def hold(images: int, *, measured: bool = True) -> None:
        def learn(task, batch):
            if len(batch.images) > images:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return loss(task, batch)

        def measure(task, network):
            if not measured:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
            return validate(task, network)

        monkeypatch.setattr(DetectorLearning, "loss", learn)
        monkeypatch.setattr(DetectorLearning, "validate", measure)

    return hold


def test_it_goes_on_with_half_and_says_so(tmp_path, small, holding):
    holding(1)
    job = create(small(), tmp_path / "job")
    result = run(job.folder)
    assert result.state == "done", result.message
    notes = [event["text"] for event in job.events()[0] if event["kind"] == "note"]
    assert "memory ran out: from now on 1 of 2 images at once, with the same batch" in notes


@pytest.mark.parametrize(("images", "measured"), [(0, True), (2, False)])
def test_it_ends_with_a_sentence_and_goes_on_with_room(tmp_path, small, holding, images, measured):
    holding(images, measured=measured)
    job = create(small(), tmp_path / "job")
    result = run(job.folder)
    assert result.state == "failed"
    assert "memory" in result.message.lower()
    assert "resume" in result.message
    assert "\n" not in result.message
    holding(2)
    assert run(job.folder).state == "done"

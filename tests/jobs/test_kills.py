"""Jobs that are killed again and again: the same curve and the same model to the bit, and little done twice.

A CycleGAN, for it has all that a training can have: two networks with one average, opponents with an optimizer of
their own, pools of old images, and a validation that shows pictures.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
from laboratories import BLUE, PINK, write_fields

from cytoshift.jobs import Job, TrainSpec, create, read_events
from cytoshift.jobs.folder import EVENTS
from cytoshift.jobs.train import spec_of
from napari_cytoshift.widgets.adapt_jobs import Course

KILLS = int(os.environ.get("CYTOSHIFT_JOB_KILLS", "3"))
STEPS, EVERY = 200, 10
"""Steps of the job, and from one checkpoint to the next."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")


def recipe(source: str, target: str) -> dict[str, Any]:
    return {
        "task": "translation",
        "id": "killed",
        "title": "Killed",
        "mpp": 0.5,
        "crop": 32,
        "source": {"path": source, "mpp": 0.5},
        "target": {"path": target, "mpp": 0.5},
        "architecture": {
            "method": "cyclegan",
            "steps": 1,
            "tile": 256,
            "generator": {"arch": "plain", "width": 4, "blocks": 1},
        },
        "critics": {"width": 4},
        "rehearsal": 20,
        "training": {
            "steps": STEPS,
            "batch": 1,
            "warmup": 10,
            "validate_every": 25,
            "checkpoint_every": EVERY,
            "device": "cpu",
        },
    }


def work(folder: str, where: str) -> None:
    """Run a job as its own process does; killed at a place, where one is named."""
    from cytoshift.jobs import runner
    from cytoshift.training.loop import CHECKPOINT
    from cytoshift.translation.learning import TranslatorLearning

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    rename = os.replace

    def replace(source: Any, destination: Any) -> None:
        if Path(destination).name == CHECKPOINT and Path(destination).exists():
            die()
        rename(source, destination)

    if where == "rename":
        os.replace = replace
    elif where == "validation":
        TranslatorLearning.validate = die  # type: ignore[assignment,method-assign]
    sys.exit(runner.main([folder]))


class Trainer:
    """Starts processes that have torch already, so that thirty take no longer than what they compute."""

    def __init__(self, spec: TrainSpec, folder: Path) -> None:
        self.job: Job = create(spec, folder)
        context = multiprocessing.get_context("forkserver")
        assert isinstance(context, ForkServerContext)
        context.set_forkserver_preload(["cytoshift.jobs.runner", "cytoshift.jobs.train"])
        self._context = context

    def begin(self, where: str = "") -> multiprocessing.Process:
        process = self._context.Process(target=work, args=(str(self.job.folder), where))
        process.start()
        return process  # type: ignore[return-value]

    def losses(self) -> dict[int, tuple[float, ...]]:
        """Return the parts of the loss at each step, as they were said last."""
        events, _ = read_events(self.job.folder / EVENTS)
        return {e["step"]: values(e) for e in events if e["kind"] == "loss"}

    def repeated(self) -> int:
        """Return how many steps the last start did again."""
        events, _ = read_events(self.job.folder / EVENTS)
        starts = [at for at, event in enumerate(events) if event.get("state") == "running"]
        before, after = events[: starts[-1]], events[starts[-1] :]
        done = max((event["step"] for event in before if event["kind"] == "loss"), default=0)
        first = next((event["step"] for event in after if event["kind"] == "loss"), done + 1)
        return int(done + 1 - first)

    def drawn(self) -> tuple[object, ...]:
        """Return what the window draws of the job: its curves, and the steps of which it shows pictures."""
        course = Course()
        for event in read_events(self.job.folder / EVENTS)[0]:
            course.add(event, self.job.folder)
        return course.steps, course.losses, course.smooth, course.scores, [one.step for one in course.samples]

    def weights(self) -> bytes:
        return (self.job.folder / "model" / "weights.safetensors").read_bytes()


def values(event: dict[str, Any]) -> tuple[float, ...]:
    return tuple(value for name, value in event.items() if name not in ("kind", "step", "time"))


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> TrainSpec:
    folder = tmp_path_factory.mktemp("labs")
    labs = [write_fields(folder / name, 2, 128, look) for name, look in (("a", PINK), ("b", BLUE))]
    return spec_of(recipe(*labs), "killed").model_copy(update={"threads": 1})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, spec: TrainSpec) -> Trainer:
    """Return a job that nobody killed."""
    trainer = Trainer(spec, tmp_path_factory.mktemp("whole") / "job")
    process = trainer.begin()
    process.join()
    assert process.exitcode == 0, trainer.job.result
    return trainer


def killed_at(trainer: Trainer, step: int, delay: float) -> None:
    """Kill a process of the job some moments after it has taken a step."""
    process, position = trainer.begin(), 0
    events: list[dict[str, Any]] = []
    while not any(event["kind"] == "loss" and event["step"] >= step for event in events):
        assert process.is_alive(), trainer.job.result
        process.join(0.002)
        events, position = read_events(trainer.job.folder / EVENTS, position)
    process.join(delay)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert trainer.job.state == "interrupted"


def test_the_same_curve_and_model_however_often_it_is_killed(tmp_path, spec, whole):
    trainer, most = Trainer(spec, tmp_path / "job"), 0

    def check() -> None:
        """Look at what a start did again, and at the curve so far."""
        nonlocal most
        most = max(most, trainer.repeated())
        losses = trainer.losses()
        assert losses == {step: loss for step, loss in whole.losses().items() if step <= max(losses)}

    for where in ("rename", "validation"):  # at step 20, when a checkpoint is written but in no place yet, and at 25
        process = trainer.begin(where)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        check()
    chance = random.Random(KILLS)
    for step in sorted(chance.randint(26, STEPS - 5) for _ in range(KILLS)):
        killed_at(trainer, step, chance.uniform(0, 0.02))
        check()
    process = trainer.begin()
    process.join()
    assert process.exitcode == 0, trainer.job.result
    check()
    print(f"{KILLS + 2} kills: at most {most} of {STEPS} steps done twice at a time, the same curve and model")
    assert 0 < most <= EVERY
    assert trainer.weights() == whole.weights()
    assert trainer.drawn() == whole.drawn()
    left = [path.name for path in trainer.job.folder.rglob(".*")]
    assert left == []

"""The training loop: resumes bit for bit, keeps the best, obeys."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from cytoshift.errors import Cancelled, DataError, ModelError
from cytoshift.training import TrainingSettings, TrainingTask, fit
from cytoshift.training.checkpoint import read_tensors, write_tensors
from cytoshift.training.ema import Ema
from cytoshift.training.loop import CHECKPOINT
from cytoshift.training.schedule import Plateau, warmup_cosine


class Line(TrainingTask):
    """Fits y = 2 x + 1 with a batch norm in between, so that buffers count too."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(1, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))

    def batch(self, step: int) -> Tensor:
        return torch.rand(16, 1, generator=torch.Generator().manual_seed(step))

    def loss(self, batch: Tensor) -> dict[str, Tensor]:
        return {"error": ((self.network(batch) - 2 * batch - 1) ** 2).mean()}

    def validate(self, network: nn.Module) -> dict[str, float]:
        x = torch.linspace(0, 1, 11)[:, None]
        return {"score": -float(((network(x) - 2 * x - 1) ** 2).mean())}


class Wish:
    """Stops after so many polls."""

    def __init__(self, after: int = 10**9, wish: Literal["stop_early", "cancel"] = "cancel") -> None:
        self.left, self.wish = after, wish

    def state(self) -> Literal["run", "stop_early", "cancel"]:
        self.left -= 1
        return self.wish if self.left < 0 else "run"


SETTINGS = TrainingSettings(
    steps=60, warmup=5, learning_rate=1e-2, validate_every=20, checkpoint_every=7, device="cpu", ema_decay=0.9
)


def ignore(_: dict[str, Any]) -> None: ...


def test_it_learns(tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    result = fit(Line(), SETTINGS, tmp_path, emit=events.append, control=Wish())
    losses = [event["error"] for event in events if event["kind"] == "loss"]
    assert losses[-1] < losses[0] / 4
    assert [event["step"] for event in events if event["kind"] == "validation"] == [20, 40, 60]
    best = max((e for e in events if e["kind"] == "validation"), key=lambda event: event["score"])
    assert (result.best_step, result.metrics["score"]) == (best["step"], best["score"])


@pytest.mark.parametrize("interrupted_at", [8, 33, 59])
def test_a_resumed_run_ends_bit_for_bit_as_the_uninterrupted_one(tmp_path: Path, interrupted_at: int) -> None:
    whole = fit(Line(), SETTINGS, tmp_path / "whole", emit=ignore, control=Wish())
    with pytest.raises(Cancelled):
        fit(Line(), SETTINGS, tmp_path / "parts", emit=ignore, control=Wish(interrupted_at))
    notes: list[dict[str, Any]] = []
    parts = fit(Line(), SETTINGS, tmp_path / "parts", emit=notes.append, control=Wish())
    assert notes[0]["text"] == f"resumed at step {interrupted_at // 7 * 7}"
    assert parts.metrics == whole.metrics
    assert all(torch.equal(parts.state[name], tensor) for name, tensor in whole.state.items())
    ends = [read_tensors(tmp_path / part / CHECKPOINT)[0] for part in ("whole", "parts")]
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


@pytest.mark.parametrize("other", ["version", "network"])
def test_a_checkpoint_of_something_else_is_refused_and_stays(tmp_path: Path, other: str) -> None:
    with pytest.raises(Cancelled):
        fit(Line(), SETTINGS, tmp_path, emit=ignore, control=Wish(8))
    tensors, header = read_tensors(tmp_path / CHECKPOINT)
    task = Line()
    if other == "version":
        write_tensors(
            tmp_path / CHECKPOINT, tensors, {name: header[name] for name in ("step", "best_step", "best_score")}
        )
    else:
        task.network = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1))
    before = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(ModelError, match="of another training or version"):
        fit(task, SETTINGS, tmp_path, emit=ignore, control=Wish())
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_stopping_early_keeps_the_best(tmp_path: Path) -> None:
    result = fit(Line(), SETTINGS, tmp_path, emit=ignore, control=Wish(25, "stop_early"))
    assert result.steps == 25
    assert result.best_step in (20, 25)


def test_a_loss_that_is_no_number_is_said(tmp_path: Path) -> None:
    class Broken(Line):
        def loss(self, batch: Tensor) -> dict[str, Tensor]:
            return {"error": self.network(batch).mean() * float("nan")}

    with pytest.raises(DataError, match="lower learning_rate"):
        fit(Broken(), SETTINGS, tmp_path, emit=ignore, control=Wish())


def test_schedule_is_a_ramp_and_half_a_cosine() -> None:
    rates = [warmup_cosine(step, steps=110, warmup=10, final=0.1) for step in range(110)]
    assert rates[:10] == pytest.approx([(k + 1) / 10 for k in range(10)])
    assert rates[10] == pytest.approx(1.0)
    assert rates[60] == pytest.approx(0.1 + 0.9 / 2)
    assert warmup_cosine(110, steps=110, warmup=10, final=0.1) == pytest.approx(0.1)


def test_ema_follows_its_closed_form() -> None:
    network = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        network.weight.fill_(0.0)
    average = Ema(network, decay=0.9)
    expected = 0.0
    for step in range(200):
        with torch.no_grad():
            network.weight.fill_(float(step))
        average.update(network, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert float(average.network.weight) == pytest.approx(expected, rel=1e-5)


def test_a_torn_checkpoint_is_said(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    write_tensors(path, {"a": torch.arange(100.0)}, {"step": 3})
    assert read_tensors(path)[1] == {"step": 3}
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(Exception, match="damaged"):
        read_tensors(path)


class Straight(TrainingTask):
    """Fits a line without batch norm, so that parts of a batch can be added up exactly."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = nn.Linear(1, 1)

    def batch(self, step: int) -> Tensor:
        return torch.rand(10, 1, generator=torch.Generator().manual_seed(step))

    def parts(self, batch: Tensor, at_once: int | None) -> Iterator[tuple[Tensor, float]]:
        for part in batch.split(at_once or len(batch)):
            yield part, len(part) / len(batch)

    def loss(self, batch: Tensor) -> dict[str, Tensor]:
        return {"error": ((self.network(batch) - 2 * batch - 1) ** 2).mean()}

    def validate(self, network: nn.Module) -> dict[str, float]:
        return {"score": 0.0}


@pytest.mark.parametrize("at_once", [1, 3, 10])
def test_a_batch_in_parts_is_the_same_batch(tmp_path: Path, at_once: int) -> None:
    events: dict[str, list[dict[str, Any]]] = {"whole": [], "parts": []}
    results = {
        name: fit(
            Straight(),
            SETTINGS.model_copy(update={"at_once": size}),
            tmp_path / name,
            emit=events[name].append,
            control=Wish(),
        )
        for name, size in (("whole", None), ("parts", at_once))
    }
    for name, tensor in results["whole"].state.items():
        torch.testing.assert_close(results["parts"].state[name], tensor, atol=1e-5, rtol=1e-5)
    losses = [[event["error"] for event in events[name] if event["kind"] == "loss"] for name in events]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_the_average_is_there_to_learn_from(tmp_path: Path) -> None:
    class Pupil(Line):
        def loss(self, batch: Tensor) -> dict[str, Tensor]:
            with torch.no_grad():
                wanted = self.average(batch)
            assert not self.average.training
            return {**super().loss(batch), "as its average": (self.network(batch) - wanted).square().mean()}

    events: list[dict[str, Any]] = []
    fit(Pupil(), SETTINGS, tmp_path, emit=events.append, control=Wish())
    parts = [event["as its average"] for event in events if event["kind"] == "loss"]
    assert parts[10] > 0


PLATEAU = SETTINGS.model_copy(
    update={"schedule": "plateau", "plateau_patience": 1, "plateau_factor": 0.5, "validate_every": 4, "warmup": 0}
)


def test_a_plateau_lowers_the_rate_and_patience_ends(tmp_path: Path) -> None:
    """Straight's score never gets better: the rate halves after every second validation."""
    settings = PLATEAU.model_copy(update={"patience": 6})
    notes: list[dict[str, Any]] = []
    result = fit(Straight(), settings, tmp_path, emit=notes.append, control=Wish())
    assert (result.best_step, result.steps) == (4, 28)  # the first is the best, six more bring nothing
    assert any("6 validations brought nothing new" in event.get("text", "") for event in notes)


def test_plateaus_go_on_where_a_run_was_interrupted(tmp_path: Path) -> None:
    whole = fit(Straight(), PLATEAU, tmp_path / "whole", emit=ignore, control=Wish())
    with pytest.raises(Cancelled):
        fit(Straight(), PLATEAU, tmp_path / "parts", emit=ignore, control=Wish(30))
    parts = fit(Straight(), PLATEAU, tmp_path / "parts", emit=ignore, control=Wish())
    assert all(torch.equal(parts.state[name], tensor) for name, tensor in whole.state.items())
    tensors = [read_tensors(tmp_path / part / CHECKPOINT)[0] for part in ("whole", "parts")]
    assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])
    header = read_tensors(tmp_path / "parts" / CHECKPOINT)[1]
    assert header["plateau"] == [0.5**7, 0]


def test_a_plateau_is_one_of_validations_without_a_better_one() -> None:
    plateau = Plateau(factor=0.1, patience=2)
    shares = []
    for better in (True, False, False, False, False, True, False, False, False):
        plateau.validated(better)
        shares.append(plateau.share)
    assert shares == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.01])

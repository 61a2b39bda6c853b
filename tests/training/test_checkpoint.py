"""A checkpoint holds all that a training goes on from: without any part of it, it would go on otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from cytoshift.errors import Cancelled
from cytoshift.training import TrainingSettings, TrainingTask, fit
from cytoshift.training.checkpoint import read_tensors, write_tensors
from cytoshift.training.loop import CHECKPOINT

SETTINGS = TrainingSettings(
    steps=40,
    warmup=5,
    learning_rate=1e-2,
    schedule="plateau",
    plateau_factor=0.5,
    plateau_patience=0,
    validate_every=6,
    checkpoint_every=7,
    ema_decay=0.9,
    device="cpu",
)
SCORES = (0.0, 1.0, 5.0, 4.0, 3.0, 4.5, 2.0)
"""What each validation says: the best comes early, so that what was counted since lasts to the end."""

STOPPED = 24
"""Steps after which a training is interrupted; its checkpoint is of step 21."""


class Duel(TrainingTask):
    """A network that drops some of its values at random, learns from its average, and has an opponent."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(1, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 1))
        self.opponents = nn.Linear(1, 1)

    def batch(self, step: int) -> Tensor:
        return torch.rand(16, 1, generator=torch.Generator().manual_seed(step))

    def loss(self, batch: Tensor) -> dict[str, Tensor]:
        assert self.opponents is not None
        made = self.network(batch)
        with torch.no_grad():
            wanted = self.average(batch)
        return {
            "error": (made - 2 * batch).square().mean(),
            "average": (made - wanted).square().mean(),
            "deceived": (self.opponents(made) - 1).square().mean(),
        }

    def opposing_loss(self, batch: Tensor) -> dict[str, Tensor]:
        assert self.opponents is not None
        with torch.no_grad():
            made = self.network(batch)
        return {"critic": (self.opponents(made) + 1).square().mean() + (self.opponents(batch) - 1).square().mean()}

    def validate(self, network: nn.Module) -> dict[str, float]:
        seen = network.get_buffer("1.num_batches_tracked")  # twice a step: by the loss and by the opponent's
        return {"score": SCORES[int(seen) // 2 // SETTINGS.validate_every]}


class Until:
    """Asks to cancel after so many steps."""

    def __init__(self, steps: int = 10**9) -> None:
        self.left = steps

    def state(self) -> Literal["run", "cancel"]:
        self.left -= 1
        return "cancel" if self.left < 0 else "run"


def ignore(_: dict[str, Any]) -> None: ...


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the last checkpoint of a training that nobody interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    fit(Duel(), SETTINGS, folder, emit=ignore, control=Until())
    return read_tensors(folder / CHECKPOINT)


def interrupted(folder: Path) -> Path:
    """Interrupt a training and return its checkpoint."""
    with pytest.raises(Cancelled):
        fit(Duel(), SETTINGS, folder, emit=ignore, control=Until(STOPPED))
    return folder / CHECKPOINT


def goes_on(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    torch.manual_seed(99)  # another process would stand elsewhere
    fit(Duel(), SETTINGS, folder, emit=ignore, control=Until())
    return read_tensors(folder / CHECKPOINT)


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_with_all_of_it_the_training_ends_the_same_to_the_bit(tmp_path, whole):
    interrupted(tmp_path)
    tensors, header = goes_on(tmp_path)
    assert same(tensors, whole[0])
    assert header == whole[1]


@pytest.mark.parametrize("part", ["network", "average", "optimizer", "opponents", "opposing", "random.cpu"])
def test_every_part_counts(tmp_path, whole, part):
    checkpoint = interrupted(tmp_path)
    tensors, header = read_tensors(checkpoint)
    elsewhere = torch.Generator().manual_seed(5).get_state()
    spoilt = {
        name: elsewhere if part == "random.cpu" else torch.zeros_like(tensor)
        for name, tensor in tensors.items()
        if name.startswith(part) and (part == "random.cpu" or tensor.is_floating_point())
    }
    assert spoilt
    write_tensors(checkpoint, tensors | spoilt, header)
    assert not same(goes_on(tmp_path)[0], whole[0])


@pytest.mark.parametrize(
    ("name", "value"), [("step", 20), ("plateau", [1.0, 0]), ("best_score", 100.0), ("worse", 1000)]
)
def test_every_number_counts(tmp_path, whole, name, value):
    checkpoint = interrupted(tmp_path)
    tensors, header = read_tensors(checkpoint)
    assert header[name] != value
    write_tensors(checkpoint, tensors, {**header, name: value})
    tensors, header = goes_on(tmp_path)
    assert not same(tensors, whole[0]) or header != whole[1]


def test_what_a_killed_writer_left_is_removed(tmp_path):
    interrupted(tmp_path)
    (tmp_path / f".{CHECKPOINT}-abc").write_bytes(b"half")
    (tmp_path / ".other-abc").write_bytes(b"of somebody else")
    goes_on(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other-abc", "best.safetensors", CHECKPOINT]

"""Two ranks take the steps that one process takes, whatever they learn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import rank_cases
import rank_starter
import torch
from torch import Tensor

from cytoshift.training.checkpoint import read_tensors
from cytoshift.training.loop import BEST, CHECKPOINT

MOMENTS = 0.03
"""How far what the gradients were, the optimizers' first moments, may be apart, as a share of their length.

On flat drawn pictures torch's own batch normalization in float32 is off by half of that, measured against doubles.
Weights say less: a step of Adam is as long as the learning rate, also along a gradient that is nothing but rounding,
as that of a bias before a normalization is. So the rate is small, and the losses show that the weights are the same.
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which two ranks have run all cases."""
    folder = tmp_path_factory.mktemp("ranks")
    rank_cases.draw(folder)
    ranks = rank_starter.start_ranks([rank_cases.__file__, str(folder), *rank_cases.CASES])
    said = [rank.communicate() for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], said
    return folder


def losses(events: list[dict[str, Any]]) -> list[dict[str, float]]:
    return [
        {k: v for k, v in event.items() if k not in ("kind", "step")} for event in events if event["kind"] == "loss"
    ]


@pytest.mark.parametrize("name", rank_cases.CASES)
def test_two_ranks_are_one(home: Path, tmp_path: Path, name: str) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        [(_, events, alone)] = rank_cases.run([name], home, tmp_path)
    finally:
        torch.set_num_threads(threads)
    said = [json.loads((home / f"rank-{rank}.json").read_text())[name] for rank in (0, 1)]
    one, two = losses(events), losses(said[0])
    assert two == losses(said[1])
    assert len(one) == rank_cases.STEPS
    for ours, theirs in zip(one, two, strict=True):
        assert theirs == pytest.approx(ours, abs=1e-5, rel=1e-5)
    together, kept = (read_tensors(home / "ranks" / name / file)[0] for file in (BEST, CHECKPOINT))
    for key, tensor in alone.items():
        torch.testing.assert_close(together[key], tensor, atol=1e-5, rtol=1e-4, msg=f"{name}: {key}")
    ours, theirs = (moments(each) for each in (read_tensors(tmp_path / name / CHECKPOINT)[0], kept))
    assert float((ours - theirs).norm()) < MOMENTS * float(ours.norm())


def moments(checkpoint: dict[str, Tensor]) -> Tensor:
    return torch.cat([checkpoint[key].flatten() for key in sorted(checkpoint) if key.endswith(".exp_avg")])

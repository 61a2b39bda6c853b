"""A small model on the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cytoshift.models import Card, Model, Registry, intake, save_model


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 3, generator=generator)
    return {"layer.weight": weight, "layer.tied": weight, "half": weight.half().t(), "steps": torch.tensor(7)}


@pytest.fixture
def make_model(tmp_path: Path, state: dict[str, torch.Tensor]) -> Callable[..., Model]:
    def make(name: str = "model", *, identifier: str = "detector-test", task: str = "detector", **more: Any) -> Model:
        card = Card(
            id=identifier,
            title="A test model",
            task=task,  # type: ignore[arg-type]
            classes=("NILM", "HSIL"),
            mpp=0.25,
            architecture={"backbone": "tiny"},
            threshold=0.4,
            metrics={"mAP50": 0.5},
            licence="CC0",
            **more,
        )
        return save_model(tmp_path / "made" / name, card, state)

    return make


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Return a registry that asks of no network: `make_model` makes none; `test_malicious` says what is asked."""
    monkeypatch.setattr(intake, "check_fit", lambda model: model.verify())
    return Registry(tmp_path / "registry", starters=tmp_path / "starters")

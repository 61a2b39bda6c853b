"""The operator of a model gets everything that the card and the weights say."""

from __future__ import annotations

import pytest
import torch

from cytoshift import detection
from cytoshift.errors import ModelError
from cytoshift.models import build_operator


@pytest.mark.parametrize(("asked", "expected"), [(None, 0.4), (0.0, 0.0), (0.9, 0.9)])
def test_a_detector_is_built_from_its_card(make_model, state, monkeypatch, asked, expected):
    class Recorder:
        @classmethod
        def from_model(cls, **given):
            return given

    monkeypatch.setattr(detection, "DetectorOperator", Recorder, raising=False)
    model = make_model(thresholds={"HSIL": 0.7}, calibration={"a": 2.0, "b": -1.0})
    given = build_operator(model, threshold=asked)
    assert torch.equal(given.pop("state")["layer.weight"], state["layer.weight"])
    assert given == {
        "architecture": {"backbone": "tiny"},
        "classes": ("NILM", "HSIL"),
        "mpp": 0.25,
        "model_id": "detector-test",
        "version": model.card.sha256,
        "threshold": expected,
        "thresholds": {"HSIL": 0.7} if asked is None else {},
        "calibration": {"a": 2.0, "b": -1.0},
    }


def test_a_task_without_a_method_is_named(make_model):
    with pytest.raises(ModelError, match="is a mitosis model, which this version cannot run"):
        build_operator(make_model(task="mitosis"))

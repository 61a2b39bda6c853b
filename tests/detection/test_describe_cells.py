"""A detector describes crops by its own features."""

from __future__ import annotations

import numpy as np
import torch

from cytoshift.detection import Architecture, DetectorOperator, build_network
from cytoshift.detection.describe import SIDE


def test_crops_are_described_by_the_middle_of_the_trunk():
    torch.manual_seed(0)
    plan = Architecture(channels=32)
    operator = DetectorOperator(
        build_network(plan, 2), plan, classes=("a", "b"), mpp=0.5, model_id="d", version="1", device="cpu"
    )
    describer = operator.describer()
    assert (describer.mpp, describer.side, describer.model) == (0.5, SIDE, ("d", "1"))
    crops = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    described = describer.describe(crops)
    assert described.shape == (3, 128)
    assert described.dtype == np.float32
    assert np.allclose(describer.describe(crops[1:2])[0], described[1], atol=1e-5)
    assert not np.allclose(described[0], described[1])

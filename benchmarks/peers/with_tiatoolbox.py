"""tiatoolbox, which fits every image anew in each call."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import cv2
from tiatoolbox.tools.stainnorm import get_normalizer

from benchmarks.peers.worker import Calls

METHODS = ("macenko", "reinhard", "vahadane")


def load(image: Any, target: Any) -> tuple[Calls, Calls]:
    """Fit each method to the target once."""
    cv2.setNumThreads(1)
    logging.disable()  # Vahadane's warning of itself
    runs: Calls = {}
    for name in METHODS:
        normalizer = get_normalizer(name)
        normalizer.fit(target)
        runs[name] = partial(normalizer.transform, image)
    return runs, {}

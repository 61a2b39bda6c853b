"""lsnms's suppression over a tree, in the way it is called by default."""

from __future__ import annotations

from functools import partial

import numpy as np
from lsnms import nms

from benchmarks.detecting.crowd import IOU, crowd, fingerprint
from benchmarks.peers.worker import Calls


def given(counts: list[int]) -> tuple[Calls, Calls]:
    """Make the crowds; each is suppressed by the name of its number."""
    runs = {str(n): partial(nms, *crowd(n), iou_threshold=IOU) for n in counts}
    return dict(runs), {name: partial(lambda run: fingerprint(np.asarray(run())), run) for name, run in runs.items()}

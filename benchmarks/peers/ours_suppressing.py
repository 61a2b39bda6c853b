"""Our suppression, as it merges what tiles found."""

from __future__ import annotations

from functools import partial

from benchmarks.detecting.crowd import IOU, crowd, fingerprint
from benchmarks.peers.worker import Calls
from cytoshift.engine import nms


def given(counts: list[int]) -> tuple[Calls, Calls]:
    """Make the crowds; each is suppressed by the name of its number."""
    runs = {str(n): partial(nms, *crowd(n), IOU) for n in counts}
    return dict(runs), {name: partial(lambda run: fingerprint(run()), run) for name, run in runs.items()}

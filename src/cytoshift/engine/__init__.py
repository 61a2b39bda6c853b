"""The engine: the only code that walks a slide. Nothing here imports torch before it is needed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cytoshift.engine.blend import Blended
    from cytoshift.engine.cluster import ClusterExecutor
    from cytoshift.engine.delta import ClassDelta, Delta, compare_findings
    from cytoshift.engine.derived import DerivedSlide
    from cytoshift.engine.describing import Describer, describe_cells, unlikeness
    from cytoshift.engine.device import pick_device
    from cytoshift.engine.doubles import Distance, Doubles, Overlap
    from cytoshift.engine.executor import Executor, LocalExecutor
    from cytoshift.engine.findings import Box, Findings, Provenance
    from cytoshift.engine.grid import Tile, TileGrid
    from cytoshift.engine.merge import nms
    from cytoshift.engine.operator import FindingOperator, ImageOperator, Needs, Operator, TileBoxes
    from cytoshift.engine.preview import PreviewSlide
    from cytoshift.engine.progress import CancelToken, Meter, Progress, Report
    from cytoshift.engine.remote import Build, Remote
    from cytoshift.engine.runs import run_findings, run_image
    from cytoshift.engine.view import View

_HOMES = {
    "blend": ("Blended",),
    "cluster": ("ClusterExecutor",),
    "delta": ("ClassDelta", "Delta", "compare_findings"),
    "derived": ("DerivedSlide",),
    "describing": ("Describer", "describe_cells", "unlikeness"),
    "device": ("pick_device",),
    "doubles": ("Distance", "Doubles", "Overlap"),
    "executor": ("Executor", "LocalExecutor"),
    "findings": ("Box", "Findings", "Provenance"),
    "grid": ("Tile", "TileGrid"),
    "merge": ("nms",),
    "operator": ("FindingOperator", "ImageOperator", "Needs", "Operator", "TileBoxes"),
    "preview": ("PreviewSlide",),
    "progress": ("CancelToken", "Meter", "Progress", "Report"),
    "remote": ("Build", "Remote"),
    "runs": ("run_findings", "run_image"),
    "view": ("View",),
}

__all__ = [
    "Blended",
    "Box",
    "Build",
    "CancelToken",
    "ClassDelta",
    "ClusterExecutor",
    "Delta",
    "DerivedSlide",
    "Describer",
    "Distance",
    "Doubles",
    "Executor",
    "FindingOperator",
    "Findings",
    "ImageOperator",
    "LocalExecutor",
    "Meter",
    "Needs",
    "Operator",
    "Overlap",
    "PreviewSlide",
    "Progress",
    "Provenance",
    "Remote",
    "Report",
    "Tile",
    "TileBoxes",
    "TileGrid",
    "View",
    "compare_findings",
    "describe_cells",
    "nms",
    "pick_device",
    "run_findings",
    "run_image",
    "unlikeness",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for, and no more: findings can be reviewed without zarr or numba being loaded."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"cytoshift.engine.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

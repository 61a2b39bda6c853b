"""A run that is killed goes on where it was, and comes out as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from same_bytes import level0

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")

CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import numpy as np
from same_bytes import ArraySlide, noise
from cytoshift.engine import FindingOperator, ImageOperator, Needs, TileBoxes, run_findings, run_image


class Smear(ImageOperator):
    key = title = "smear"
    needs = Needs(tile=384, halo=8, batch=2)

    def apply(self, tiles):
        return np.maximum(tiles, np.roll(tiles, 3, axis=2))


class Bright(FindingOperator):
    key = title = "bright"
    needs = Needs(tile=128, halo=16, batch=2)
    classes, model, threshold = ("bright",), ("bright", "1"), 0.0

    def find(self, tiles):
        return [self.one(tile) for tile in tiles]

    def one(self, tile):
        y, x = np.nonzero((tile > 250).all(axis=-1))
        boxes = np.stack([x, y, x + 3, y + 3], axis=1).astype(np.float32)
        return TileBoxes(boxes, np.linspace(0.1, 1, len(x), dtype=np.float32), np.zeros(len(x), np.int16))


def report(progress):
    print(progress.done, flush=True)


slide, out = ArraySlide(noise(1500, 1700)), Path(sys.argv[3])
if sys.argv[2] == "image":
    run_image(slide, Smear(), out, report=report)
else:
    found = run_findings(slide, Bright(), journal=out.with_suffix(".journal"), report=report)
    np.savez(out, boxes=found.boxes, scores=found.scores)
"""


def run(kind: str, out: Path, kill_after: int | None = None) -> None:
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), kind, str(out)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout:
        for line in child.stdout:
            if kill_after is not None and int(line) >= kill_after:
                child.send_signal(signal.SIGKILL)
                break
    expected = 0 if kill_after is None else -signal.SIGKILL
    assert child.wait() == expected


def test_killed_image_runs_go_on(tmp_path: Path) -> None:
    run("image", tmp_path / "whole.ome.zarr")
    for units in (2, 12):
        run("image", tmp_path / "killed.ome.zarr", kill_after=units)
        assert not (tmp_path / "killed.ome.zarr").exists()
    run("image", tmp_path / "killed.ome.zarr")
    for file in (tmp_path / "whole.ome.zarr").rglob("*"):
        if file.is_file() and file.name != "zarr.json":
            twin = tmp_path / "killed.ome.zarr" / file.relative_to(tmp_path / "whole.ome.zarr")
            assert twin.read_bytes() == file.read_bytes()
    assert level0(tmp_path / "killed.ome.zarr").shape == (1500, 1700, 3)
    assert {path.name for path in tmp_path.iterdir()} == {"whole.ome.zarr", "killed.ome.zarr"}


def test_killed_searches_go_on(tmp_path: Path) -> None:
    run("findings", tmp_path / "whole.npz")
    run("findings", tmp_path / "killed.npz", kill_after=40)
    run("findings", tmp_path / "killed.npz")
    with np.load(tmp_path / "whole.npz") as whole, np.load(tmp_path / "killed.npz") as killed:
        assert len(whole["boxes"]) > 10
        np.testing.assert_array_equal(killed["boxes"], whole["boxes"])
        np.testing.assert_array_equal(killed["scores"], whole["scores"])

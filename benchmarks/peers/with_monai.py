"""MONAI's sliding window with a detector that costs nothing, from the file on; a map of the lattice is stitched."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.inferers import sliding_window_inference
from PIL import Image

from benchmarks.detecting.lattice import OVERLAP, STEP, WINDOW, boxes, fingerprint
from benchmarks.peers.worker import Calls

BATCH = 8


def given(file: str, below: float) -> tuple[Calls, Calls]:
    """Stitch a map that is one where the lattice is dark; what lies above a half in it are the boxes."""
    torch.set_num_threads(1)

    def look(windows: torch.Tensor) -> torch.Tensor:
        """Look at every 16th pixel."""
        return (windows[:, 1:2, STEP // 2 :: STEP, STEP // 2 :: STEP] < below).float()

    def found() -> Any:
        with Image.open(file) as image:
            pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float()
        with torch.inference_mode():
            where = sliding_window_inference(pixels, (WINDOW, WINDOW), BATCH, look, overlap=OVERLAP / WINDOW)
        return boxes(where[0, 0].numpy() > 0.5)

    return {"find": found}, {"find": lambda: fingerprint(found())}

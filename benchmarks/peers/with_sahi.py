"""SAHI's sliced prediction with a detector that costs nothing, from the file on."""

from __future__ import annotations

from functools import partial
from typing import Any

import cv2
from sahi.models.base import DetectionModel
from sahi.predict import get_sliced_prediction
from sahi.prediction import ObjectPrediction
from sahi.utils.compatibility import fix_full_shape_list, fix_shift_amount_list

from benchmarks.detecting.lattice import OVERLAP, WINDOW, boxes, dark, fingerprint
from benchmarks.peers.worker import Calls


class Lattice(DetectionModel):
    """Dark points of the lattice."""

    def __init__(self, below: float) -> None:
        self._below = below
        super().__init__(confidence_threshold=0.5, category_mapping={"0": "dark"}, device="cpu")

    def load_model(self) -> None:
        """There is nothing to load."""

    def perform_inference(self, image: Any) -> None:
        """Look at every 16th pixel."""
        self._original_predictions = boxes(dark(image, self._below)).tolist()

    def _create_object_prediction_list_from_original_predictions(
        self, shift_amount_list: Any = None, full_shape_list: Any = None
    ) -> None:
        shift, shape = fix_shift_amount_list(shift_amount_list)[0], fix_full_shape_list(full_shape_list)[0]
        self._object_prediction_list_per_image = [
            [
                ObjectPrediction(
                    bbox=box,
                    category_id=0,
                    category_name="dark",
                    score=1.0,
                    shift_amount=shift,
                    full_shape=shape,
                )
                for box in self._original_predictions
            ]
        ]


def given(file: str, below: float) -> tuple[Calls, Calls]:
    """Slice with the same windows: as it is called by default, or in the cheapest way that finds the same."""
    cv2.setNumThreads(1)
    default = partial(
        get_sliced_prediction,
        file,
        Lattice(below),
        slice_height=WINDOW,
        slice_width=WINDOW,
        overlap_height_ratio=OVERLAP / WINDOW,
        overlap_width_ratio=OVERLAP / WINDOW,
        verbose=0,
    )
    cheapest = partial(default, perform_standard_pred=False, postprocess_type="NMS", postprocess_match_metric="IOU")

    def found(call: partial[Any]) -> list[int]:
        return fingerprint([each.bbox.to_xyxy() for each in call().object_prediction_list])

    calls = {"find": default, "find-cheapest": cheapest}
    return dict(calls), {name: partial(found, call) for name, call in calls.items()}

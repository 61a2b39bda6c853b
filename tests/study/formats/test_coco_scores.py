"""A COCO export means the same to both programs that score detectors with such files."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from faster_coco_eval import COCO as FasterCOCO
from faster_coco_eval import COCOeval_faster

from cytoshift.study.cells import State
from cytoshift.study.formats import coco
from cytoshift.study.formats.annotations import Annotations
from cytoshift.study.formats.picture import Picture

pytest.importorskip("pycocotools")


def scores(make_set, make_evaluation, truth, results):
    """Return the twelve numbers of COCO's summary."""
    with contextlib.redirect_stdout(io.StringIO()):
        known = make_set(str(truth))
        evaluation = make_evaluation(known, known.loadRes(str(results)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return np.array(evaluation.stats[:12], np.float64)


def test_both_programs_give_the_same_scores(predict, tmp_path):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    rng = np.random.default_rng(4)
    found = predict(n=60)
    cells = Annotations.of(found)
    states = np.where(np.arange(60) % 9 == 8, State.UNSURE, State.ACCEPTED).astype(np.uint8)
    truth = coco.write(tmp_path / "truth.json", replace(cells, states=states), Picture("a.tif", 1000, 1000))
    moved = found.boxes + rng.normal(0, 2.5, (60, 4)).astype(np.float32)
    others = (found.labels + (rng.random(60) < 0.2)).astype(np.int16) % 3
    guessed = replace(cells, boxes=moved, labels=others, scores=rng.random(60, np.float32))
    written = coco.write(tmp_path / "guessed.json", guessed, Picture("a.tif", 1000, 1000))
    (tmp_path / "results.json").write_text(json.dumps(json.loads(written.read_text())["annotations"]))

    faster = scores(FasterCOCO, COCOeval_faster, truth, tmp_path / "results.json")
    slower = scores(COCO, COCOeval, truth, tmp_path / "results.json")
    assert 0.1 < slower[0] < slower[1] < 1
    assert np.array_equal(faster, slower)

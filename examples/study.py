"""Keep findings in a study, correct them, take a correction back, and export what is left.

python examples/study.py
"""

import tempfile
from pathlib import Path

import numpy as np

from cytoshift.engine import Findings
from cytoshift.engine.findings import Provenance
from cytoshift.slides import open_slide, samples
from cytoshift.study import State, Study
from cytoshift.study.formats import geojson

folder = Path(tempfile.mkdtemp())
slide = open_slide(samples.cached("home", size=1024))
known = samples.truth(slide.info.path)  # stands for what a model found
findings = Findings(
    known.boxes.astype(np.float32),
    np.ones(len(known.boxes), np.float32),
    known.labels.astype(np.int16),
    tuple(known.classes),
    Provenance(slide.info.identity, model="drawn"),
)

with Study.create(folder / "study") as study:
    identity = study.add_slide(slide)
    run = study.add_findings(findings)
    study.accept(identity, f"{run}:0")
    study.relabel(identity, f"{run}:1", "HSIL")
    study.reject(identity, f"{run}:2")
    study.add(identity, (100, 100, 160, 160), "LSIL")
    study.undo(identity)  # the added cell
    cells = study.cells(identity, run)
    print({state.name.lower(): int((cells.states == state).sum()) for state in State})
    print("wrote", geojson.write(folder / "cells.geojson", cells))

"""Report what a study knows of a slide on one page, as HTML and as PDF.

python examples/report.py
"""

import tempfile
from pathlib import Path

import numpy as np

from cytoshift.engine import Findings
from cytoshift.engine.findings import Provenance
from cytoshift.models import Registry
from cytoshift.report import report_of, slide_page, write_page
from cytoshift.slides import open_slide, samples
from cytoshift.study import Study

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
    study.accept(identity, [f"{run}:0", f"{run}:1"])
    told = report_of(study, identity, Registry(), slide)
    print({count.label: count.cells for count in told.counts}, f"{told.undecided} undecided")
    page = slide_page(told)
    print("wrote", write_page(folder / "report.html", page), write_page(folder / "report.pdf", page))

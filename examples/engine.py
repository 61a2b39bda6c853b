"""Find cells on a slide, seen through a stain method, and write them for QuPath.

python examples/engine.py [SLIDE]
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from cytoshift import stain
from cytoshift.engine import FindingOperator, run_findings
from cytoshift.models import Registry, build_operator
from cytoshift.slides import open_slide, samples
from cytoshift.slides.tissue import find_tissue
from cytoshift.study.formats import geojson

slide = open_slide(sys.argv[1] if len(sys.argv) > 1 else samples.cached("away", size=1024))
detector = build_operator(Registry().find("starter", "detector"))
assert isinstance(detector, FindingOperator)

findings = run_findings(
    slide,
    detector,
    tissue=find_tissue(slide),
    through=stain.method("reinhard"),
    report=lambda progress: print(f"{progress.done} of {progress.total} tiles", end="\r"),
)
counts = Counter(findings.classes[label] for label in findings.labels)
print(f"\n{len(findings)} cells:", dict(counts))
print("wrote", geojson.write(Path(tempfile.mkdtemp()) / "cells.geojson", findings))

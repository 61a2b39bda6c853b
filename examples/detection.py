"""Find cells on a slide, through other colours too, and say what these changed.

python examples/detection.py [SLIDE [MODEL]]
"""

import sys

from cytoshift import stain
from cytoshift.engine import FindingOperator, compare_findings, run_findings
from cytoshift.models import Registry, build_operator
from cytoshift.slides import open_slide, samples

slide = open_slide(sys.argv[1] if len(sys.argv) > 1 else samples.cached("away", size=1024))
model = Registry().find(sys.argv[2] if len(sys.argv) > 2 else "starter", "detector")
detector = build_operator(model, threshold=0.05)  # what is less sure is wanted, too: see below
assert isinstance(detector, FindingOperator)

region = (0.0, 0.0, 1024.0, 1024.0)  # x0, y0, x1, y1 in pixels of the slide
original = run_findings(slide, detector, region=region)
seen = run_findings(slide, detector, region=region, through=stain.method("reinhard"))

for name, found in (("original", original), ("through Reinhard", seen)):
    sure = found.select(found.scores >= model.card.threshold)
    counts = {kind: int((sure.labels == k).sum()) for k, kind in enumerate(sure.classes)}
    print(f"{name}: {len(sure)} cells,", {kind: count for kind, count in counts.items() if count})

# Boxes stay in the original's pixels, so both searches can be matched one to one.
delta = compare_findings(original, seen, threshold=model.card.threshold)
print(f"gained {len(delta.gained)}, lost {len(delta.lost)}, another class {len(delta.changed)}")

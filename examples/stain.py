"""See a slide in the colours of another, and write it so.

python examples/stain.py [SLIDE [REFERENCE]]
"""

import sys
import tempfile
from pathlib import Path

from cytoshift import stain
from cytoshift.engine import DerivedSlide, run_image
from cytoshift.slides import open_slide, samples

slide = open_slide(sys.argv[1] if len(sys.argv) > 1 else samples.cached("away", size=1024))
reference = open_slide(sys.argv[2]) if len(sys.argv) > 2 else None  # None: the reference that is built in

method = stain.method("reinhard", reference).prepare(slide)
print(method.title, method.diagnosis or "fits well")

seen = DerivedSlide(slide, method)  # a slide like any other: nothing is computed before it is read
print("before", slide.read(0, 0, 0, 256, 256).mean(axis=(0, 1)).round(1))
print("after ", seen.read(0, 0, 0, 256, 256).mean(axis=(0, 1)).round(1))

out = run_image(slide, method, Path(tempfile.mkdtemp()) / "normalized.ome.zarr")
print("wrote", out, "with", len(open_slide(out).levels), "levels")

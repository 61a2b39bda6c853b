"""See a slide in the colours of another: any method, its doubts, its stains, half of it, and written to disk.

python examples/stain.py [SLIDE [REFERENCE]]
"""

import sys
import tempfile
from pathlib import Path

from cytoshift import stain
from cytoshift.engine import Blended, DerivedSlide, run_image
from cytoshift.slides import open_slide, samples

folder = Path(tempfile.mkdtemp())
slide = open_slide(sys.argv[1] if len(sys.argv) > 1 else samples.cached("away", size=1024))

# A reference is measured once, for all methods, and can be saved. Without one, a method has its own.
home = stain.open_reference(sys.argv[2] if len(sys.argv) > 2 else samples.cached("home", size=1024))
reference = stain.open_reference(home.save(folder / "home.json"))

for name in stain.METHODS:
    fitted = stain.method(name, reference).prepare(slide)
    print(f"{fitted.title}: {fitted.diagnosis or 'fits well'}")  # fitted.fallback names the method to prefer

# Stains picked by hand: three of them explain every colour of a Papanicolaou smear.
picked = stain.PAPANICOLAOU.papanicolaou.vectors
by_hand = stain.method("ruifrok", reference, stains=picked).prepare(slide)
amounts = stain.separate(slide.read(0, 400, 400, 256, 256), by_hand.stains, stain.white_point(slide))
print(dict(zip(by_hand.stain_names, amounts.mean(axis=(0, 1)).round(3).tolist(), strict=True)))

method = stain.method("reinhard", reference)
seen = DerivedSlide(slide, method)  # a slide like any other: nothing is computed before it is read
half = DerivedSlide(slide, Blended(method, 0.5))
for title, each in (("before", slide), ("half", half), ("after", seen)):
    print(f"{title:6}", each.read(0, 400, 400, 256, 256).mean(axis=(0, 1)).round(1))

out = run_image(slide, method, folder / "normalized.ome.zarr")
print("wrote", out, "with", len(open_slide(out).levels), "levels")

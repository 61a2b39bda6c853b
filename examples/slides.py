"""Open a slide, say what it is, read a part of it, and find its tissue.

python examples/slides.py [SLIDE]
"""

import sys

from cytoshift.slides import open_slide, samples
from cytoshift.slides.tissue import find_tissue

slide = open_slide(sys.argv[1] if len(sys.argv) > 1 else samples.cached("home", size=1024))
print(slide.name, "read by", slide.info.reader, "at", slide.mpp, "µm/px")
for number, level in enumerate(slide.levels):
    print(f"level {number}: {level.width} x {level.height} px, 1/{level.downsample:g}")

pixels = slide.read(0, y=256, x=256, height=512, width=512)  # uint8 (y, x, 3); white outside the slide
print("mean colour there:", pixels.mean(axis=(0, 1)).round(1))
print(f"tissue: {find_tissue(slide).fraction:.0%} of the slide")

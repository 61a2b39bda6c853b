"""See a slide as another laboratory's scanner shows it: any tile at any time, more steps, and written to disk.

python examples/translation.py [SLIDE [MODEL]]

Without a model, a generator that was taught nothing stands in for one, so that this runs everywhere.
"""

import sys
import tempfile
from pathlib import Path

import torch

from cytoshift.engine import DerivedSlide, run_image
from cytoshift.models import Card, Model, Registry, build_operator, save_model
from cytoshift.slides import open_slide, samples
from cytoshift.translation import Generator, GeneratorPlan, TranslatorArchitecture

folder = Path(tempfile.mkdtemp())
slide = open_slide(sys.argv[1] if len(sys.argv) > 1 else samples.cached("away", size=1024))


def untaught() -> Model:
    """Return a model of the right shape whose weights are random."""
    torch.manual_seed(0)
    architecture = TranslatorArchitecture(generator=GeneratorPlan(width=8, blocks=2), steps=5, tile=256)
    about = architecture.model_dump(mode="json")
    card = Card(id="untaught", title="Untaught", task="translation", mpp=0.25, architecture=about)
    return save_model(folder / "untaught", card, Generator(architecture.generator).state_dict())


model = Registry().find(sys.argv[2], "translation") if len(sys.argv) > 2 else untaught()

for steps in (1, 2):  # how often the generator is asked on the way
    translated = DerivedSlide(slide, build_operator(model, steps=steps))  # nothing is computed before it is read
    print(f"{steps} steps:", translated.read(0, 400, 400, 256, 256).mean(axis=(0, 1)).round(1))

# The whole run gives the bytes of the region above: what normalizes a tile lies between its own and its neighbours'.
out = run_image(slide, build_operator(model), folder / "translated.ome.zarr")
print("wrote", out, "with", len(open_slide(out).levels), "levels")

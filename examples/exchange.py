"""Take cells that another program wrote into a study, see first what that would add, and write them for a third.

python examples/exchange.py
"""

import json
import tempfile
from pathlib import Path

from cytoshift.slides import open_slide, samples
from cytoshift.study import Study, exchange
from cytoshift.study.formats import registry
from cytoshift.study.formats.picture import Picture

folder = Path(tempfile.mkdtemp())
slide = open_slide(samples.cached("home", size=1024))
known = samples.truth(slide.info.path)
coco = {
    "images": [{"id": 1, "file_name": slide.name, "width": slide.levels[0].width, "height": slide.levels[0].height}],
    "categories": [{"id": number, "name": name} for number, name in enumerate(known.classes)],
    "annotations": [
        {"id": at, "image_id": 1, "category_id": int(label), "bbox": [x0, y0, x1 - x0, y1 - y0]}
        for at, ((x0, y0, x1, y1), label) in enumerate(zip(known.boxes.tolist(), known.labels, strict=True))
    ],
}
(folder / "cells.json").write_text(json.dumps(coco))

with Study.create(folder / "study") as study:
    identity = study.add_slide(slide)
    read = registry.read(folder / "cells.json", Picture.of(slide))
    seen = exchange.preview(study, identity, Picture.of(slide), read, "cells.json", truth=True)
    print(seen.sentences())
    exchange.add(study, seen)
    out = exchange.outgoing(study, identity)
    for name in ("cells.geojson", "cells.xml", "cells.csv"):
        print("wrote", registry.write(folder / name, out, slide))
    study.undo(identity)
    print(len(study.cells(identity)), "cells are left after one undo")

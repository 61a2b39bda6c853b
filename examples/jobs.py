"""Teach the starter detector from a study, in a process of its own.

The cells of a drawn slide stand for a person's corrections, and eight steps for a training.

python examples/jobs.py
"""

import tempfile
from pathlib import Path

from cytoshift.jobs import learning_spec, new_job_folder, start
from cytoshift.models import Registry
from cytoshift.slides import open_slide, samples
from cytoshift.study import Study

folder = Path(tempfile.mkdtemp())
slide = open_slide(samples.cached("away", size=1024))
known = samples.truth(slide.info.path)

with Study.create(folder / "study") as study:
    identity = study.add_slide(slide)
    for box, label in zip(known.boxes.tolist(), known.labels.tolist(), strict=True):
        study.add(identity, tuple(box), known.classes[label])
    for x in (0, 512):
        for y in (0, 512):
            study.mark_complete(identity, (x, y, x + 512, y + 512))

few = ["training.steps=8", "training.batch=2", "training.validate_every=4", "training.checkpoint_every=4"]
spec = learning_spec(folder / "study", parent="starter", overrides=few, registry=folder / "models")
job = start(spec, new_job_folder(folder / "study", spec.kind))
print("started", job.name, "- this program may end now, the job goes on")
print("ended:", job.wait())

result = job.result
if result is None or not result.model:
    raise SystemExit(f"no model was made; see {job.folder}")
print("mAP50 before", result.before["mAP50"], "and after", result.after["mAP50"])
registry = Registry(folder / "models")
registry.adopt(result.model)
print("in use:", registry.current("detector").card.id)

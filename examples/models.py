"""Look at a model's card, hand the model on as one file, and take it in elsewhere.

python examples/models.py
"""

import tempfile
from pathlib import Path

from cytoshift.models import Registry

model = Registry().find("starter", "detector")
card = model.card
print(card.title, "-", card.intended_use)
print("trained on", ", ".join(f"{data.name} ({data.licence})" for data in card.trained_on))
print("measured on", card.validation, {name: round(value, 3) for name, value in card.metrics.items()})

elsewhere = Registry(Path(tempfile.mkdtemp()) / "models")
elsewhere.add(model.folder)
print("known there:", [known.id for known in elsewhere.list("detector")])

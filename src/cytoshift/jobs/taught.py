"""What models are called that were taught by the corrections of a study."""

from __future__ import annotations

import re
from pathlib import Path

from cytoshift.jobs.spec import LearnSpec
from cytoshift.models import Card

_TAUGHT = ", taught in "


def taught_id(spec: LearnSpec, job: str) -> str:
    """Return the id of the model that a job makes."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"taught-{Path(spec.study).name}-{job}")
    return f"{name[:80]}-{spec.digest}"


def taught_title(spec: LearnSpec, parent: Card) -> str:
    """Return its title: the parent's, and where it was taught last."""
    return parent.title.partition(_TAUGHT)[0] + _TAUGHT + Path(spec.study).name

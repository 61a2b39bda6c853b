"""Distillation: a detector learns on the target's look what its teacher knows of the source (the two-stage paper)."""

from cytoshift.detection.distillation.align import compact_alignment, loose_alignment
from cytoshift.detection.distillation.logits import decoupled_distillation, logit_distillation
from cytoshift.detection.distillation.schedule import compact_weight, loose_weight
from cytoshift.detection.distillation.similarity import similarity_preservation

__all__ = [
    "compact_alignment",
    "compact_weight",
    "decoupled_distillation",
    "logit_distillation",
    "loose_alignment",
    "loose_weight",
    "similarity_preservation",
]

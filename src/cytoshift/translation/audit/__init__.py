"""What a translation invented: nuclei and fine structure of a slide, and of the same slide as it is seen, compared."""

from cytoshift.translation.audit.pair import COARSEST, audit_pair
from cytoshift.translation.audit.places import Place, audit_level, audit_slide
from cytoshift.translation.audit.result import KINDS, Audit, Compared, Kind, join
from cytoshift.translation.audit.structure import CELL_UM

__all__ = [
    "CELL_UM",
    "COARSEST",
    "KINDS",
    "Audit",
    "Compared",
    "Kind",
    "Place",
    "audit_level",
    "audit_pair",
    "audit_slide",
    "join",
]

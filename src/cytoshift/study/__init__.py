"""Studies: predictions that never change, corrections that are never lost, and what training may learn from them."""

from cytoshift.study.cells import Cells, Ids, Region
from cytoshift.study.change import State
from cytoshift.study.events import Event
from cytoshift.study.history import History, fold
from cytoshift.study.log import SlideRecord
from cytoshift.study.palette import BETHESDA, color_of
from cytoshift.study.store import Study

__all__ = [
    "BETHESDA",
    "Cells",
    "Event",
    "History",
    "Ids",
    "Region",
    "SlideRecord",
    "State",
    "Study",
    "color_of",
    "fold",
]

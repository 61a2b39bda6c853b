"""How much of a slide has been seen: in the overview, in one line, and the key to what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtGui import QColor, QPainter, QPixmap
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from cytoshift.study.coverage import Look, share_words
from napari_cytoshift.keys import UNSEEN_KEY
from napari_cytoshift.screening import POWERS, Screened, Screening
from napari_cytoshift.widgets.dock import button, listen
from napari_cytoshift.widgets.slide_overview import TINTS, Overview

if TYPE_CHECKING:
    from napari import Viewer

COUNTS = "A field counts once it was in the view as a whole, and the view rested for half a second"
NOT_KEPT = "The study is read-only: what you look at now is not kept"

SWATCH = 12
TISSUE = QColor(222, 190, 206)
"""What lies under the tints of the legend, as tissue does in the overview."""


class Navigator(QWidget):
    """The share of tissue that was seen, a legend with its switch, and a button to the next unseen field.

    Parameters
    ----------
    viewer : Viewer
    overview : Overview
        Where what was seen is shown.
    """

    def __init__(self, viewer: Viewer, overview: Overview) -> None:
        super().__init__()
        self.screening = Screening.of(viewer)
        self._overview = overview
        state = self.screening.workspace.state
        self.share = QLabel()
        self.shown = QCheckBox("Show")
        self.shown.setToolTip("Show in the overview at which magnification each field was seen")
        self.shown.setChecked(bool(state.get("show_seen", True)))
        self._legend = {look: (QLabel(), QLabel()) for look in (Look.UNSEEN, Look.BELOW, Look.SCREENED)}
        key = UNSEEN_KEY.replace("-", "+")
        self.next = button(
            "Next unseen field", f"Go on to the next unseen tissue, row by row ({key})", self.screening.next_unseen
        )
        self.power = QComboBox()
        self.power.setToolTip("The magnification to screen at: what was seen at less counts as unseen")
        for power in POWERS:
            self.power.addItem(f"at {power:g}×", power)
        self.power.setCurrentIndex(max(0, self.power.findData(self.screening.at)))
        self._lay_out()
        self.shown.toggled.connect(self._switch)
        self.power.activated.connect(lambda _: self.screening.screen_at(self.power.currentData()))
        listen(self.screening.changed, self.refresh)
        self.refresh()

    def _lay_out(self) -> None:
        legend = QHBoxLayout()
        legend.setSpacing(4)
        legend.addWidget(self.shown)
        for swatch, words in self._legend.values():
            legend.addStretch(1)
            legend.addWidget(swatch)
            legend.addWidget(words)
        go = QHBoxLayout()
        go.addWidget(self.next, 1)
        go.addWidget(self.power)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.share)
        layout.addLayout(legend)
        layout.addLayout(go)
        for look, (swatch, _) in self._legend.items():
            swatch.setPixmap(_swatch(look))

    def refresh(self) -> None:
        """Show what is known of the active slide."""
        known, at = self.screening.known, self.screening.at
        self.share.setText(_words(known))
        self.share.setToolTip(COUNTS + (f"\n{NOT_KEPT}" if known is not None and not known.kept else ""))
        for look, words in zip(self._legend.values(), ("unseen", f"< {at:g}×", f"≥ {at:g}×"), strict=True):
            look[1].setText(words)
        if known is not None and self.shown.isChecked():
            self._overview.show_looks(known.looks, known.reach)
        else:
            self._overview.show_looks(None)

    def _switch(self, on: bool) -> None:
        self.screening.workspace.state.set("show_seen", on)
        self.refresh()


def _words(known: Screened | None) -> str:
    if known is None:
        return "Looking up what was seen…"
    if known.share is None:
        return "No tissue was found on this slide"
    return f"{share_words(known.share)} of the tissue seen at {known.at:g}× and above"


def _swatch(look: Look) -> QPixmap:
    pixmap = QPixmap(SWATCH, SWATCH)
    pixmap.fill(TISSUE)
    painter = QPainter(pixmap)
    painter.fillRect(pixmap.rect(), TINTS[look])
    painter.end()
    return pixmap

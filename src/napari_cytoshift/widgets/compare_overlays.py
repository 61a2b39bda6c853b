"""What is laid over a slide that is seen in other colours: what changed, and a translator's statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from napari_cytoshift.auditing import Auditing
from napari_cytoshift.keys import CHANGES_KEY
from napari_cytoshift.layers.audit_layer import MARKS
from napari_cytoshift.statistics_field import StatisticsField
from napari_cytoshift.widgets.compare_methods import choice
from napari_cytoshift.widgets.dock import listen, sentence

if TYPE_CHECKING:
    from napari import Viewer

SIGNS = {"square": "□", "diamond": "◇", "disc": "○"}


class CompareOverlays(QWidget):
    """Buttons that lay what changed, a map of it, or a field of statistics over the slide. Hidden without a method."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.auditing = Auditing.of(napari_viewer)
        self.field = StatisticsField.of(napari_viewer)
        self.changes = choice(
            "Show what changed",
            f"Compare nuclei and fine structure with the original: what was invented, lost or changed ({CHANGES_KEY})",
        )
        self.map = choice("Map", "Lay over the original how far fine structure differs, outside of nuclei too")
        self.legend = QLabel(_legend())
        self.words = sentence()
        self.moment = QComboBox()
        self.moment.setToolTip("Lay the statistics by which the translator normalizes over the slide, tile by tile")
        for title, moment in (("No statistics", ""), ("Mean", "mean"), ("Spread", "spread")):
            self.moment.addItem(title, moment)
        self.site = QSpinBox()
        self.site.setPrefix("site ")
        self.site.setToolTip("Which of the generator's normalizations, counted from its input")
        self.scale = sentence()
        self._statistics = QWidget()
        self._lay_out()
        self.changes.clicked.connect(self.auditing.show)
        self.map.clicked.connect(self.auditing.show_map)
        self.moment.activated.connect(lambda index: self.field.show(self.moment.itemData(index)))
        self.site.valueChanged.connect(lambda site: self.field.show(self.field.moment, site - 1))
        listen(self.auditing.changed, self.refresh)
        listen(self.field.changed, self.refresh)
        listen(self.auditing.comparison.changed, self.refresh)
        self.hide()
        self.refresh()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.changes, 1)
        buttons.addWidget(self.map)
        row = QHBoxLayout(self._statistics)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel("Statistics"))
        row.addWidget(self.moment, 1)
        row.addWidget(self.site)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(buttons)
        for widget in (self.legend, self.words, self._statistics, self.scale):
            layout.addWidget(widget)

    def refresh(self, *_: object) -> None:
        """Show what is laid over the active slide."""
        auditing, field = self.auditing, self.field
        self.changes.setChecked(auditing.on)
        self.map.setChecked(auditing.veiled and auditing.on)
        self.legend.setVisible(auditing.on and auditing.audit is not None)
        self.words.setText(auditing.words)
        self.words.setVisible(auditing.on and bool(auditing.words))
        self.words.setToolTip("" if auditing.audit is None else _sentence(auditing.audit.verdict))
        self._statistics.setVisible(field.operator is not None)
        self.moment.setCurrentIndex(max(self.moment.findData(field.moment), 0))
        self.site.setVisible(bool(field.moment))
        self.site.blockSignals(True)
        self.site.setRange(1, max(field.sites, 1))
        self.site.setSuffix(f" of {field.sites}" if field.sites else "")
        self.site.setValue(field.site + 1)
        self.site.blockSignals(False)
        self.scale.setText(field.words)
        self.scale.setVisible(bool(field.words))
        self.setVisible(auditing.comparison.sight is not None)


def _legend() -> str:
    return " &nbsp; ".join(
        f'<span style="color:{mark.color}; font-weight:bold">{SIGNS[mark.symbol]}</span> {mark.words.split()[0]}'
        for mark in MARKS.values()
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"

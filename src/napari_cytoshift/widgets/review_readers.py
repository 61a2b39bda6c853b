"""Who reads: the common reading, or a second reader who sees none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from cytoshift.study.agreement import blinded_readers
from napari_cytoshift.widgets.dock import button, listen, sentence
from napari_cytoshift.widgets.review_settling import COMMON

if TYPE_CHECKING:
    from napari_cytoshift.widgets.review_work import Review

NEW = "New second reader…"


class Readers(QWidget):
    """Chooses the reader of a `Review`."""

    def __init__(self, work: Review) -> None:
        super().__init__()
        self._work = work
        self.reader = QComboBox()
        self.reader.setToolTip("A second reader sees the predictions, and nothing of what anybody else decided")
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name of the second reader")
        self.begin = button("Read blinded", "Nothing that others decided is shown to this reader", self._begin)
        self.compare = button("Agreement", "How far two readers agree, and what is left to settle", self._on_compare)
        self.compare.setCheckable(True)
        self.note = sentence("", in_passing=True)
        self._lay_out()
        self.reader.activated.connect(lambda _: self._on_reader())
        self.name.returnPressed.connect(self._begin)
        listen(work.settling.compared, self._show)
        listen(work.workspace.study_changed, self._on_study)
        self.list_readers()

    def list_readers(self) -> None:
        """List the readers of the study; one who has decided nothing yet is the current one at most."""
        study = self._work.workspace.study
        known = blinded_readers(study)
        names = dict.fromkeys(["", *known, study.reader])
        self.reader.clear()
        for name in names:
            self.reader.addItem(f"{name} (blinded)" if name else COMMON, name)
        self.reader.addItem(NEW, None)
        self.reader.setCurrentIndex(self.reader.findData(study.reader))
        self.compare.setEnabled(bool(known) and not study.reader)
        self.note.setText(f"{study.reader} reads blinded: what others decided is not shown." if study.reader else "")
        self.note.setVisible(bool(study.reader))

    def _lay_out(self) -> None:
        row, new = QHBoxLayout(), QHBoxLayout()
        row.addWidget(QLabel("Reader"))
        row.addWidget(self.reader, 1)
        row.addWidget(self.compare)
        self._new = QWidget()
        new.setContentsMargins(0, 0, 0, 0)
        new.addWidget(self.name, 1)
        new.addWidget(self.begin)
        self._new.setLayout(new)
        self._new.setVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.note)
        layout.addWidget(self._new)

    # What a person does

    def _on_reader(self) -> None:
        name = self.reader.currentData()
        self._new.setVisible(name is None)
        if name is None:
            self.name.setFocus()
        elif name != self._work.workspace.study.reader:
            self._work.workspace.read_as(name)

    def _begin(self) -> None:
        name = self.name.text().strip()
        if name:
            self._new.setVisible(False)
            self.name.clear()
            self._work.workspace.read_as(name)

    def _on_compare(self) -> None:
        known = blinded_readers(self._work.workspace.study)
        self._work.settling.compare(("", known[0]) if self.compare.isChecked() else None)

    # Following

    def _on_study(self, _: object) -> None:
        self.list_readers()

    def _show(self) -> None:
        self.compare.setChecked(self._work.settling.found is not None)

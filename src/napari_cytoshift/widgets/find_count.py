"""Counting mitoses in the Find dock: the frame, its size, and the numbers of what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget
from superqt import QElidingLabel

from cytoshift.errors import CytoshiftError
from cytoshift.mitosis.counting import Count, Window
from cytoshift.mitosis.report import said_fields
from napari_cytoshift import wording
from napari_cytoshift.counting import NOTHING, Counting
from napari_cytoshift.widgets.dock import button, listen, sentence

if TYPE_CHECKING:
    from napari import Viewer

KEY = "Shift+M"
AREA, FIELDS = "Area", "Fields"

WIDTH = 106
"""Screen pixels for a number, its unit and its two buttons."""


class CountRows(QWidget):
    """A button for the counting frame; while it is shown its size, what is in it, and what to do with it.

    Attributes
    ----------
    said : Signal(str)
        What a person must know; ``""`` takes it back.
    """

    said = Signal(str)

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.counting = Counting.of(viewer)
        self.toggle = button(
            "Count mitoses", f"Put a counting frame on the densest spot; drag it with the mouse ({KEY})", self._toggle
        )
        self.toggle.setCheckable(True)
        self.by = QComboBox()
        self.by.addItems([AREA, FIELDS])
        self.by.setToolTip("How the size of the frame is given: in mm², or in high-power fields of a microscope")
        self.area = _spin(0.01, 100, 2, " mm²", "Area of the frame; 2.37 mm² are ten fields of field number 22 at 40×")
        self.fields = _spin(0.1, 1000, 1, " HPF", "How many high-power fields")
        self.field_number = _spin(1, 60, 1, "", "As it is written on the eyepiece: FN 22", "Field number ")
        self.objective = _spin(1, 200, 0, "×", "Power of the objective of a high-power field", "Objective ")
        self.number, self.atypical, self.others, self.note = QLabel(), QLabel(), QLabel(), sentence()
        self.reading = QElidingLabel()
        self.densest: QPushButton = button(
            "Densest spot", "Bring the frame back to where most mitoses are", self.counting.to_densest
        )
        self.copy: QPushButton = button("Copy", "Copy the lines that a report needs", self.copy_report)
        self._inside = QWidget()
        self._lay_out()
        self._show_window()
        self._connect()
        self._show()

    def _lay_out(self) -> None:
        size = QHBoxLayout()
        size.setSpacing(4)
        size.addWidget(self.by)
        for spin in (self.area, self.fields):
            spin.setFixedWidth(WIDTH)
            size.addWidget(spin)
        size.addWidget(self.reading, 1)
        eyepiece = QHBoxLayout()
        for widget in (self.field_number, self.objective):
            eyepiece.addWidget(widget)
        self.reading.setToolTip("The area, as fields of this eyepiece and objective")
        font = self.number.font()
        font.setPointSizeF(font.pointSizeF() * 1.25)
        font.setBold(True)
        self.number.setFont(font)
        actions = QHBoxLayout()
        actions.addWidget(self.densest)
        actions.addWidget(self.copy)
        inside = QVBoxLayout(self._inside)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(3)
        inside.addLayout(size)
        inside.addLayout(eyepiece)
        for label in (self.number, self.atypical, self.others):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            inside.addWidget(label)
        inside.addWidget(self.note)
        inside.addLayout(actions)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self.toggle)
        layout.addWidget(self._inside)

    def _connect(self) -> None:
        self.by.currentIndexChanged.connect(self._on_size)
        for spin in (self.area, self.fields, self.field_number, self.objective):
            spin.valueChanged.connect(self._on_size)
        listen(self.counting.changed, self._show)
        listen(self.counting.said, self._say)

    # What a person does

    def copy_report(self) -> None:
        """Put the lines of the report on the clipboard."""
        counted, clipboard = self.counting.counted, QGuiApplication.clipboard()
        if counted is None or clipboard is None:
            self.said.emit(NOTHING)
            return
        clipboard.setText("\n".join(counted.lines()) + "\n")
        self.said.emit("The lines of the report are on the clipboard.")

    def _toggle(self) -> None:
        self.said.emit("")
        self.counting.show(not self.counting.on)

    def _on_size(self, *_: object) -> None:
        by_fields = self.by.currentText() == FIELDS
        read = {"field_number": self.field_number.value(), "objective": self.objective.value()}
        try:
            window = Window.of_fields(self.fields.value(), **read) if by_fields else Window(self.area.value(), **read)
        except CytoshiftError as error:
            self.said.emit(str(error))
            return
        self.counting.set_window(window, by_fields=by_fields)
        self._show_units(by_fields)

    # What is shown

    def _say(self, text: str) -> None:
        self.said.emit(text)

    def _show_window(self) -> None:
        window, by_fields = self.counting.window, self.counting.by_fields
        self.by.setCurrentText(FIELDS if by_fields else AREA)
        self.area.setValue(window.area_mm2)
        self.fields.setValue(window.fields if by_fields else 10)
        self.field_number.setValue(window.field_number)
        self.objective.setValue(window.objective)
        self._show_units(by_fields)

    def _show_units(self, by_fields: bool) -> None:
        window = self.counting.window
        read = f"{window.area_mm2:.3g} mm²" if by_fields else f"{said_fields(window)} HPF, FN {window.field_number:g}"
        self.reading.setText(read)
        self.area.setVisible(not by_fields)
        for spin in (self.fields, self.field_number, self.objective):
            spin.setVisible(by_fields)

    def _show(self) -> None:
        counting = self.counting
        self.setVisible(counting.possible)
        self.toggle.setChecked(counting.on)
        self._inside.setVisible(counting.on)
        said = None if counting.counted is None else counting.counted.count
        for widget in (self.densest, self.copy):
            widget.setEnabled(said is not None)
        self.number.setText("Looking for the densest spot…" if said is None else _number(said))
        self.atypical.setText("" if said is None else _atypical(said))
        self.others.setText("" if said is None else _others(said))
        note = "" if said is None else _note(said)
        self.note.setText(note)
        self.note.setVisible(bool(note))
        lines = [] if counting.counted is None else counting.counted.lines()
        self.number.setToolTip("\n".join(lines))


def _spin(low: float, high: float, decimals: int, unit: str, tip: str, before: str = "") -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setRange(low, high)
    spin.setDecimals(decimals)
    spin.setSuffix(unit)
    spin.setPrefix(before)
    spin.setToolTip(tip)
    spin.setSingleStep(0.1 if decimals == 2 else 1)
    spin.setKeyboardTracking(False)
    return spin


def _number(said: Count) -> str:
    what = "mitosis" if said.mitoses == 1 else "mitoses"
    return f"{said.mitoses} {what}  ·  {wording.density(said.mitoses, said.area_mm2)}"


def _atypical(said: Count) -> str:
    share = said.atypical_share
    if share is None:
        return "normal and atypical are not told apart" if said.mitoses else ""
    among = f" of {said.told_apart} told apart" if said.undivided else ""
    return f"{said.atypical} atypical  ·  {share:.0%}{among}"


def _others(said: Count) -> str:
    parts = [f"{said.look_alikes} look-alike{'' if said.look_alikes == 1 else 's'}"]
    parts += [f"{said.unsure} unsure"] if said.unsure else []
    parts.append(f"{said.reviewed} reviewed by hand")
    return "  ·  ".join(parts)


def _note(said: Count) -> str:
    if said.complete:
        return ""
    return f"Only {said.area_mm2:.3g} of {said.window.area_mm2:.3g} mm² were searched; numbers per mm² are of these."

"""The stain vectors of a fit: seen, dragged, picked from the slide, and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor, QHideEvent, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QRadioButton, QVBoxLayout, QWidget

from cytoshift.errors import Cancelled, CytoshiftError
from cytoshift.slides.slide import Slide
from cytoshift.stain.colours import White
from napari_cytoshift import notices
from napari_cytoshift.pick_stain import Vector, stain_at
from napari_cytoshift.widgets.dock import button, sentence
from napari_cytoshift.widgets.review_clicks import Clicks
from napari_cytoshift.widgets.stain_plane import StainPlane, colour_of
from napari_cytoshift.workspace import Workspace

if TYPE_CHECKING:
    from napari import Viewer

MOST = 3
SWATCH = 16
WHITE: White = (255.0, 255.0, 255.0)
DRAG = "Drag a mark, or pick a place where the slide shows one stain alone."
NAMES = ("red", "green", "blue")


class StainVectors(QWidget):
    """Shows up to three stain vectors and lets a person change them.

    Parameters
    ----------
    viewer : napari.Viewer
        On whose canvas stains are picked.

    Attributes
    ----------
    changed : Signal(object)
        The tuple of unit vectors after an edit: the end of a drag, the release of an arrow key, a pick, a stain more
        or less. Not emitted by `set_stains`.
    reset : Signal()
        The vectors that the fit found are wanted back; `set_stains` is expected to follow.
    """

    changed = Signal(object)
    reset = Signal()

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.workspace = Workspace.of(viewer)
        self._names: tuple[str, ...] = ()
        self._vectors: tuple[Vector, ...] = ()
        self._white: White = WHITE
        self._most = MOST
        self._edited = False
        self._clicks = Clicks(self._on_click)
        self.plane = StainPlane()
        self.rows = [_Row() for _ in range(MOST)]
        self.pick = button("Pick from the slide", "", self._on_pick)
        self.pick.setCheckable(True)
        self.more = button("", "", self._on_more)
        self.undo = button("Reset", "Take the vectors that the fit found on this slide", self._on_reset)
        self.hint = sentence(DRAG, in_passing=True)
        self._lay_out()
        self.plane.chosen.connect(self._on_chosen)
        self.plane.moving.connect(self._on_moving)
        self.plane.moved.connect(self._on_moved)
        self.set_stains((), (), np.zeros((0, 3)))

    def _lay_out(self) -> None:
        group = QButtonGroup(self)
        column = QVBoxLayout()
        column.setSpacing(2)
        column.addStretch(1)
        for index, row in enumerate(self.rows):
            group.addButton(row.choice, index)
            column.addWidget(row)
        column.addStretch(1)
        group.idClicked.connect(self.plane.choose)
        top = QHBoxLayout()
        top.addWidget(self.plane, 1)
        top.addLayout(column)
        buttons = QHBoxLayout()
        buttons.addWidget(self.pick, 1)
        buttons.addWidget(self.more)
        buttons.addWidget(self.undo)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        layout.addLayout(buttons)
        layout.addWidget(self.hint)

    # What others set and read

    def set_stains(
        self,
        names: Sequence[str],
        vectors: Sequence[Sequence[float]],
        cloud: npt.ArrayLike,
        *,
        white: White = WHITE,
        most: int | None = None,
    ) -> None:
        """Show the stains of a fit.

        Parameters
        ----------
        names : sequence of str
            One for each vector: ``"Haematoxylin"``, ``"Eosin"``; ``""`` becomes ``"Stain 1"`` and so on.
        vectors : sequence of sequence of float
            Up to three directions of optical density as red, green, blue; made unit vectors here.
        cloud : array_like, shape (n, 3)
            Optical densities of a sample of the slide's stained pixels.
        white : tuple of float
            RGB of the slide's glass, against which a pick is read.
        most : int, optional
            How many stains the method can use; as many as there are vectors by default.
        """
        given = tuple(_unit(vector) for vector in vectors)
        known = len(given) == len(self._vectors) and np.allclose(given, self._vectors, atol=1e-6)
        self._edited = self._edited and bool(known)  # a fit with the vectors of an edit is still that edit
        self._white = white
        self._most = len(given) if most is None else min(most, MOST)
        self._end_pick()
        self.hint.setText(DRAG)
        self.plane.show_cloud(cloud)
        self._show(tuple(name or f"Stain {index + 1}" for index, name in enumerate(names)), given)

    @property
    def vectors(self) -> tuple[Vector, ...]:
        """The unit vectors shown."""
        return self._vectors

    @property
    def selected(self) -> int:
        """Which stain keys move and a pick replaces."""
        return next((index for index, row in enumerate(self.rows) if row.choice.isChecked()), 0)

    # What a person does

    def _on_chosen(self, index: int) -> None:
        self.rows[index].choice.setChecked(True)
        self._say_pick()

    def _on_moving(self, index: int, vector: Vector) -> None:
        self.rows[index].show_stain(self._names[index], vector)

    def _on_moved(self, index: int, vector: Vector) -> None:
        self._edit(self._with(index, vector))

    def _on_more(self) -> None:
        if len(self._vectors) == MOST:
            self._edit(self._vectors[:-1])
            return
        first, second = (np.asarray(vector) for vector in self._vectors)
        across = np.cross(first, second)
        third = np.maximum(across if across.sum() > 0 else -across, 0.0)
        self._edit((*self._vectors, _unit(third.tolist())))
        self.plane.choose(MOST - 1)

    def _on_reset(self) -> None:
        self._edited = False
        self.undo.setEnabled(False)
        self.reset.emit()

    def _on_pick(self) -> None:
        viewer = self.workspace.viewer
        if viewer is not None:
            self._clicks.set_on(viewer, self.pick.isChecked())
        self.hint.setText(DRAG)
        self._say_pick()

    def _on_click(self, y: float, x: float, _: bool) -> None:
        slide = self.workspace.active
        self._end_pick()
        if slide is None:
            return
        at = slide.frame.level0_from_world([y, x]).tolist()
        white, index = self._white, self.selected
        self.pick.setEnabled(False)
        self.workspace.start(
            "Picking a stain",
            lambda work: (index, slide, stain_at(slide, at[0], at[1], white)),
            done=self._on_picked,
            failed=self._on_failed,
            in_activity=False,
        )

    def _on_picked(self, result: tuple[int, Slide, Vector]) -> None:
        index, slide, vector = result
        self.pick.setEnabled(True)
        active = self.workspace.active
        if index >= len(self._vectors) or active is None or active.info.identity != slide.info.identity:
            return
        self.hint.setText(DRAG)
        self._edit(self._with(index, vector))

    def _on_failed(self, error: BaseException) -> None:
        self.pick.setEnabled(True)
        if isinstance(error, CytoshiftError) and not isinstance(error, Cancelled):
            self.hint.setText(str(error))
        else:
            notices.complain(error)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._end_pick()

    # What is shown

    def _with(self, index: int, vector: Vector) -> tuple[Vector, ...]:
        return (*self._vectors[:index], vector, *self._vectors[index + 1 :])

    def _edit(self, vectors: tuple[Vector, ...]) -> None:
        self._edited = True
        more = tuple(f"Stain {index + 1}" for index in range(len(self._names), len(vectors)))
        self._show((*self._names, *more)[: len(vectors)], vectors)
        self.changed.emit(vectors)

    def _show(self, names: tuple[str, ...], vectors: tuple[Vector, ...]) -> None:
        self._names, self._vectors = names, vectors
        for index, row in enumerate(self.rows):
            row.setVisible(index < len(vectors))
            if index < len(vectors):
                row.show_stain(names[index], vectors[index])
        self.plane.show_stains([_short(name, index) for index, name in enumerate(names)], vectors)
        if self.selected >= len(vectors):
            self.plane.choose(0)
        self.rows[self.selected if vectors else 0].choice.setChecked(True)
        self.undo.setEnabled(self._edited)
        self.pick.setEnabled(bool(vectors))
        self.more.setVisible(self._most == MOST and len(vectors) >= MOST - 1)
        self.more.setText("Add a stain" if len(vectors) < MOST else "Drop the third")
        self.more.setToolTip(
            "Take a third dye into account, as a Papanicolaou stain has it"
            if len(vectors) < MOST
            else "Explain the colours by the first two stains alone"
        )
        self._say_pick()

    def _say_pick(self) -> None:
        name = self._names[self.selected] if self.selected < len(self._names) else ""
        picking = self.pick.isChecked()
        self.pick.setText("Click on the slide…" if picking else "Pick from the slide")
        self.pick.setToolTip(
            "Press again to leave it as it is"
            if picking
            else f"Then click on the slide where {name or 'a stain'} is strong and alone; 7 × 7 pixels are read"
        )
        if picking:
            self.hint.setText(f"Click where {name} is strong and alone.")

    def _end_pick(self) -> None:
        self.pick.setChecked(False)
        if self.workspace.viewer is not None:
            self._clicks.set_on(self.workspace.viewer, False)
        self._say_pick()


class _Row(QWidget):
    """One stain: the colour it gives, its name, how it absorbs."""

    def __init__(self) -> None:
        super().__init__()
        self.choice = QRadioButton()
        self.choice.setIconSize(QSize(SWATCH, SWATCH))
        self.numbers = QLabel()
        self.numbers.setEnabled(False)
        self.numbers.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(0)
        layout.addWidget(self.choice)
        layout.addWidget(self.numbers)

    def show_stain(self, name: str, vector: Vector) -> None:
        """Show a stain."""
        self.choice.setText(name)
        self.choice.setIcon(_swatch(vector))
        self.numbers.setText("   ".join(f"{value:.2f}" for value in vector))
        spoken = ", ".join(f"{channel} {value:.3f}" for channel, value in zip(NAMES, vector, strict=True))
        for widget in (self.choice, self.numbers):
            widget.setToolTip(f"{name} absorbs {spoken}\n(a unit vector of optical density)")
        self.choice.setAccessibleDescription(spoken)


def _swatch(vector: Vector) -> QIcon:
    picture = QPixmap(SWATCH, SWATCH)
    picture.fill(QColor(*colour_of(vector)))
    painter = QPainter(picture)
    painter.setPen(QColor(128, 128, 128))
    painter.drawRect(0, 0, SWATCH - 1, SWATCH - 1)
    painter.end()
    return QIcon(picture)


def _short(name: str, index: int) -> str:
    return str(index + 1) if name.startswith("Stain ") else name[:1].upper()


def _unit(vector: Sequence[float]) -> Vector:
    red, green, blue = (np.asarray(vector, np.float64) / max(float(np.linalg.norm(vector)), 1e-12)).tolist()
    return (red, green, blue)

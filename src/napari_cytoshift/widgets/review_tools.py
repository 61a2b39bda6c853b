"""The tools of the review: what the mouse draws on the slide, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_cytoshift.layers.sketch import Line, Sketch
from napari_cytoshift.measuring import area_words, length_words
from napari_cytoshift.widgets.dock import button, sentence
from napari_cytoshift.widgets.review_clicks import Clicks, Path
from napari_cytoshift.widgets.review_keys import Key, main_window
from napari_cytoshift.widgets.review_placing import Placing

if TYPE_CHECKING:
    from cytoshift.study.events import Corners
    from napari_cytoshift.widgets.review_keys import ReviewKeys
    from napari_cytoshift.widgets.review_work import Review

COLOR = "#0072b2"
CELLS, OUTLINE, REGION, LENGTH, AREA = "add_cells", "draw_outlines", "draw_regions", "measure_length", "measure_area"


class Tool(NamedTuple):
    """What stands on a tool's button, what its tip says, and what to do with it."""

    text: str
    tip: str
    hint: str


TOOLS = {
    CELLS: Tool(
        "Add cells",
        "Click on nuclei, or drag boxes, to add cells of the last class given",
        "Click on a nucleus to add a cell of class {label}, or drag a box. Shift: exactly where you click.",
    ),
    OUTLINE: Tool(
        "Outline",
        "Draw around cells of the last class given",
        "Hold the button and draw around a cell of class {label}, or click on its nucleus.",
    ),
    REGION: Tool(
        "Region",
        "Drag over regions in which every cell is right: training may learn from them",
        "Drag over a region in which every cell is right as it is shown.",
    ),
    LENGTH: Tool("Length", "Measure a length; nothing stays unless you keep it", "Drag to measure a length."),
    AREA: Tool(
        "Area",
        "Measure an area; nothing stays unless you keep it",
        "Drag to measure a rectangle; hold Shift to draw around an area.",
    ),
}


class Tools(QWidget):
    """The row of tools, with the hint of the chosen one and what was measured.

    Attributes
    ----------
    changed : Signal()
        Another tool was chosen, or none.
    tool : str
        The chosen one, a key of `TOOLS`; ``""`` for none.
    measured : Line or None
        What was measured last and not kept.
    """

    changed = Signal()

    def __init__(self, work: Review, keys: ReviewKeys) -> None:
        super().__init__()
        self._work = work
        self.tool = ""
        self.measured: Line | None = None
        self.placing = Placing(work)
        self.clicks = Clicks(self._on_click, lambda: bool(self.tool), self._on_draw)
        self._sketch = Sketch("sketch", "Being drawn", COLOR)
        self._kept = Sketch("measures", "Measures", COLOR)
        self._drawn: tuple[object, ...] = ()
        self._leave: QShortcut | None = None
        self.buttons: dict[str, QPushButton] = {}
        for name, tool in TOOLS.items():
            made = button(tool.text, "", partial(self.choose, name))
            made.setCheckable(True)
            keys.label(made, "", tool.tip, name)
            self.buttons[name] = made
        self.hint, self.keep_button = sentence("", in_passing=True), button("Keep", "", self.keep)
        keys.label(self.keep_button, "Keep", "Write what was measured into the study", "keep_measure")
        self._lay_out()
        self.show_state()

    def _lay_out(self) -> None:
        row, below, whole = QHBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        for one in self.buttons.values():
            one.setMinimumWidth(0)
            row.addWidget(one, 1)
        below.addWidget(self.hint, 1)
        below.addWidget(self.keep_button)
        row.setSpacing(4)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(row)
        whole.addLayout(below)

    # What a person does

    def choose(self, name: str) -> None:
        """Take up a tool, or lay it down where it was in hand."""
        self.tool = "" if self.tool == name else name
        self._forget()
        self._listen_to_escape()
        self.show_state()
        self.changed.emit()

    def lay_down(self) -> None:
        """Have no tool in hand: the mouse moves the view and selects."""
        if self.tool:
            self.choose(self.tool)

    def keep(self) -> None:
        """Write what was measured into the study."""
        line = self.measured
        if line is None:
            self._work.said.emit("There is nothing measured to keep; measure a length or an area first.")
        elif self._work.keep_measure(line.words, line.points):
            self._forget()
            self.show_state()

    def _on_click(self, y: float, x: float, held: bool) -> None:
        slide, shown = self._work.shown.slide, self._work.shown
        if slide is None:
            return
        at = slide.frame.level0_from_world([y, x])
        point = float(at[0]), float(at[1])
        if self.tool == CELLS and held:
            self._work.add(*point)
        elif self.tool == CELLS:
            self.placing.box(*point)
        elif self.tool == OUTLINE:
            self.placing.outline(*point)
        elif not self.tool:
            hit = shown.at(*point)
            if hit:
                shown.select(hit)

    def _on_draw(self, way: Path, held: bool, over: bool) -> None:
        slide, viewer = self._work.shown.slide, self._work.workspace.viewer
        if slide is None or viewer is None:
            return
        line = self._line(slide.frame.level0_from_world(way).tolist(), held)
        if not over or self.tool in (LENGTH, AREA):
            closed = line.points if self.tool == LENGTH else [*line.points, line.points[0]]
            self._sketch.move(viewer, slide, Line(closed))
            self.measured = line if line.words else None
            viewer.status = line.words
            self.show_state()
            return
        self._sketch.clear(viewer)
        if self.tool == OUTLINE:
            self._work.add_outline(line.points)
            return
        (x0, y0), _, (x1, y1), _ = line.points
        box = min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
        (self._work.add_box if self.tool == CELLS else self._work.mark_complete)(box)

    def _line(self, way: list[list[float]], held: bool) -> Line:
        """Return what the way of the mouse means to the tool."""
        frame = self._work.workspace.active.frame  # type: ignore[union-attr]
        (x0, y0), (x1, y1) = way[0], way[-1]
        if self.tool == LENGTH:
            return Line([(x0, y0), (x1, y1)], length_words(frame, [(x0, y0), (x1, y1)]))
        free = self.tool == OUTLINE or (self.tool == AREA and held)
        ring: Corners = way if free else [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        return Line(ring, area_words(frame, ring) if self.tool == AREA else "")

    # What is shown

    def draw_kept(self) -> None:
        """Show the measures of the slide that were kept."""
        slide, viewer = self._work.shown.slide, self._work.workspace.viewer
        if viewer is None:
            return
        notes = () if slide is None else self._work.workspace.study.measures(slide.info.identity)
        drawn = (slide, *(note.id for note in notes))
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self._kept.clear(viewer)
        if slide is not None:
            lines = [(note.payload["points"], note.payload["text"]) for note in notes]
            rings = [Line(ring if len(ring) == 2 else [*ring, ring[0]], words) for ring, words in lines]
            self._kept.draw(viewer, slide, rings)

    def _forget(self) -> None:
        viewer = self._work.workspace.viewer
        self.measured = None
        if viewer is not None:
            self._sketch.clear(viewer)

    def show_state(self) -> None:
        """Show which tool is in hand, of which class its cells will be, and what was measured."""
        for name, one in self.buttons.items():
            one.setChecked(name == self.tool)
        hint = TOOLS[self.tool].hint.format(label=self._work.label_to_add) if self.tool else ""
        self.hint.setText(hint if self.measured is None else self.measured.words)
        self.hint.setVisible(bool(hint))
        self.keep_button.setVisible(self.measured is not None)

    def _listen_to_escape(self) -> None:
        """Let Esc lay the tool down, as long as one is in hand."""
        window = main_window(self)
        if self._leave is None and window is not None:
            self._leave = QShortcut(QKeySequence(Qt.Key.Key_Escape), window)
            self._leave.activated.connect(self.lay_down)
        if self._leave is not None:
            self._leave.setEnabled(bool(self.tool))


def tool_keys(choose: Callable[[str], object], keep: Callable[[], object]) -> tuple[Key, ...]:
    """Return the keys of the tools: QuPath's where it has one and no other action of the review has it."""
    return (
        Key(CELLS, ".", "Mark", "Add cells by clicking", partial(choose, CELLS)),
        Key(OUTLINE, "Shift+P", "Mark", "Draw around cells", partial(choose, OUTLINE)),
        Key(REGION, "R", "Mark", "Draw complete regions", partial(choose, REGION)),
        Key(LENGTH, "L", "Measure", "Length", partial(choose, LENGTH)),
        Key(AREA, "Shift+L", "Measure", "Area", partial(choose, AREA)),
        Key("keep_measure", "K", "Measure", "Keep what was measured", keep),
    )

"""Cells from other programs, and for them: what a file would add is said before it is added."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from cytoshift.errors import Cancelled
from cytoshift.study import exchange
from cytoshift.study.formats import registry
from cytoshift.study.formats.picture import Picture
from napari_cytoshift.layers.findings import know
from napari_cytoshift.saving import beside
from napari_cytoshift.widgets.dock import BusyRow, button, listen, sentence

if TYPE_CHECKING:
    from cytoshift.slides.slide import Slide
    from cytoshift.study.formats.annotations import Annotations
    from napari_cytoshift.background import Work
    from napari_cytoshift.workspace import Workspace


class ExchangeRow(QWidget):
    """Buttons to import and export the cells of the active slide, and what an import would add.

    Parameters
    ----------
    workspace : Workspace
    complain : callable
        Shows a sentence when something fails; ``""`` takes the last one back.

    Attributes
    ----------
    row : QHBoxLayout
        The buttons; a dock may put another one beside them.
    """

    def __init__(self, workspace: Workspace, complain: Callable[[str], None]) -> None:
        super().__init__()
        self.workspace = workspace
        self._complain = complain
        self.bring = button("Import…", "Add the cells of a file: QuPath, COCO, VOC, CSV, EXACT …", self.choose_import)
        self.send = button("Export…", "Write the cells as they are shown, for another program", self.choose_export)
        self.drawn = QCheckBox("A person drew them")
        self.drawn.setToolTip("Cells of which the file says nothing count as right and need no review")
        self.add = button("Add", "Add and correct these cells; one undo takes that back", self.accept)
        self.leave = button("Leave", "Change nothing", self.drop)
        self.busy = BusyRow()
        self.row = QHBoxLayout()
        self._said = sentence()
        self._seen: exchange.Preview | None = None
        self._read: tuple[Path, Annotations] | None = None
        self._lay_out()
        self.drawn.toggled.connect(self._look_again)
        listen(workspace.active_changed, self._on_active)
        self._say("")

    def _lay_out(self) -> None:
        answer = QHBoxLayout()
        for one in (self.bring, self.send):
            self.row.addWidget(one, 1)
        answer.addWidget(self.drawn, 1)
        answer.addWidget(self.add)
        answer.addWidget(self.leave)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self.row)
        layout.addWidget(self._said)
        layout.addLayout(answer)
        layout.addWidget(self.busy)

    @property
    def said(self) -> str:
        """What an import would add, or what came of it."""
        return self._said.text()

    # In

    def choose_import(self) -> None:
        """Ask for a file, and say what it would add."""
        slide = self.workspace.active
        folder = Path.home() if slide is None else beside(slide)
        ends = " ".join(f"*{suffix}" for one in registry.FORMATS for suffix in one.suffixes)
        name, _ = QFileDialog.getOpenFileName(self, "Import cells", str(folder), f"Cells ({ends});;All files (*)")
        if name:
            self.look(Path(name))

    def look(self, path: Path) -> None:
        """Read a file in a thread, and say what it would add to the active slide."""
        slide = self.workspace.active
        if slide is None or self.busy.busy:
            return
        self.drop()
        picture, drawn = Picture.of(slide), self.drawn.isChecked()

        def read(work: Work) -> tuple[Annotations, exchange.Preview]:
            found = registry.read(path, picture)
            work.cancel.check()
            return found, self._preview(slide, found, path, drawn)

        def done(result: tuple[Annotations, exchange.Preview]) -> None:
            self._read = (path, result[0])
            self._show(slide, result[1])

        self._start(f"Reading {path.name}", read, done)

    def accept(self) -> None:
        """Add what was previewed, in a thread, as one step that can be undone."""
        seen, study = self._seen, self.workspace.study
        slide = None if seen is None else self.workspace.slide(seen.slide)
        if seen is None or slide is None or self.busy.busy:
            return
        run = self.workspace.cells.run
        self.drop()

        def store(_: Work) -> None:
            know(study, slide)
            exchange.add(study, seen)
            study.cells(seen.slide, run)  # so that the window finds them folded

        def done(_: object) -> None:
            self.workspace.corrected.emit(seen.slide)
            self._say(f"{seen.sentences(done=True)} Undo takes that back.")

        self._start(f"Adding {seen.source}", store, done)

    def drop(self) -> None:
        """Forget what was previewed."""
        self._seen, self._read = None, None
        self._say("")

    def _preview(self, slide: Slide, found: Annotations, path: Path, drawn: bool) -> exchange.Preview:
        study = self.workspace.study
        return exchange.preview(study, slide.info.identity, Picture.of(slide), found, path.name, truth=drawn)

    def _look_again(self, drawn: bool) -> None:
        seen = self._seen
        slide = None if seen is None else self.workspace.slide(seen.slide)
        if self._read is not None and slide is not None:
            path, found = self._read
            self._start(
                f"Reading {path.name}",
                lambda _: self._preview(slide, found, path, drawn),
                lambda again: self._show(slide, again),
            )

    def _show(self, slide: Slide, seen: exchange.Preview) -> None:
        if self.workspace.active is not slide:  # who looks at another slide now would add to the wrong one
            self.drop()
            return
        self._seen = seen if seen.anything else None
        self._say(seen.sentences(), asks=seen.anything)

    # Out

    def choose_export(self) -> None:
        """Ask where to write the cells of the active slide, and in which format, and write them."""
        slide = self.workspace.active
        if slide is None:
            return
        titles = {f"{one.title} (*{one.suffix})" if one.suffix else one.title: one for one in registry.FORMATS}
        suggested = beside(slide) / f"{slide.name.partition('.')[0]}.geojson"
        name, title = QFileDialog.getSaveFileName(self, "Export cells", str(suggested), ";;".join(titles))
        if name:
            self.write(Path(name), titles[title].name)

    def write(self, path: Path, name: str) -> None:
        """Write the cells of the active slide, as they are shown, in a format, in a thread."""
        slide, shown, study = self.workspace.active, self.workspace.cells, self.workspace.study
        if slide is None or self.busy.busy:
            return
        self.drop()
        chosen, run, limits = registry.named(name), shown.run, shown.thresholds
        if not path.name.lower().endswith(chosen.suffixes or ("",)):
            path = path.with_name(f"{path.name.removesuffix('.geojson')}{chosen.suffix}")

        def export(work: Work) -> Path:
            know(study, slide)
            cells = study.cells(slide.info.identity, run, limits.common, limits.own)
            out = exchange.outgoing(study, slide.info.identity, cells)
            return registry.write(path, out, slide, name=name, report=work.report, cancel=work.cancel)

        lost = f" There is no room in it for {chosen.loses}." if chosen.loses else ""
        self._start(
            f"Writing {path.name}", export, lambda out: self._say(f"Written to {out.name} in {out.parent}.{lost}")
        )

    # Both

    def _start(self, title: str, function: Callable[[Work], Any], done: Callable[[Any], None]) -> None:
        self._complain("")
        self._enable(False)
        work = self.workspace.start(title, function, done=done, failed=self._on_failed)
        self.busy.follow(work)
        work.finished.connect(self._on_finished)

    def _on_finished(self) -> None:
        self._enable(True)

    def _on_failed(self, error: BaseException) -> None:
        self.drop()
        if not isinstance(error, Cancelled):
            self._complain(str(error))

    def _on_active(self, _: object) -> None:
        self.drop()

    def _enable(self, on: bool) -> None:
        for one in (self.bring, self.send, self.add, self.leave, self.drawn):
            one.setEnabled(on)

    def _say(self, text: str, *, asks: bool = False) -> None:
        self._said.setText(text)
        self._said.setVisible(bool(text))
        for one in (self.drawn, self.add, self.leave):
            one.setVisible(asks)

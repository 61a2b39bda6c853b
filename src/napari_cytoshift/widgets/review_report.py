"""The report about the active slide: where it is written, and opening what was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QWidget
from superqt import QElidingLabel

from cytoshift.errors import Cancelled, CytoshiftError
from napari_cytoshift import notices
from napari_cytoshift.counting import Counting
from napari_cytoshift.layers.findings import know
from napari_cytoshift.saving import beside
from napari_cytoshift.widgets.dock import button, listen

if TYPE_CHECKING:
    from cytoshift.report import Wanted
    from cytoshift.slides.slide import Slide
    from napari_cytoshift.background import Work
    from napari_cytoshift.workspace import Workspace

KINDS = {"PDF, to print (*.pdf)": ".pdf", "Web page, one file (*.html)": ".html"}


class ReportRow(QWidget):
    """What came of a report, and a button that opens it; `make`, the button that begins, is placed by the dock.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        tip = "One page about this slide, as PDF or HTML: cells, models, decisions, the most severe cells"
        self.make = button("Report…", tip, self.choose)
        self.open = button("Open it", "Open the report that was written", self._on_open)
        self._said = QElidingLabel()  # of one line: what is below the gallery must not push the window's edge down
        self._work: Work | None = None
        self._written: Path | None = None
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._said, 1)
        layout.addWidget(self.open)
        listen(workspace.active_changed, self._on_active)
        self._say("")

    @property
    def said(self) -> str:
        """What came of it."""
        return self._said.text()

    def choose(self) -> None:
        """Ask where to write the report about the active slide, and write it."""
        slide = self.workspace.active
        if slide is None or self._work is not None:
            return
        suggested = beside(slide) / f"{slide.name.partition('.')[0]}-report.pdf"
        name, kind = QFileDialog.getSaveFileName(self, "Save report", str(suggested), ";;".join(KINDS))
        if name:
            path, suffix = Path(name), KINDS.get(kind, ".pdf")
            known = path.suffix.lower() in KINDS.values()
            self.write(path if known else path.with_name(path.name + suffix))

    def write(self, path: Path) -> None:
        """Write the report about the active slide and the cells that are shown, in a thread."""
        slide = self.workspace.active
        if slide is None or self._work is not None:
            return
        self._say("")
        study, registry, wanted = self.workspace.study, self.workspace.registry, self._wanted(slide)

        def make(_: Work) -> tuple[Path, str]:
            from cytoshift.report import report_of, slide_page, write_page

            know(study, slide)
            told = report_of(study, slide.info.identity, registry, slide, wanted)
            return write_page(path, slide_page(told)), told.missing

        self.make.setEnabled(False)
        self._work = self.workspace.start(f"Writing {path.name}", make, done=self._on_written, failed=self._on_failed)
        self._work.finished.connect(self._on_finished)

    def _wanted(self, slide: Slide) -> Wanted:
        """Return what is shown: its search, thresholds, and the count in the frame where there is one."""
        from cytoshift.report import Wanted

        shown, viewer = self.workspace.cells, self.workspace.viewer
        if viewer is None or shown.identity != slide.info.identity:  # its cells are still on their way
            return Wanted()
        counting, limits = Counting.of(viewer), (shown.thresholds.common, shown.thresholds.own)
        return Wanted(shown.run, limits, counting.window, counting.counted if counting.on else None)

    def _on_finished(self) -> None:
        self._work = None
        self.make.setEnabled(True)

    def _on_written(self, result: tuple[Path, str]) -> None:
        path, missing = result
        self._say(missing or f"{path.name} is written.", path)
        if missing:
            notices.warn(missing)
        else:
            notices.inform(f"The report is in {path}.")

    def _on_failed(self, error: BaseException) -> None:
        if isinstance(error, CytoshiftError) and not isinstance(error, Cancelled):
            self._say(str(error))
        notices.complain(error)

    def _on_open(self) -> None:
        if self._written is not None and not QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._written))):
            notices.warn(f"No program opens {self._written.name}; open it from its folder.")

    def _on_active(self, _: object) -> None:
        self._say("")

    def _say(self, text: str, written: Path | None = None) -> None:
        self._written = written
        self._said.setText(text)
        self._said.setToolTip(text if written is None else f"{text} It is {written}.")
        self.open.setVisible(written is not None)
        self.setVisible(bool(text))

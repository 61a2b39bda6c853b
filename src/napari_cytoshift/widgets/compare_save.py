"""Saving what is seen: where, how far, and opening what was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from cytoshift.errors import Cancelled
from napari_cytoshift.saving import save_seen, suggested, with_suffix
from napari_cytoshift.widgets.dock import BusyRow, button, sentence

if TYPE_CHECKING:
    from napari_cytoshift.background import Work
    from napari_cytoshift.sights import Sight
    from napari_cytoshift.workspace import Workspace


class SaveRow(QWidget):
    """A button that writes what is seen, and what came of it. Goes on where it stopped when it is asked again.

    Parameters
    ----------
    workspace : Workspace

    Attributes
    ----------
    failed : Signal(object)
        An error.
    """

    failed = Signal(object)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.save = button("Save slide…", "Write the slide as it is seen, as an OME-Zarr", self.choose)
        self.busy = BusyRow()
        self._said = sentence()
        self.open = button("Open it", "Open the slide that was written", self._on_open)
        self._written: Path | None = None
        self._sight: Sight | None = None
        self._last: tuple[str, Path] | None = None
        done = QHBoxLayout()
        done.addWidget(self._said, 1)
        done.addWidget(self.open)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.busy)
        layout.addLayout(done)
        self._say("")

    @property
    def said(self) -> str:
        """What came of it."""
        return self._said.text()

    def show_sight(self, sight: Sight | None) -> None:
        """Say what would be written."""
        self._sight = sight
        self.save.setEnabled(sight is not None and not self.busy.busy)

    def choose(self) -> None:
        """Ask where to write, and write."""
        if self._sight is None:
            return
        key = self._sight.slide.key
        known = self._last[1] if self._last is not None and self._last[0] == key else suggested(self._sight)
        name, _ = QFileDialog.getSaveFileName(
            self,
            "Save as OME-Zarr",
            str(known),
            "OME-Zarr (*.ome.zarr)",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if name:
            self.write(with_suffix(Path(name)))

    def write(self, out: Path) -> Work | None:
        """Write what is seen, in a thread."""
        sight = self._sight
        if sight is None or self.busy.busy:
            return None
        self._last = (sight.slide.key, out)
        self._say("")
        work = self.workspace.start(
            f"Saving {out.name}",
            lambda work: save_seen(sight, out, work),
            done=self._on_written,
            failed=self._on_failed,
        )
        self.busy.follow(work)
        work.finished.connect(lambda: self.show_sight(self._sight))
        self.save.setEnabled(False)
        return work

    def _say(self, text: str, written: Path | None = None) -> None:
        self._written = written
        self._said.setText(text)
        self._said.setVisible(bool(text))
        self.open.setVisible(written is not None)

    def _on_written(self, path: Path) -> None:
        self._say(f"Saved as {path.name} in {path.parent}.", path)

    def _on_failed(self, error: BaseException) -> None:
        if isinstance(error, Cancelled):
            self._say("Stopped; save under the same name to go on where it stopped.")
        else:
            self.failed.emit(error)

    def _on_open(self) -> None:
        if self._written is not None:
            self.workspace.open(self._written)
            self._say("")

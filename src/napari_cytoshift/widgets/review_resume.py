"""Where a review of each slide was left, for each study and reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from napari_cytoshift.workspace import Workspace

KEY = "review_left"
ALL = "all slides"
REST_MS = 1000
MOST = 500
"""Slides of which it is remembered; the oldest are forgotten first."""


class Resume:
    """Remembers the cell that was looked at last, a second after it was selected.

    Attributes
    ----------
    everywhere : bool
        Whether the review is of all slides of the study, of which one cell is remembered, and not of the active slide.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.everywhere = False
        self._wished: tuple[str, str] | None = None
        self._rest = QTimer()
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self.keep)

    @property
    def cell(self) -> str:
        """The cell at which it was left; ``""`` where nobody remembers."""
        key = self._key()
        if self._wished is not None and self._wished[0] == key:
            return self._wished[1]
        return str(self._workspace.state.get(KEY, {}).get(key, ""))

    def remember(self, identifier: str) -> None:
        """Remember a cell."""
        if identifier:
            self._wished = self._key(), identifier
            self._rest.start()

    def keep(self) -> None:
        """Write down what is remembered."""
        self._rest.stop()
        if self._wished is not None:
            key, identifier = self._wished
            kept = self._workspace.state.get(KEY, {})
            kept = {name: value for name, value in kept.items() if name != key}
            self._workspace.state.set(KEY, dict([*kept.items(), (key, identifier)][-MOST:]))

    def _key(self) -> str:
        study, slide = self._workspace.study, self._workspace.cells.identity
        return "|".join((str(study.folder), study.reader, ALL if self.everywhere else slide))

"""Where a search computes: here, or with the workers of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QWidget

from napari_cytoshift.widgets.adapt_fold import Fold
from napari_cytoshift.widgets.dock import button, sentence

if TYPE_CHECKING:
    from napari_cytoshift.workspace import Workspace

WORKERS = "find_workers"
"""What the window remembers the address by."""


class FindWorkers(Fold):
    """The folded part of the Find dock that takes the address of a scheduler, or the file of a cluster."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__("Advanced", "Let other computers search")
        self._state = workspace.state
        self.address = QLineEdit(str(self._state.get(WORKERS, "")))
        self.address.setPlaceholderText("this computer; or tcp://HOST:PORT")
        self.address.setToolTip(
            "Search with the workers of a dask.distributed scheduler, or of the cluster that a file describes; "
            "empty for this computer"
        )
        self.address.setClearButtonEnabled(True)
        self.address.editingFinished.connect(self._keep)
        self.choose = button("File…", "Choose the file that describes a cluster", self._choose)
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.address, 1)
        layout.addWidget(self.choose)
        self.inside.addWidget(sentence("Where to compute. Workers must see the slide and the model."))
        self.inside.addWidget(row)
        self.set_open(bool(self.where))

    @property
    def where(self) -> str:
        """The address or file; ``""`` for this computer."""
        return self.address.text().strip()

    def ask(self) -> None:
        """Open this part and let a person type the address."""
        self.set_open(True)
        self.address.setFocus()
        self.address.selectAll()

    def set_where(self, where: str) -> None:
        """Compute with workers at an address, those of a file, or with ``""`` on this computer."""
        self.address.setText(where)
        self._keep()

    def _keep(self) -> None:
        self._state.set(WORKERS, self.where)

    def _choose(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "A cluster", "", "Clusters (*.toml)")
        if path:
            self.set_where(path)

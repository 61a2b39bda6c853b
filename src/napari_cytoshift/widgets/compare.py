"""The Compare dock: is this the same tissue in other colours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QRadioButton,
    QVBoxLayout,
)

from cytoshift.errors import Cancelled, CytoshiftError
from napari_cytoshift import notices
from napari_cytoshift.comparison import Comparison
from napari_cytoshift.keys import FLIP_KEY, bind_keys
from napari_cytoshift.sample_data import HOME
from napari_cytoshift.widgets.dock import Dock, button, sentence

if TYPE_CHECKING:
    from napari import Viewer

METHODS = {
    "": ("Original", "The slide as the scanner shows it"),
    "reinhard": ("Reinhard", "Match mean and spread of the tissue's colours in Lab (Reinhard 2001)"),
    "macenko": ("Macenko", "Match the colours and strengths of the two stains (Macenko 2009)"),
}
BUILT_IN = "Built in"
CHOOSE = "Choose an image…"


class CompareDock(Dock):
    """Shows the active slide through a stain method, beside itself or in place of itself."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.comparison = Comparison.of(napari_viewer)
        self.set_start(
            "Open a slide first; then see it here as another laboratory would have stained it.",
            button("Open the sample slide", "A drawn Pap smear, made on this computer", self._open_sample),
        )
        self.methods: dict[str, QRadioButton] = {}
        self.reference = QComboBox()
        self.reference.setToolTip("The image whose colours the slide is to take on")
        self.side = QRadioButton("Side by side")
        self.over = QRadioButton("One over the other")
        self.state = sentence()
        self.mark = QLabel()
        self.use = button(
            "Use for finding", "Let the detector look at slides through this method", self.use_for_finding
        )
        self._lay_out()
        self._fill_references()
        if self.workspace.viewer is not None:
            bind_keys(self.workspace.viewer)
        self.listen(self.comparison.changed, self.refresh)
        self.listen(self.comparison.approximate_changed, self._show_mark)
        self.listen(self.workspace.through_changed, self._show_use)
        self.refresh()

    def _lay_out(self) -> None:
        how = QGroupBox("See this slide as")
        rows = QVBoxLayout(how)
        group = QButtonGroup(self)
        for name, (title, tip) in METHODS.items():
            radio = QRadioButton(title)
            radio.setToolTip(tip)
            group.addButton(radio)
            rows.addWidget(radio)
            self.methods[name] = radio
        group.buttonClicked.connect(self._on_method)
        form = QFormLayout()
        form.addRow("Reference", self.reference)
        rows.addLayout(form)
        where = QGroupBox("Layout")
        row = QHBoxLayout(where)
        self.side.setToolTip("Original left, derived right, with one camera")
        self.over.setToolTip(f"Only the derived slide; hold {FLIP_KEY} to see the original")
        row.addWidget(self.side)
        row.addWidget(self.over)
        self.side.toggled.connect(self._on_layout)
        self.reference.activated.connect(self._on_reference)
        self.hint = sentence(f"Hold {FLIP_KEY} on the canvas to flip to the original.")
        for widget in (how, where, self.hint, self.state, self.mark, self.use):
            self.content.addWidget(widget)
        self.content.addStretch(1)

    # What a person does

    def see(self, method: str) -> None:
        """See the active slide through a method; ``""`` is the original."""
        self.message.say("")
        if not method:
            self.comparison.see_original()
            return
        work = self.comparison.see(method, self._chosen_reference(), failed=self._on_failed)
        if work is not None:
            self.busy.follow(work)

    def use_for_finding(self) -> None:
        """Make what is seen the view through which models look; again, to take it back."""
        self.comparison.toggle_through()

    # What the dock shows

    def refresh(self, *_: object) -> None:
        """Show how the active slide is seen."""
        slide, sight = self.workspace.active, self.comparison.sight
        self.show_start(slide is None)
        if slide is None:
            return
        self.methods["" if sight is None else sight.method].setChecked(True)
        for name, radio in self.methods.items():
            radio.setEnabled(not name or slide.info.brightfield)
        (self.side if self.comparison.side_by_side else self.over).setChecked(True)
        self.hint.setVisible(sight is not None and not self.comparison.side_by_side)
        self.state.setText(self._fit())
        self.state.setVisible(bool(self.state.text()))
        self._show_mark(self.comparison.approximate)
        self._show_use()

    def _fit(self) -> str:
        slide, sight = self.workspace.active, self.comparison.sight
        if slide is not None and not slide.info.brightfield:
            return "This is not a brightfield slide, so there are no stains to normalize."
        if sight is None:
            return ""
        return sight.diagnosis or f"Fit of {sight.operator.title}: good, on {sight.tissue:.0%} of tissue."

    def _show_mark(self, approximate: bool) -> None:
        self.mark.setText("◌ Approximate: tiles are being computed" if approximate else "● Exact")
        self.mark.setVisible(self.comparison.sight is not None)

    def _show_use(self, *_: object) -> None:
        sight, used = self.comparison.sight, self.workspace.through
        self.use.setEnabled(sight is not None or used is not None)
        if self.comparison.used_for_finding:
            self.use.setText("Used for finding · take back")
        elif sight is None and used is not None:
            self.use.setText("Find on the original again")
        else:
            self.use.setText("Use for finding")

    def _fill_references(self) -> None:
        self.reference.clear()
        self.reference.addItem(BUILT_IN, "")
        for path in self.workspace.state.get("references", []):
            if Path(path).exists():
                self.reference.addItem(Path(path).name, path)
        self.reference.addItem(CHOOSE, None)

    def _chosen_reference(self) -> str:
        return self.reference.currentData() or ""

    def _on_method(self, radio: QRadioButton) -> None:
        self.see(next(name for name, one in self.methods.items() if one is radio))

    def _on_reference(self, index: int) -> None:
        if self.reference.itemData(index) is None:
            self.reference.setCurrentIndex(0)
            folder = self.workspace.state.get("folder", str(Path.home()))
            name, _ = QFileDialog.getOpenFileName(self, "Choose a reference image or slide", folder)
            if name:
                self.add_reference(name)
        if self.comparison.sight is not None:
            self.see(self.comparison.sight.method)

    def add_reference(self, path: str) -> None:
        """Remember a reference image and choose it."""
        known = [one for one in self.workspace.state.get("references", []) if one != path]
        self.workspace.state.set("references", [path, *known][:8])
        self._fill_references()
        self.reference.setCurrentIndex(self.reference.findData(path))

    def _on_layout(self, side_by_side: bool) -> None:
        if side_by_side != self.comparison.side_by_side:
            self.comparison.set_side_by_side(side_by_side)

    def _on_failed(self, error: BaseException) -> None:
        self.refresh()
        if isinstance(error, Cancelled):
            return
        if isinstance(error, CytoshiftError):
            self.message.say(str(error))
        else:
            notices.complain(error)

    def _open_sample(self) -> None:
        self.busy.follow(self.workspace.open_sample(HOME))

"""The Compare dock: is this the same tissue in other colours."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy

from cytoshift.errors import Cancelled, CytoshiftError
from napari_cytoshift import notices
from napari_cytoshift.comparison import Comparison
from napari_cytoshift.keys import FLIP_KEY, bind_keys
from napari_cytoshift.layers.derived_layer import MARK
from napari_cytoshift.sample_data import HOME
from napari_cytoshift.sights import MODEL, Sight, Vector
from napari_cytoshift.widgets.compare_layout import LayoutChooser, Strength
from napari_cytoshift.widgets.compare_methods import LEARNED, METHODS, MethodChooser, choice, task_of, with_titles
from napari_cytoshift.widgets.compare_overlays import CompareOverlays
from napari_cytoshift.widgets.compare_reference import ReferenceChooser
from napari_cytoshift.widgets.compare_save import SaveRow
from napari_cytoshift.widgets.compare_steps import Steps
from napari_cytoshift.widgets.dock import Dock, button, sentence
from napari_cytoshift.widgets.gauge import Gauge
from napari_cytoshift.widgets.stain_vectors import StainVectors

if TYPE_CHECKING:
    from napari import Viewer

    from cytoshift.models import Card
    from napari_cytoshift.background import Work

NO_REFERENCE = ("white",)
"""Methods that ask for no reference; nor does a learned one."""


class CompareDock(Dock):
    """Shows the active slide through a method, beside itself, under a line that is swiped, or in place of itself."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.comparison = Comparison.of(napari_viewer)
        self.set_start(
            "Open a slide first; then see it here as another laboratory would have stained it.",
            button("Open the sample slide", "A drawn Pap smear, made on this computer", self._open_sample),
        )
        self.chooser = MethodChooser()
        self.methods = self.chooser.buttons
        self.references = ReferenceChooser(self.workspace)
        self.layouts = LayoutChooser()
        self.strength = Strength()
        self.steps = Steps()
        self.state = sentence()
        self.mark = QLabel()
        self.fallback = button("", "", self.use_fallback)
        self.use = button(
            "Use for finding", "Let the detector look at slides through this method", self.use_for_finding
        )
        self.saving = SaveRow(self.workspace)
        self.overlays = CompareOverlays(napari_viewer)
        self.vectors = StainVectors(napari_viewer)
        self.edit = choice("Stain vectors", "See the stains among the colours of the slide, and change them")
        self._drawn: Sight | None = None
        self.gauge = Gauge(napari_viewer)
        self.hint = sentence(f"Hold {FLIP_KEY} on the canvas to flip to the original.")
        self._asked = ""
        self._learned: list[Card] = []
        self.edit.setChecked(bool(self.workspace.state.get("stain_vectors", False)))
        self._lay_out()
        self._connect()
        for words in (self.chooser.says, self.hint, self.state):
            words.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)  # or it asks for lines more
        for widget in (self.strength, self.hint, self.state, self.fallback, self.mark, self.edit, self.vectors):
            widget.hide()  # until there is something to show: the window would grow for them all
        self.fill_models()
        self.refresh()

    def _lay_out(self) -> None:
        ends = QHBoxLayout()
        ends.addWidget(self.use, 1)
        ends.addWidget(self.saving.save)
        marks = QHBoxLayout()
        marks.addWidget(self.mark, 1)
        marks.addWidget(self.edit)
        for widget in (
            self.chooser,
            self.references,
            self.steps,
            self.strength,
            self.layouts,
            self.hint,
            self.state,
            self.fallback,
        ):
            self.content.addWidget(widget)
        self.content.addLayout(marks)
        self.content.addWidget(self.overlays)
        self.content.addWidget(self.vectors)
        self.content.addStretch(1)
        self.content.addWidget(self.gauge)
        self.content.addLayout(ends)
        self.content.addWidget(self.saving)

    def _connect(self) -> None:
        viewer = self.workspace.viewer
        if viewer is not None:
            bind_keys(viewer)
        self.chooser.chosen.connect(self.see)
        self.chooser.translation_chosen.connect(self.see_translated)
        self.references.chosen.connect(self._on_reference)
        self.references.working.connect(self.busy.follow)
        self.references.said.connect(self.message.say)
        self.references.failed.connect(self._on_failed)
        self.layouts.chosen.connect(self.comparison.set_layout)
        self.layouts.second_chosen.connect(self.see_beside)
        self.layouts.swapped.connect(self.swap)
        self.steps.chosen.connect(self.set_steps)
        self.strength.rested.connect(self._on_strength)
        self.saving.failed.connect(self._on_failed)
        self.edit.toggled.connect(self._on_edit)
        self.vectors.changed.connect(self._on_vectors)
        self.vectors.reset.connect(self._on_vectors)
        for signal, slot in (
            (self.comparison.changed, self.refresh),
            (self.comparison.approximate_changed, self._show_mark),
            (self.workspace.through_changed, self._show_use),
            (self.workspace.models_changed, self.fill_models),
        ):
            self.listen(signal, slot)

    # What a person does

    def see(self, method: str, *, reference: str | None = None) -> None:
        """See the active slide through a method; ``""`` is the original."""
        self.message.say("")
        if not method:
            self._asked = ""
            self.comparison.see_original()
            return
        before = self.comparison.sight
        if before is not None and self._moves_over(before.method, method):
            self._follow(self.comparison.choose(before.choice, beside=True, failed=self._on_failed))
        self._asked = method
        self._see(method, reference, beside=False)
        self.refresh()

    def see_beside(self, method: str) -> None:
        """See the active slide through a second method too; ``""`` for none."""
        self.message.say("")
        if method:
            self._see(method, None, beside=True)
        else:
            self.comparison.see_nothing_beside()

    def see_translated(self, method: str) -> None:
        """See the active slide through a translator, beside a normalization in the third pane; ``""`` for none."""
        sight, beside = self.comparison.sight, self.comparison.beside
        second = beside is not None and self._translates(beside.method)
        first = sight is not None and self._translates(sight.method)
        if method and not first and (second or self._moves_over(method, self._first)):
            self.see_beside(method)
        elif method:
            self.see(method)
        elif second:
            self.see_beside("")
        elif first and beside is not None:
            self._asked = beside.method
            self._follow(self.comparison.choose(beside.choice, failed=self._on_failed))
            self.see_beside("")
        else:
            self.see("")
        self.refresh()

    def set_steps(self, steps: int) -> None:
        """Let the translator take a number of steps."""
        self.message.say("")
        self._follow(self.comparison.set_steps(steps, failed=self._on_failed))

    def swap(self) -> None:
        """Let the second method be the first."""
        beside = self.comparison.beside
        self._asked = self._asked if beside is None else beside.method
        self._follow(self.comparison.swap(failed=self._on_failed))

    def use_fallback(self) -> None:
        """See the slide through the method that suits it better."""
        sight = self.comparison.sight
        if sight is not None and sight.fallback:
            self.see(sight.fallback)

    def use_for_finding(self) -> None:
        """Make what is seen the view through which models look; again, to take it back."""
        self.comparison.toggle_through()

    # What the dock shows

    def fill_models(self, *_: object) -> None:
        """Offer the models that change colours, and the colours on which models were taught."""
        cards = self.workspace.registry.list()
        self._learned = [card for card in cards if card.task in LEARNED]
        self.chooser.set_models(self._learned)
        self.layouts.set_models(self._learned)
        self.references.fill(cards)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show how the active slide is seen."""
        slide, sight = self.workspace.active, self.comparison.sight
        self.show_start(slide is None)
        if slide is None:
            return
        brightfield = slide.info.brightfield
        method, beside = self._first, self.comparison.beside
        second = "" if beside is None else beside.method
        self.chooser.show_method(method, beside=second, brightfield=brightfield)
        self.references.show_reference(sight)
        self.references.setVisible(brightfield and not self._needs_no_reference(method))
        self.layouts.show_layout(self.comparison.layout, second, seen=sight is not None)
        self.strength.setVisible(sight is not None)
        if sight is not None:
            self.strength.show_value(sight.choice.strength)
        self.hint.setVisible(sight is not None and self.comparison.layout == "over")
        self._show_steps()
        self._show_fit()
        self._show_vectors()
        self._show_mark()
        self._show_use()
        self.saving.show_sight(sight)

    def _show_fit(self) -> None:
        sight = self.comparison.sight
        self.state.setText(self._fit())
        self.state.setVisible(bool(self.state.text()))
        better = "" if sight is None else sight.fallback
        self.fallback.setVisible(better in METHODS and bool(better))
        if better in METHODS:
            self.fallback.setText(f"Use {METHODS[better].title} instead")
            self.fallback.setToolTip(METHODS[better].says)

    def _show_steps(self) -> None:
        seen = (self.comparison.sight, self.comparison.beside)
        translated = [sight for sight in seen if sight is not None and self._translates(sight.method)]
        steps, most = (translated[0].steps, translated[0].most_steps) if translated else (0, 0)
        self.steps.show_steps(steps, most)

    def _show_vectors(self) -> None:
        sight = self.comparison.sight
        has_stains = sight is not None and bool(sight.stains)
        shown = has_stains and self.edit.isChecked()
        self.edit.setVisible(has_stains)
        others = (self.gauge, self.chooser.says)  # no room for both on a small screen; hidden first, or it grows
        for widget in (*others, self.vectors) if shown else (self.vectors, *others):
            widget.setVisible((widget is self.vectors) == shown)
        if sight is not None and sight.stains and (self._drawn is None or sight.fitted is not self._drawn.fitted):
            most = max(len(sight.stains), 3 if sight.method == "ruifrok" else 2)
            names = [name.capitalize() for name in sight.stain_names]
            self.vectors.set_stains(names, sight.stains, sight.cloud, white=sight.white, most=most)
        self._drawn = sight

    def _fit(self) -> str:
        slide, sight = self.workspace.active, self.comparison.sight
        if slide is not None and not slide.info.brightfield:
            return "This is not a brightfield slide, so there are no stains to normalize."
        if sight is None:
            return ""
        tissue = f"{100 * sight.tissue:.0f} % of the slide is tissue."
        words = sight.note or ("" if task_of(sight.method, self._learned) else "Fit: good;")
        return with_titles(sight.diagnosis) or f"{words} {tissue}".strip()

    def _show_mark(self, *_: object) -> None:
        shown, steps = self.comparison.shown
        if self.comparison.too_wide:
            self.mark.setText(f"{MARK} Approximate: zoom in for the exact colours")
        elif shown:
            self.mark.setText(f"{MARK} Step {shown} of {steps}: being refined")
        elif self.comparison.approximate:
            self.mark.setText(f"{MARK} Approximate: being computed")
        else:
            self.mark.setText("● Exact")
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

    # Inside

    @staticmethod
    def _needs_no_reference(method: str) -> bool:
        return method in NO_REFERENCE or method.startswith(MODEL)

    @property
    def _first(self) -> str:
        """The first method: the one that is being fitted, else the one that is seen; ``""`` for the original."""
        if self.busy.busy and self._asked:
            return self._asked
        return "" if self.comparison.sight is None else self.comparison.sight.method

    def _translates(self, method: str) -> bool:
        return task_of(method, self._learned) == "translation"

    def _moves_over(self, translator: str, method: str) -> bool:
        """Whether a translator belongs into the third pane, since another method is to be in the second."""
        other = bool(method) and not self._translates(method)
        return self.comparison.layout == "side" and self._translates(translator) and other

    def _see(self, method: str, reference: str | None, *, beside: bool) -> None:
        chosen = self.references.name if reference is None else reference
        seen = (self.comparison.sight, self.comparison.beside)
        self._follow(
            self.comparison.see(
                method,
                "" if self._needs_no_reference(method) else chosen,
                strength=self.strength.value,
                steps=next((sight.steps for sight in seen if sight is not None and sight.method == method), 1),
                beside=beside,
                failed=self._on_failed,
            )
        )

    def _follow(self, work: Work | None) -> None:
        if work is not None:
            self.busy.follow(work)

    def _on_reference(self, name: str) -> None:
        sight, beside = self.comparison.sight, self.comparison.beside
        if beside is not None and not self._needs_no_reference(beside.method):
            self.see_beside(beside.method)
        if sight is not None and not self._needs_no_reference(sight.method):
            self.see(sight.method, reference=name)

    def _on_strength(self, strength: float) -> None:
        self._follow(self.comparison.set_strength(strength, failed=self._on_failed))

    def _on_edit(self, on: bool) -> None:
        self.workspace.state.set("stain_vectors", on)
        self._show_vectors()

    def _on_vectors(self, vectors: tuple[Vector, ...] = ()) -> None:
        sight = self.comparison.sight
        if sight is not None:
            self._follow(self.comparison.choose(replace(sight.choice, stains=vectors), failed=self._on_failed))

    def _on_failed(self, error: BaseException) -> None:
        if isinstance(error, Cancelled):
            return
        self._asked = ""
        self.refresh()
        if isinstance(error, CytoshiftError):
            self.message.say(with_titles(str(error)))
        else:
            notices.complain(error)

    def _open_sample(self) -> None:
        self.busy.follow(self.workspace.open_sample(HOME))

"""A slide beside itself in other colours: which method, how it is laid out, and the layers that show it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from psygnal import Signal
from qtpy.QtCore import QTimer

from cytoshift.engine.progress import CancelToken
from cytoshift.slides.slide import Slide
from napari_cytoshift import notices
from napari_cytoshift.background import Work
from napari_cytoshift.layers import slide_layers
from napari_cytoshift.layers.arrangement import LAYOUTS, Arrangement, Layout
from napari_cytoshift.layers.derived_layer import DerivedLayer
from napari_cytoshift.layers.panes import BESIDE, DERIVED
from napari_cytoshift.looking import look_through
from napari_cytoshift.sights import Choice, Sight, Vector
from napari_cytoshift.workspace import Workspace

if TYPE_CHECKING:
    from napari import Viewer

REMEMBERED = 100
"""Slides of which is remembered how they were seen."""


class Comparison:
    """The comparison of one viewer. Get it with `Comparison.of`.

    Attributes
    ----------
    changed : Signal()
        What is seen, or the layout, has changed.
    approximate_changed : Signal(bool)
        Whether the view holds tiles that are not true yet; also when that stays, but `shown` is another.
    """

    changed = Signal()
    approximate_changed = Signal(bool)

    _of: ClassVar[weakref.WeakKeyDictionary[Viewer, Comparison]] = weakref.WeakKeyDictionary()

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        kept = workspace.state.get("layout")
        self.layout: Layout = kept if kept in LAYOUTS else "side"
        self._shown: dict[tuple[str, str], DerivedLayer] = {}
        self._asked: dict[str, CancelToken] = {}
        self._returned_to: set[str] = set()
        self._lost: set[str] = set()
        self._arrangement = Arrangement(workspace)
        self._settle = QTimer()
        self._settle.setSingleShot(True)
        self._settle.timeout.connect(self._on_settled)
        viewer = workspace.viewer
        if viewer is not None:
            viewer.layers.events.removed.connect(self._on_removed)
            viewer.layers.events.inserted.connect(self._on_inserted)
        workspace.active_changed.connect(self._on_active)
        workspace.calibrated.connect(self._on_calibrated)
        self._on_active()

    @classmethod
    def of(cls, viewer: Viewer) -> Comparison:
        """Return the comparison of a viewer, the same one every time."""
        viewer = getattr(viewer, "__wrapped__", viewer)
        if viewer not in cls._of:
            cls._of[viewer] = cls(Workspace.of(viewer))
        return cls._of[viewer]

    @property
    def sight(self) -> Sight | None:
        """What the active slide is seen through; None for the original."""
        return self._sight(DERIVED)

    @property
    def beside(self) -> Sight | None:
        """What the active slide is seen through in the third pane; None without one."""
        return self._sight(BESIDE)

    @property
    def approximate(self) -> bool:
        """Whether the view holds tiles that are not true yet."""
        return any(shown.approximate for shown in self._in_view())

    @property
    def too_wide(self) -> bool:
        """Whether tiles that are not true stay so until a person zooms in."""
        return any(shown.approximate and shown.too_wide for shown in self._in_view())

    @property
    def shown(self) -> tuple[int, int]:
        """Steps in the least true tile of the view, 0 for a preview or less, and steps that were asked for there."""
        steps = [(shown.shown, shown.sight.steps) for shown in self._in_view() if shown.approximate]
        return min(steps, default=(0, 0))

    # What a person does

    def see(
        self,
        method: str,
        reference: str = "",
        *,
        strength: float = 1.0,
        stains: tuple[Vector, ...] = (),
        steps: int = 1,
        beside: bool = False,
        failed: Callable[[BaseException], None] = notices.complain,
    ) -> Work | None:
        """Show the active slide through a method; the fit is made in a thread.

        Parameters
        ----------
        method, reference, strength, stains, steps
            As in `Choice`.
        beside : bool
            Whether this is the second method, seen beside the first.
        failed : callable, optional
            Gets the error where the slide cannot be seen so; a notification without.
        """
        return self.choose(Choice(method, reference, strength, stains, steps), beside=beside, failed=failed)

    def choose(
        self, choice: Choice, *, beside: bool = False, failed: Callable[[BaseException], None] = notices.complain
    ) -> Work | None:
        """Show the active slide as was chosen; see `see`."""
        slide, role = self.workspace.active, BESIDE if beside else DERIVED
        if slide is None:
            return None
        self._stop(role)
        registry, known, box = self.workspace.registry, self._alike(choice, role), self.workspace.view_box(slide)
        name = choice.method.rpartition(":")[2]
        work = self.workspace.start(
            f"Fitting {name} to {slide.name}",
            lambda work: look_through(slide, choice, registry, work, known, box),
            done=lambda sight: self._show(slide, sight, role, work.cancel),
            failed=failed,
        )
        self._asked[role] = work.cancel
        return work

    def set_strength(
        self, strength: float, *, failed: Callable[[BaseException], None] = notices.complain
    ) -> Work | None:
        """Show the active slide as it is seen now, at another strength; what is seen stays until it is there."""
        return self._change(lambda sight: replace(sight.choice, strength=strength), failed)

    def set_steps(self, steps: int, *, failed: Callable[[BaseException], None] = notices.complain) -> Work | None:
        """Let translators that the active slide is seen through take a number of steps, or as many as they can."""
        return self._change(lambda sight: replace(sight.choice, steps=min(steps, sight.most_steps)), failed)

    def swap(self, *, failed: Callable[[BaseException], None] = notices.complain) -> Work | None:
        """Let the second method be the first, which finding, saving and the gauge follow, and the first the second."""
        first, second = self.sight, self.beside
        if first is None or second is None:
            return None
        self.choose(first.choice, beside=True, failed=failed)
        return self.choose(second.choice, failed=failed)

    def _change(self, change: Callable[[Sight], Choice], failed: Callable[[BaseException], None]) -> Work | None:
        works: list[Work | None] = []
        for sight, beside in ((self.beside, True), (self.sight, False)):
            if sight is not None and (choice := change(sight)) != sight.choice:
                works.append(self.choose(choice, beside=beside, failed=failed))
        return works[-1] if works else None

    def _alike(self, choice: Choice, role: str) -> Sight | None:
        """Return the sight of the active slide whose fit can be used for a choice; else the one that is replaced."""
        sights = (self.sight, self.beside)
        return next((one for one in sights if one is not None and one.fits(choice)), self._sight(role))

    def see_original(self) -> None:
        """Show the active slide as it is."""
        slide = self.workspace.active
        for role in (DERIVED, BESIDE):
            self._stop(role)
            if slide is not None:
                self._remove(slide, role)
        self._remember(slide)
        self._on_active()

    def see_nothing_beside(self) -> None:
        """Take the second method away."""
        slide = self.workspace.active
        self._stop(BESIDE)
        if slide is not None:
            self._remove(slide, BESIDE)
        self._remember(slide)
        self._on_active()

    def set_layout(self, layout: Layout) -> None:
        """Lay original and derived out: side by side, with a line to swipe, or one over the other."""
        self.layout = layout
        self.workspace.state.set("layout", layout)
        self._on_active()

    def next_layout(self) -> None:
        """Go on to the next layout."""
        self.set_layout(LAYOUTS[(LAYOUTS.index(self.layout) + 1) % len(LAYOUTS)])

    def flip(self, to_original: bool) -> None:
        """Show the original in place of the derived slide, or the derived slide again."""
        for shown in map(self._of_active, (DERIVED, BESIDE)):
            if shown is not None:
                shown.layer.opacity = 0.0 if to_original else 1.0

    @property
    def used_for_finding(self) -> bool:
        """Whether models look at slides as the active slide is seen."""
        sight, used = self.sight, self.workspace.through
        return sight is not None and used is not None and used.key == sight.operator.key

    def toggle_through(self) -> None:
        """Let models look at slides as the active slide is seen, or at the original again."""
        sight = None if self.used_for_finding else self.sight
        self.workspace.see_through(None if sight is None else sight.operator)

    # The layers

    def _of_active(self, role: str) -> DerivedLayer | None:
        slide = self.workspace.active
        return None if slide is None else self._shown.get((slide.info.identity, role))

    def _in_view(self) -> list[DerivedLayer]:
        shown = map(self._of_active, (DERIVED, BESIDE))
        return [one for one in shown if one is not None and one.layer.visible]

    def _sight(self, role: str) -> Sight | None:
        shown = self._of_active(role)
        return None if shown is None else shown.sight

    def _stop(self, role: str) -> None:
        asked = self._asked.pop(role, None)
        if asked is not None:
            asked.cancel()

    def _show(self, slide: Slide, sight: Sight, role: str, asked: CancelToken) -> None:
        viewer, original = self.workspace.viewer, self.workspace.layer(slide)
        if viewer is None or original is None or asked is not self._asked.get(role):
            return
        del self._asked[role]
        shown = self._shown.get((slide.info.identity, role))
        if shown is not None:
            shown.take(sight)
        else:
            shown = DerivedLayer(sight, slide, role)
            shown.layer.visible = original.visible
            below = self.workspace.layer(slide, DERIVED) or original
            viewer.layers.insert(viewer.layers.index(below) + 1, shown.layer)
            shown.approximate_changed.connect(self._on_approximate)
            self._shown[slide.info.identity, role] = shown
            viewer.layers.selection.active = original
        self._remember(slide)
        self._on_active()

    def _remove(self, slide: Slide, role: str) -> None:
        shown = self._shown.get((slide.info.identity, role))
        if shown is not None:
            self._take_out(shown)

    def _take_out(self, shown: DerivedLayer) -> None:
        viewer = self.workspace.viewer
        if viewer is not None and shown.layer in viewer.layers:
            viewer.layers.remove(shown.layer)

    def _on_removed(self, event: Any) -> None:
        identity, role = slide_layers.identity_of(event.value), slide_layers.role_of(event.value)
        shown = self._shown.pop((identity, role), None)
        if shown is not None:
            shown.stop()
            self._lost.add(identity)
        if shown is not None or role == "original":
            self._settle.start()

    def _on_inserted(self, event: Any) -> None:
        if self._arrangement.side and slide_layers.role_of(event.value) not in (DERIVED, BESIDE):
            self._settle.start()

    def _on_settled(self) -> None:
        """Follow what was removed in napari's list of layers: nothing is left of a slide that is closed."""
        for identity, role in tuple(self._shown):
            slide = self.workspace.slide(identity)
            if slide is None or (role == BESIDE and (identity, DERIVED) not in self._shown):
                self._take_out(self._shown[identity, role])
        active = self.workspace.active
        if active is not None and active.info.identity in self._lost:
            self._remember(active)
        self._lost.clear()
        self._on_active()

    def _on_active(self, *_: object) -> None:
        self._return_to()
        slide = self.workspace.active
        seen = [shown.layer for shown in map(self._of_active, (DERIVED, BESIDE)) if shown is not None]
        self._arrangement.lay_out(None if slide is None else self.workspace.layer(slide), seen, self.layout)
        self.changed.emit()

    def _on_approximate(self, _: bool) -> None:
        self.approximate_changed.emit(self.approximate)

    def _on_calibrated(self, slide: Slide) -> None:
        for role in (DERIVED, BESIDE):
            shown = self._shown.get((slide.info.identity, role))
            if shown is not None and slide.info.mpp_yx is not None:
                shown.calibrate(slide.info.mpp_yx, slide.info.objective)

    # What is remembered

    def _remember(self, slide: Slide | None) -> None:
        """Remember how a slide is seen, for the next time it is opened."""
        if slide is None:
            return
        identity, kept = slide.info.identity, dict(self.workspace.state.get("sights", {}))
        kept.pop(identity, None)
        seen = {role: self._shown.get((identity, role)) for role in (DERIVED, BESIDE)}
        choices = {role: shown.sight.choice.to_json() for role, shown in seen.items() if shown is not None}
        if choices:
            kept[identity] = choices
        self.workspace.state.set("sights", dict(list(kept.items())[-REMEMBERED:]))

    def _return_to(self) -> None:
        """See the active slide as it was seen last, when it becomes active for the first time."""
        slide = self.workspace.active
        if slide is None or slide.info.identity in self._returned_to:
            return
        self._returned_to.add(slide.info.identity)
        choices = self.workspace.state.get("sights", {}).get(slide.info.identity, {})
        for role, kept in choices.items():
            with suppress(KeyError, TypeError, ValueError):  # what an older or newer version remembered
                self.choose(Choice.from_json(kept), beside=role == BESIDE)

"""The layer that shows a slide as it is seen: it sharpens in place, and changes its colours without going blank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_cytoshift.layers import slide_layers
from napari_cytoshift.layers.refresher import Refresher
from napari_cytoshift.layers.sharpening import Sharpener

if TYPE_CHECKING:
    from cytoshift.slides.slide import Slide
    from napari_cytoshift.sights import Sight

MARK = "≈"
"""Before the name of a layer that holds tiles that are not true yet, and no step of what is true."""

LONGEST, ROOM = 10, 22
"""Letters of the slide's name, and of the method's and the slide's together, that fit into a pane; at least `LEAST`."""

LEAST = 4

MARK_AFTER_MS = 400
"""A pan that is true again sooner than this is not marked: nothing shall blink."""


class DerivedLayer:
    """A slide seen through a method, in a viewer.

    Parameters
    ----------
    sight : Sight
    slide : Slide
        The original.
    role : {"derived", "beside"}
        The first or the second method.

    Attributes
    ----------
    layer : Image
        To be put into a viewer.
    approximate_changed : Signal(bool)
        Whether the view holds tiles that are not true yet; also when that stays, but `shown` is another.
    """

    approximate_changed = Signal(bool)

    def __init__(self, sight: Sight, slide: Slide, role: str) -> None:
        self.sight = sight
        self._slide = slide
        self._sharpener = Sharpener(sight.stages, slide)
        slide_layers.remember(sight.slide)
        options = slide_layers.layer_options(sight.slide, role)
        self._title = _title(sight)
        self._waits = False
        self.layer = Image(self._sharpener.levels(), **{**options, "name": self._title})
        self._later = QTimer(singleShot=True, interval=MARK_AFTER_MS)
        self._later.timeout.connect(self._mark)
        self._refresher = self._follow()

    def _follow(self) -> Refresher:
        refresher = Refresher(self.layer, self._sharpener)
        refresher.approximate_changed.connect(self._on_approximate)
        return refresher

    @property
    def approximate(self) -> bool:
        """Whether the view holds tiles that are not true yet."""
        return self._refresher.approximate

    @property
    def too_wide(self) -> bool:
        """Whether they stay until a person zooms in."""
        return self._refresher.too_wide

    @property
    def shown(self) -> int:
        """Steps of the operator in what is shown; 0 for a preview or less."""
        return self.sight.steps_at(self._refresher.stage)

    def take(self, sight: Sight) -> None:
        """Show another sight of the same slide in place; what is seen stays until it is there.

        Where its levels are others, their coarsest is seen instead. The layer stays: napari takes long to remove one.
        """
        alike = sight.slide.levels == self.sight.slide.levels
        self.sight = sight
        self._title = _title(sight)
        slide_layers.remember(sight.slide)
        self.layer.metadata[slide_layers.METADATA]["key"] = sight.slide.key
        if alike:
            self._sharpener.replace(sight.stages)
            self.layer._reset_thumbnail_level_data()  # napari 0.9 keeps the coarsest level; `data` would flash it
            self.layer.refresh(thumbnail=True, highlight=False, extent=False)
        else:
            self._take_levels(sight)
        self._mark()

    def _take_levels(self, sight: Sight) -> None:
        self._refresher.stop()
        self._sharpener = Sharpener(sight.stages, self._slide)
        self._refresher = self._follow()
        options = slide_layers.layer_options(sight.slide, slide_layers.role_of(self.layer))
        with self.layer._block_refresh():
            self.layer.data = self._sharpener.levels()
            self.layer.scale, self.layer.translate = options["scale"], options["translate"]
        self.layer.refresh(highlight=False)

    def calibrate(self, mpp_yx: tuple[float, float], objective: float | None) -> None:
        """Take over µm/px that a person gave."""
        slide_layers.calibrate(self.layer, self.sight.slide.calibrated(mpp_yx, objective))

    def stop(self) -> None:
        """Stop the threads and the timers; the layer is gone."""
        self._refresher.stop()
        self._later.stop()

    def _on_approximate(self, approximate: bool) -> None:
        if approximate and not self._waits:
            self._later.start()
        elif not approximate:
            self._later.stop()
        self._waits = approximate
        self._mark()
        self.approximate_changed.emit(approximate)

    def _mark(self) -> None:
        marked = self.approximate and not self._later.isActive()
        mark = (f"Step {self.shown} of {self.sight.steps} ·" if self.shown else MARK) if marked else ""
        self.layer.name = f"{mark} {self._title}".strip()


def _title(sight: Sight) -> str:
    strength = "" if sight.choice.strength == 1 else f" {100 * sight.choice.strength:.0f} %"
    method, name = f"{sight.operator.title}{strength}", sight.slide.name
    room = min(LONGEST, max(ROOM - len(method), LEAST))
    return f"{method} · {name if len(name) <= room else name[: room - 1] + '…'}"

"""Pictures of cells at one physical scale, read in threads: those wished for now, and kept for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from qtpy.QtGui import QImage

from cytoshift.slides.slide import RGB, Slide
from napari_cytoshift.view import Box
from napari_cytoshift.widgets.review_crop import image_of, read_around

if TYPE_CHECKING:
    from napari_cytoshift.background import Work
    from napari_cytoshift.workspace import Workspace

KEPT = 1500
"""Pictures kept in memory: some 60 MB at 100 pixels a side."""

READERS = 2


class Crop(NamedTuple):
    """A picture: a slide, a box on it (level-0 pixels), the side that it shows, in level-0 and in screen pixels."""

    slide: Slide
    box: Box
    extent: float
    pixels: int

    @property
    def key(self) -> tuple[object, ...]:
        """What identifies its pixels."""
        return self.slide.key, self.box, self.extent, self.pixels


class Crops:
    """Pictures that are here, and those on their way.

    Parameters
    ----------
    workspace : Workspace
    arrived : callable
        Called in the Qt thread after a picture arrived.
    """

    def __init__(self, workspace: Workspace, arrived: Callable[[], None]) -> None:
        self._workspace = workspace
        self._arrived = arrived
        self._images: OrderedDict[tuple[object, ...], QImage] = OrderedDict()
        self._lock = threading.Lock()
        self._wishes: list[Crop] = []
        self._reading: set[tuple[object, ...]] = set()
        self._readers = 0
        self._failed: set[tuple[object, ...]] = set()

    @property
    def waiting(self) -> bool:
        """Whether pictures are on their way."""
        return self._readers > 0

    def get(self, crop: Crop) -> QImage | None:
        """Return a picture if it is here; never reads."""
        image = self._images.get(crop.key)
        if image is not None:
            self._images.move_to_end(crop.key)
        return image

    def want(self, crops: Iterable[Crop]) -> None:
        """Read these pictures, in this order, unless they are here; what was wished before and not begun is dropped."""
        with self._lock:
            skip = self._reading | self._failed
            self._wishes = [crop for crop in crops if crop.key not in self._images and crop.key not in skip]
            missing = min(READERS, len(self._wishes)) - self._readers
        for _ in range(missing):
            self._readers += 1
            work = self._workspace.start("Reading cells", self._read, sent=self._take, in_activity=False)
            work.finished.connect(self._end)

    def _read(self, work: Work) -> None:
        """Read what is wished until nothing is; runs in a thread."""
        while (crop := self._next()) is not None:
            work.cancel.check()
            try:
                work.send((crop, read_around(crop.slide, crop.box, crop.extent, crop.pixels)))
            except BaseException:
                with self._lock:
                    self._failed.add(crop.key)  # said once; not tried again at every movement
                raise
            finally:
                with self._lock:
                    self._reading.discard(crop.key)

    def _next(self) -> Crop | None:
        with self._lock:
            crop = self._wishes.pop(0) if self._wishes else None
            if crop is not None:
                self._reading.add(crop.key)
            return crop

    def _take(self, read: tuple[Crop, RGB]) -> None:
        crop, pixels = read
        self._images[crop.key] = image_of(pixels)
        while len(self._images) > KEPT:
            self._images.popitem(last=False)
        self._arrived()

    def _end(self) -> None:
        self._readers -= 1
        with self._lock:
            left = list(self._wishes)
        if left:  # wished between the last look and the end
            self.want(left)

"""Slides of the study that are not looked at: opened in threads, for pictures of their cells or to go there."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from cytoshift.errors import CytoshiftError, StudyError
from cytoshift.study.relocate import lies_at
from napari_cytoshift import notices
from napari_cytoshift.reader import open_calibrated

if TYPE_CHECKING:
    from cytoshift.slides.slide import Slide
    from cytoshift.study import Study
    from napari_cytoshift.background import Work
    from napari_cytoshift.workspace import Workspace

KEPT = 16
"""Slides kept open besides those in the window."""


class StudySlides:
    """The slides of a study by identity, in the window or not.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._kept: OrderedDict[str, Slide] = OrderedDict()
        self._works: dict[str, Work] = {}
        self._failed: set[str] = set()
        workspace.study_changed.connect(self._on_study)

    @property
    def waiting(self) -> bool:
        """Whether slides are on their way."""
        return bool(self._works)

    def get(self, identity: str, come: Callable[[], object]) -> Slide | None:
        """Return a slide if it is open; else open it in a thread and call ``come`` then. Those that fail stay away."""
        known = self._workspace.slide(identity) or self._kept.get(identity)
        if known is not None:
            if identity in self._kept:
                self._kept.move_to_end(identity)
        elif identity and identity not in self._works and identity not in self._failed:
            self._open(identity, lambda _: come(), lambda _: None)
        return known

    def go(self, identity: str, failed: Callable[[str], object]) -> Work | None:
        """Show a slide in the window, opened in a thread where it is not open yet; ``failed`` gets a sentence."""
        workspace = self._workspace
        known = workspace.slide(identity) or self._kept.get(identity)
        if known is not None:
            workspace.show(known)
            return None
        return self._open(identity, workspace.show, failed)

    def _open(self, identity: str, done: Callable[[Slide], object], failed: Callable[[str], object]) -> Work:
        workspace, study = self._workspace, self._workspace.study

        def take(slide: Slide) -> None:
            self._works.pop(identity, None)
            self._failed.discard(identity)
            self._kept[identity] = slide
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            done(slide)

        def fail(error: BaseException) -> None:
            self._works.pop(identity, None)
            self._failed.add(identity)
            if not isinstance(error, CytoshiftError):
                notices.complain(error)
            failed(str(error))

        work = workspace.start(
            "Opening a slide", lambda _: _opened(study, identity), done=take, failed=fail, in_activity=False
        )
        self._works[identity] = work
        return work

    def _on_study(self, _: object) -> None:
        self._kept.clear()
        self._failed.clear()


def _opened(study: Study, identity: str) -> Slide:
    """Open a slide where it lies, with the µm/px that it has in the study; StudyError where it does not."""
    record = study.slide(identity)
    path = lies_at(record)
    if path is None:
        raise StudyError(f"{record.name} is not where it was seen last; open it from its new place (Slide).")
    slide = open_calibrated(path)
    if slide.info.identity != identity:
        raise StudyError(f"{path} is another slide now than {record.name} was; open that from its new place (Slide).")
    if record.mpp_yx is not None and record.mpp_yx != slide.info.mpp_yx:
        return slide.calibrated(record.mpp_yx, record.objective)
    return slide

"""``python -m napari_cytoshift.demo``: the whole loop on the sample slide, or on one's own.

With a display the window opens and stays. Without one, the same steps are gone through in a virtual display, and
screenshots, cells, the slide in other colours and a report are left in a folder.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cytoshift.errors import CytoshiftError
from napari_cytoshift.demo.subject import Subject, subject
from napari_cytoshift.demo.terminal import bar
from napari_cytoshift.headless import ensure_display
from napari_cytoshift.system_libraries import has_display

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari import Viewer

    from napari_cytoshift.demo.terminal import Bar
    from napari_cytoshift.demo.tour import Tour

FOLDER = Path("demo")
WINDOW = (1600, 900)


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; return 0, or 2 where a person must put something right first."""
    parser = argparse.ArgumentParser(prog="napari_cytoshift.demo", description="Go through the whole loop on a slide.")
    parser.add_argument("--slide", type=Path, help="a slide of your own; the sample slide without")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder for what is written")
    parser.add_argument("--mpp", type=float, help="µm/px of level 0, where the slide does not say")
    chosen = parser.parse_args(arguments)
    try:
        return _run(chosen.slide, chosen.out, chosen.mpp)
    except CytoshiftError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2


def _run(path: Path | None, out: Path, mpp: float | None) -> int:
    about = subject(path, mpp)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CytoshiftError(f"{out} cannot be made ({error.strerror}); give another folder with --out.") from error
    # The demo has a study of its own, so that nobody's corrections are mixed with it.
    os.environ.setdefault("CYTOSHIFT_HOME", str((out / "session").absolute()))
    if has_display() and not os.environ.get("CI"):
        return _show(about)
    return _write(about, out)


def _show(about: Subject) -> int:
    """Open the window and go through the steps; it stays open until a person closes it."""
    import napari

    with bar("Opening the window") as line:
        viewer = _viewer()

        def stay() -> None:
            tour.bring("Review")
            line.begin("Everything is there; close the window to end")

        tour = _tour(viewer, about, None, line, on_end=stay)
        napari.run()
    return 0


def _write(about: Subject, out: Path) -> int:
    """Go through the steps where nobody sees the window, and write what is worth keeping."""
    os.environ.setdefault("NAPARI_CONFIG", str((out / "session" / "napari.yaml").absolute()))
    ensure_display()
    from napari.utils.notifications import notification_manager
    from qtpy.QtWidgets import QApplication

    from napari_cytoshift.demo.results import write_results

    with bar("Opening the window") as line:
        viewer = _viewer()
        tour = _tour(viewer, about, out, line, on_end=QApplication.exit)
        with notification_manager:  # errors in callbacks end the tour, too
            QApplication.exec()
        viewer.close()
    if tour.trouble is not None or tour.findings is None:
        raise tour.trouble or CytoshiftError("The window was closed before the end; run the demo again.")
    report = write_results(about, tour.findings, tour.pictures, out)
    print(f"Read {report}")
    return 0


def _viewer() -> Viewer:
    import napari

    viewer = napari.Viewer(title="napari")
    viewer.window.resize(*WINDOW)
    return viewer


def _tour(viewer: Viewer, about: Subject, folder: Path | None, line: Bar, on_end: Callable[[], None]) -> Tour:
    from napari_cytoshift.demo.tour import Tour

    tour = Tour(viewer, about, folder, on_step=line.begin, on_progress=line.count, on_end=on_end)
    tour.start()
    return tour


if __name__ == "__main__":
    sys.exit(main())

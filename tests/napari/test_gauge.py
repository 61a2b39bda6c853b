"""The gauge "how far from home": what is drawn, what is measured, when, and what it says where it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QApplication

from cytoshift.models import Registry, build_operator
from cytoshift.models.domain import Domain
from cytoshift.models.gauge import distance, measure_domain
from cytoshift.models.intake import copy_model
from napari_cytoshift.comparison import Comparison
from napari_cytoshift.home_distance import HomeDistance
from napari_cytoshift.home_measure import VIEW_TILES
from napari_cytoshift.layers.drawn_box import cut
from napari_cytoshift.sights import MODEL
from napari_cytoshift.widgets.gauge import Gauge
from napari_cytoshift.widgets.gauge_scale import FAR, FAR_ON_DARK, NEAR, NEAR_ON_DARK, GaugeScale, Lane, one_decimal
from napari_cytoshift.workspace import Workspace

Make = Callable[..., Any]
LONG = 60_000
DARK = (0.6, 0.6, 0.6)


# The scale


@pytest.fixture
def scale(qtbot: Any) -> GaugeScale:
    """Return a scale of the width of a dock, on white."""
    made = GaugeScale()
    qtbot.addWidget(made)
    paint(made, QColor(255, 255, 255), QColor(0, 0, 0))
    made.show_lanes((0.6, 1.8), Lane("slide", 4.0, 1.0), Lane("view", None))
    made.resize(320, made.sizeHint().height())
    return made


def paint(widget: GaugeScale, back: QColor, text: QColor) -> None:
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Window, back)
    palette.setColor(QPalette.ColorRole.WindowText, text)
    widget.setPalette(palette)


def color_at(scale: GaugeScale, at: float, lane: int = 0) -> QColor:
    """Return the colour painted where a distance lies on a lane."""
    image = scale.grab().toImage()
    y = scale.middle(lane)
    return QColor(image.pixelColor(QPointF(scale.place(at), y).toPoint()))


def like(one: QColor, other: QColor) -> bool:
    return max(abs(a - b) for a, b in zip(one.getRgb()[:3], other.getRgb()[:3], strict=True)) < 40


def test_places_grow_with_the_logarithm_and_end_at_eight(scale: GaugeScale) -> None:
    left, right = scale.place(0), scale.place(8)
    assert 0 < left < right < scale.width()
    assert scale.place(2) == pytest.approx((left + right) / 2)
    assert scale.place(20) == right
    places = [scale.place(at) for at in np.linspace(0, 8, 30)]
    assert (np.diff(places) > 0).all()


def test_marks_lie_at_their_distances_filled_before_and_hollow_after(scale: GaugeScale) -> None:
    assert like(color_at(scale, 4.0), FAR)
    assert not like(color_at(scale, 1.0), NEAR)  # hollow: the ring alone is coloured
    ring = scale.grab().toImage().pixelColor(QPointF(scale.place(1.0), scale.middle(0) - 4).toPoint())
    assert like(ring, NEAR)
    scale.show_lanes((0.6, 1.8), Lane("slide", 1.0), Lane("view", None))
    assert like(color_at(scale, 1.0), NEAR)
    assert not like(color_at(scale, 4.0), FAR)


def test_marks_are_lighter_on_a_dark_theme(scale: GaugeScale) -> None:
    paint(scale, QColor(38, 41, 48), QColor(240, 240, 240))
    scale.show_lanes((0.6, 1.8), Lane("slide", 4.0), Lane("view", 1.0))
    assert like(color_at(scale, 4.0), FAR_ON_DARK)
    assert like(color_at(scale, 1.0, 1), NEAR_ON_DARK)


def test_the_band_of_the_usual_is_shaded_and_nothing_beyond(scale: GaugeScale) -> None:
    image = scale.grab().toImage()
    y = round(scale.middle(1)) - 4
    inside, outside = (image.pixelColor(round(scale.place(at)), y).lightness() for at in (1.4, 3.0))
    assert inside < outside - 15


def test_numbers_have_one_decimal() -> None:
    assert [one_decimal(value) for value in (0.04, 2.26, 12.0, 400.0)] == ["0.0", "2.3", "12.0", "> 99"]
    assert Lane("slide", 2.26, 0.9).words == "2.3 → 0.9"
    assert Lane("view", None).words == "–"


# The gauge


def adopt(folder: Path, name: str, domain: Domain | None) -> None:
    """Put a detector into use whose card knows a domain, or none."""
    registry = Registry()
    starter = registry.find("starter", "detector")
    copy_model(starter, folder, starter.card.model_copy(update={"id": name, "domain": domain}))
    registry.adopt(registry.add(folder).card.id)


@pytest.fixture
def at_home(make_slide: Make, tmp_path: Path, home: Path) -> None:
    """Put a detector into use that was taught on the noise that `make_slide` draws."""
    tints = np.random.default_rng(0).uniform(0.9, 1.05, (10, 3))
    fields = [tinted(make_slide(f"{k}.svs", 600, 600), tint) for k, tint in enumerate(tints)]
    adopt(tmp_path / "taught", "taught-on-noise", measure_domain(fields, name="noise"))


def tinted(slide: Any, tint: Any, left: int = 0) -> Any:
    """Give a slide, from a level-0 column on, other colours."""
    for level, pixels in enumerate(slide.pixels):
        part = pixels[:, left >> level :]
        part[...] = (part * np.asarray(tint)).clip(0, 255)
    return slide


def begin(make_napari_viewer: Make, slide: Any, qtbot: Any) -> Gauge:
    """Open the Slide dock beside a slide and return its gauge."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1366, 768)
    dock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Slide")[1]
    dock.workspace.show(slide)
    qtbot.waitUntil(lambda: dock.gauge.isVisible())
    return dock.gauge  # type: ignore[no-any-return]


def test_a_slide_from_home_is_as_close_as_usual(
    at_home: None, make_napari_viewer: Make, make_slide: Make, qtbot: Any
) -> None:
    gauge = begin(make_napari_viewer, make_slide(height=600, width=600), qtbot)
    qtbot.waitUntil(lambda: gauge.home.distances is not None, timeout=LONG)
    found = gauge.home.distances
    assert found.slide <= found.usual[1]
    assert gauge.words.text() == "As close as usual to what taught-on-noise was taught on."
    assert found.view == found.slide  # all of it is in view
    assert gauge.measure.isHidden()


def test_a_slide_from_elsewhere_is_far_and_comes_nearer_through_a_method(
    at_home: None, make_napari_viewer: Make, make_slide: Make, qtbot: Any
) -> None:
    slide = tinted(make_slide("other.svs", 600, 600), DARK)
    gauge = begin(make_napari_viewer, slide, qtbot)
    qtbot.waitUntil(lambda: gauge.home.distances is not None, timeout=LONG)
    before = gauge.home.distances
    assert before.slide > before.usual[1]
    assert f"{before.slide:.1f} × as far as usual" in gauge.words.text()
    assert gauge.scale.lanes[0] == Lane("slide", before.slide)
    comparison = Comparison.of(gauge.home.workspace.viewer)
    comparison.see("reinhard", f"{MODEL}taught-on-noise")
    qtbot.waitUntil(lambda: gauge.home.distances.method != "", timeout=LONG)
    found = gauge.home.distances
    assert found.slide == before.slide
    assert found.slide_after < before.slide
    assert gauge.words.text().endswith(f"; {found.slide_after:.1f} through {found.method}.")
    assert gauge.scale.lanes[0] == Lane("slide", found.slide, found.slide_after)
    comparison.see_original()
    qtbot.waitUntil(lambda: gauge.home.distances.method == "", timeout=LONG)
    assert gauge.home.distances == before


def test_the_view_is_measured_when_it_rests_and_the_slide_once(
    at_home: None, make_napari_viewer: Make, make_slide: Make, qtbot: Any
) -> None:
    slide = tinted(make_slide(), DARK, left=1400)
    gauge = begin(make_napari_viewer, slide, qtbot)
    qtbot.waitUntil(lambda: gauge.home.distances is not None, timeout=LONG)
    whole = gauge.home.distances.slide
    started: list[str] = []
    workspace = gauge.home.workspace
    start = workspace.start
    workspace.start = lambda title, *rest, **more: (started.append(title), start(title, *rest, **more))[1]
    for x in range(0, 700, 100):  # a pan: one measurement at its end
        workspace.look_at(slide, (x + 900.0, 400.0, x + 1400.0, 900.0))
    qtbot.waitUntil(lambda: gauge.home.distances.view != whole, timeout=LONG)
    assert gauge.home.distances.slide == whole
    domain = workspace.registry.current("detector").card.domain
    box = cut(workspace.view_box(slide), slide)
    assert gauge.home.distances.view == distance(domain, slide, box=box, tiles=VIEW_TILES).colour
    assert started.count("Measuring how far from home") == 1


def test_the_detector_can_be_asked_instead_of_the_colours(
    make_napari_viewer: Make, make_slide: Make, tmp_path: Path, qtbot: Any
) -> None:
    fields = [tinted(make_slide(f"{k}.svs", 600, 600), tint) for k, tint in enumerate((0.95, 1.0, 1.05))]
    operator = build_operator(Registry().find("starter", "detector"))
    domain = measure_domain(fields, name="noise", operator=operator)
    assert domain.look is not None
    adopt(tmp_path / "taught", "taught-on-noise", domain)
    slide = tinted(make_slide("other.svs", 600, 600), DARK)
    gauge = begin(make_napari_viewer, slide, qtbot)
    qtbot.waitUntil(lambda: gauge.home.distances is not None, timeout=LONG)
    assert gauge.home.distances.usual == domain.colour.usual
    assert gauge.home.distances.slide == distance(domain, slide).colour
    qtbot.keyClick(gauge.measure, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: gauge.home.distances.usual == domain.look.usual, timeout=LONG)
    assert gauge.home.distances.slide == pytest.approx(distance(domain, slide, operator=operator).look, rel=1e-3)


def test_a_view_without_tissue_has_no_distance(
    at_home: None, make_napari_viewer: Make, make_slide: Make, qtbot: Any
) -> None:
    slide = make_slide(width=3000)
    for level, pixels in enumerate(slide.pixels):
        pixels[:, 1500 >> level :] = 243
    gauge = begin(make_napari_viewer, slide, qtbot)
    gauge.home.workspace.look_at(slide, (2400.0, 400.0, 2900.0, 900.0))
    qtbot.waitUntil(lambda: gauge.home.distances is not None, timeout=LONG)
    assert gauge.home.distances.view is None
    assert gauge.scale.lanes[1].words == "–"


def test_what_stands_in_the_way_is_said(make_napari_viewer: Make, make_slide: Make, qtbot: Any) -> None:
    gauge = begin(make_napari_viewer, make_slide(mpp=None), qtbot)
    qtbot.waitUntil(lambda: "how large a pixel is" in gauge.words.text(), timeout=LONG)
    assert gauge.scale.isHidden()
    workspace = gauge.home.workspace
    workspace.show(make_slide("dapi.ndpi", brightfield=False))
    qtbot.waitUntil(lambda: "brightfield" in gauge.words.text(), timeout=LONG)
    assert not gauge.words.isEnabled()


def test_a_detector_that_does_not_say_where_it_comes_from(
    make_napari_viewer: Make, make_slide: Make, tmp_path: Path, qtbot: Any
) -> None:
    adopt(tmp_path / "homeless", "homeless", None)
    gauge = begin(make_napari_viewer, make_slide(), qtbot)
    qtbot.waitUntil(lambda: gauge.words.text().startswith("homeless does not say"), timeout=LONG)
    assert gauge.scale.isHidden()


def test_nothing_is_measured_while_nobody_looks(at_home: None, make_napari_viewer: Make, make_slide: Make) -> None:
    viewer = make_napari_viewer()
    home_distance = HomeDistance.of(viewer)
    Workspace.of(viewer).show(make_slide())
    gauge = Gauge(viewer)
    assert home_distance is gauge.home
    home_distance.show_on(gauge)
    home_distance._measure()
    assert home_distance._work is None
    QApplication.processEvents()
    assert home_distance.distances is None
    gauge.deleteLater()

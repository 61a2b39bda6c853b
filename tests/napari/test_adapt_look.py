"""The card *Make my slides look like the model's*: what it offers and refuses, its job, a method without training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from laboratories import BLUE, PINK, draw_smear, write_fields, write_slide
from qtpy.QtCore import Qt
from tiny_restyler import QUICK, add_restyler

from cytoshift.slides import open_slide
from napari_cytoshift.widgets.adapt import AdaptDock

Make = Callable[..., Any]
JOB_MS = 240_000


@pytest.fixture
def dock(make_napari_viewer: Make, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AdaptDock:
    """Return the dock with the card open, a restyler in use whose fields are at hand, and no slide."""
    monkeypatch.setenv("CYTOSHIFT_DATA", str(tmp_path / "data"))
    ours = write_fields(tmp_path / "data" / "cervical" / "ours", 6, 256, PINK, 0.7)
    add_restyler(tmp_path / "parent", ours)
    dock = AdaptDock(make_napari_viewer())
    qtbot.addWidget(dock)
    dock.workspace.registry.adopt("like-ours")
    dock.looks._durations = {("like-ours", further): 600.0 for further in ((), QUICK)}
    dock.show()
    dock.looks.head.click()
    return dock


def open_theirs(dock: AdaptDock, folder: Path) -> str:
    path = write_slide(folder / "theirs.tif", draw_smear(3, 512, 512, BLUE), 0.5)
    dock.workspace.show(open_slide(path))
    dock.refresh()
    return path


def test_it_offers_the_slide_that_is_open_and_shows_what_will_be_used(
    dock: AdaptDock, tmp_path: Path, qtbot: Any
) -> None:
    card = dock.looks
    assert card.ready.text() == "Still missing: slides to change; open one, or add some."
    assert not card.begin.isEnabled()
    path = open_theirs(dock, tmp_path)
    assert [one.path for one in card.slides.chosen] == [path]
    qtbot.waitUntil(lambda: card.contents.words("Slides") != "", timeout=JOB_MS)
    assert card.contents.words("Slides").startswith("1 slide, 0.03")
    assert card.contents.words("To look like") == "6 fields of ours"
    assert "; up to" in card.contents.words("From home")
    assert card.ready.text() == "Takes about 10 min on this computer; it can be stopped early."
    assert card.begin.isEnabled()
    card.slides.scale.setValue(0.5)
    card.slides.take_files([str(tmp_path / "data" / "cervical" / "ours")])
    qtbot.waitUntil(lambda: len(card.slides.chosen) == 2, timeout=JOB_MS)
    card.slides.set_chosen(card.slides.chosen[1:])
    qtbot.waitUntil(lambda: "looks like the model's slides already" in card.ready.text(), timeout=JOB_MS)
    assert not card.begin.isEnabled()
    dock.refresh()
    assert [one.name for one in card.slides.chosen] == ["ours"]  # a person's choice stays


def test_its_job_makes_a_restyler_to_be_used_in_compare(dock: AdaptDock, tmp_path: Path, qtbot: Any) -> None:
    card = dock.looks
    card.further = QUICK
    open_theirs(dock, tmp_path)
    qtbot.mouseClick(card.begin, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: bool(dock.message.text) or (dock.chosen is not None and dock.chosen.result is not None), timeout=JOB_MS
    )
    assert dock.message.text == ""
    assert dock.chosen is not None
    result = dock.chosen.result
    assert result is not None
    assert result.state == "done", result.message
    qtbot.waitUntil(lambda: dock.panel.verdict.text() != "", timeout=JOB_MS)
    assert f"{result.after['distance as they are']:.1f} as they are" in dock.panel.verdict.text()
    assert "through the restyler before" in dock.panel.verdict.text()
    assert dock.panel.outcome.isHidden()
    asked: list[str] = []
    dock.panel.compare_asked.connect(asked.append)
    dock.panel.compare.click()
    assert asked == ["like-ours-for-theirs-tif"]
    qtbot.mouseClick(dock.panel.adopt, Qt.MouseButton.LeftButton)
    assert dock.workspace.registry.adopted("stain") == "like-ours-for-theirs-tif"


def test_classical_methods_are_ranked_at_once(dock: AdaptDock, tmp_path: Path, qtbot: Any) -> None:
    nearest = dock.looks.nearest
    assert not nearest.rank.isEnabled()
    open_theirs(dock, tmp_path)
    assert nearest.rank.isEnabled()
    asked: list[tuple[str, str]] = []
    dock.looks.method_asked.disconnect(dock.see_method)
    dock.looks.method_asked.connect(lambda *both: asked.append(both))
    nearest.rank.click()
    qtbot.waitUntil(lambda: "as it is" in nearest.says.text(), timeout=JOB_MS)
    assert nearest.use.isVisible()
    nearest.use.click()
    assert asked[0][0] in ("white", "reinhard", "histogram", "macenko", "vahadane", "ruifrok")
    assert asked[0][1] == dock.workspace.registry.current("detector").card.id
    dock.workspace.show(open_slide(write_slide(tmp_path / "next.tif", draw_smear(4, 512, 512, BLUE), 0.5)))
    dock.refresh()
    assert not nearest.use.isVisible()

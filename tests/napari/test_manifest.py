"""What napari is told, and what starting the plugin costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from npe2 import PluginManifest

WITHOUT_TORCH = """
import sys
import napari
import numpy as np
import napari_cytoshift.reader
assert "torch" not in sys.modules
from cytoshift.engine import Findings, Provenance
from napari_cytoshift.commands import open_docks
from napari_cytoshift.layers.findings import know
from napari_cytoshift.widgets.review import ReviewDock
from napari_cytoshift.workspace import Workspace
from qtpy.QtWidgets import QApplication
viewer = napari.Viewer(show=False)
viewer.open(sys.argv[1], plugin="napari-cytoshift")
open_docks(viewer)
workspace = Workspace.of(viewer)
slide = workspace.active
assert slide is not None
found = Findings(
    np.array([[40, 40, 80, 80]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int16), ("NILM",),
    Provenance(slide.info.identity, "by-hand"),
)
know(workspace.study, slide)
workspace.set_findings(slide, found, workspace.study.add_findings(found))
review = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Review")[1]
assert isinstance(review, ReviewDock)
review.work.arrange()
while review.work.sorting.work is not None:
    QApplication.processEvents()
review.work.step(1)
review.work.accept()
assert [event.kind for event in workspace.study.events()] == ["accept"]
assert "torch" not in sys.modules, "torch was imported"
viewer.close()
"""


def test_the_manifest_is_valid_and_every_command_exists() -> None:
    manifest = PluginManifest.from_distribution("napari-cytoshift")
    manifest.validate_imports()
    commands = manifest.contributions.commands or []
    assert len({one.id for one in commands}) == len(commands)


def test_every_action_is_in_the_command_palette(make_napari_viewer: Callable[..., Any]) -> None:
    from napari._app_model import get_app_model

    make_napari_viewer()
    manifest = PluginManifest.from_distribution("napari-cytoshift")
    known = {command for command, _ in get_app_model().commands}
    hidden = {"napari-cytoshift.sample_home", "napari-cytoshift.sample_away"}  # these stand in the samples menu
    assert {one.id for one in manifest.contributions.commands or []} - hidden <= known


def test_the_manifest_is_a_relative_link_to_the_one_at_the_top() -> None:
    import napari_cytoshift

    link = Path(napari_cytoshift.__file__).with_name("napari.yaml")
    assert link.read_text().startswith("name: napari-cytoshift\n")
    if link.is_symlink():
        assert link.readlink() == Path("../../napari.yaml")


def test_opening_a_slide_and_reviewing_never_import_torch(
    make_napari_viewer: Callable[..., Any], tmp_path: Path
) -> None:
    """The viewer fixture is asked for only because the test needs a display."""
    import numpy as np
    from PIL import Image

    field = tmp_path / "field.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)).save(field)
    subprocess.run([sys.executable, "-c", WITHOUT_TORCH, str(field)], check=True, timeout=240)


def test_importing_the_plugin_imports_neither_qt_nor_torch() -> None:
    check = "import sys, napari_cytoshift; assert not {'torch', 'qtpy', 'napari'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, timeout=60)


def test_commands_act_on_the_viewer(make_napari_viewer: Callable[..., Any], make_slide: Callable[..., Any]) -> None:
    from napari._app_model import get_app_model

    from napari_cytoshift.view import magnification
    from napari_cytoshift.workspace import Workspace

    viewer = make_napari_viewer()
    run = get_app_model().commands.execute_command
    run("napari-cytoshift.open_docks").result()
    assert [name.split()[0] for name in viewer.window.dock_widgets] == ["Slide", "Compare", "Find", "Review", "Adapt"]
    workspace = Workspace.of(viewer)
    slide = make_slide()
    workspace.show(slide)
    run("napari-cytoshift.show_20x").result()
    assert magnification(viewer, slide.frame) == 20
    run("napari-cytoshift.toggle_layout").result()
    assert workspace.state.get("layout") == "swipe"
    run("napari-cytoshift.accept_cell").result()
    review = viewer.window.dock_widgets["Review (napari-cytoshift)"]
    assert "Select a cell first" in review.message.text

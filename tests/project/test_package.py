"""What is installed is what the checkout holds: manifest, recipes, starter models and the files beside the code."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from npe2 import PluginManifest

ROOT = Path(__file__).parents[2]
MANIFEST = "napari_cytoshift/napari.yaml"

FIND = """
from npe2 import PluginManager
manager = PluginManager()
manager.discover()
manifest = manager.get_manifest("napari-cytoshift")
import napari_cytoshift
print(napari_cytoshift.__file__)
print(sorted(widget.display_name for widget in manifest.contributions.widgets))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel, without an environment of its own and thus without a network."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_manifest_is_a_file_of_the_wheel(wheel: zipfile.ZipFile) -> None:
    assert wheel.read(MANIFEST) == (ROOT / "napari.yaml").read_bytes()


def test_napari_finds_the_docks_of_the_wheel(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    found = subprocess.run(
        [sys.executable, "-c", FIND],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert Path(found[0]).is_relative_to(tmp_path)
    assert found[1] == "['Adapt', 'Compare', 'Find', 'Review', 'Slide']"


def test_napari_finds_the_manifest_of_what_is_installed() -> None:
    manifest = PluginManifest.from_distribution("napari-cytoshift")
    assert {sample.key for sample in manifest.contributions.sample_data or ()} == {"pap_home", "pap_away"}


def test_the_wheel_holds_what_lies_beside_the_code(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    beside = [path for package in ("cytoshift", "napari_cytoshift") for path in (ROOT / "src" / package).rglob("*")]
    files = {
        str(path.relative_to(ROOT / "src")) for path in beside if path.is_file() and "__pycache__" not in path.parts
    }
    assert not {name for name in files if not name.endswith(".py")} - names
    assert {f"cytoshift/recipes/{path.name}" for path in (ROOT / "recipes").glob("*.toml")} <= names


def test_the_wheel_holds_no_tests_and_no_data(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"cytoshift", "napari_cytoshift"}
    assert sum(entry.file_size for entry in wheel.infolist()) < 60e6

"""Translation from the terminal: written, resumed, looked through, and done by workers elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from distributed import LocalCluster
from PIL import Image

from cytoshift.cli import main
from cytoshift.engine import DerivedSlide, FindingOperator, run_findings
from cytoshift.models import Registry, build_operator, find_colour_model, load_model
from cytoshift.slides import open_slide, samples
from cytoshift.slides.tissue import find_tissue


def pixels(path) -> np.ndarray:
    slide = open_slide(path)
    return slide.read(0, 0, 0, slide.levels[0].height, slide.levels[0].width)


def seen(path, model, mpp=0.25, **options) -> np.ndarray:
    slide = open_slide(path).calibrated((mpp, mpp))
    derived = DerivedSlide(slide, build_operator(load_model(model), **options))
    return derived.read(0, 0, 0, derived.levels[0].height, derived.levels[0].width)


@pytest.fixture(scope="module")
def smear(tmp_path_factory):
    """Return a slide of 900 x 700 pixels with cells."""
    return samples.draw(tmp_path_factory.mktemp("smear") / "smear.ome.zarr", width=900, height=700)


@pytest.mark.parametrize(("given", "options"), [([], {}), (["--steps", "3", "--seed", "5"], {"steps": 3, "seed": 5})])
def test_the_slide_is_written_as_the_window_shows_it(field, translator, tmp_path, cytoshift, given, options):
    out = tmp_path / "out.ome.zarr"
    assert "Wrote" in cytoshift("translate", field, out, "--model", translator, "--mpp", "0.25", *given)
    np.testing.assert_array_equal(pixels(out), seen(field, translator, **options))
    assert not np.array_equal(pixels(out), pixels(field))
    assert open_slide(out).mpp == pytest.approx(0.25)


def test_steps_and_seed_change_the_pixels(field, translator, tmp_path, cytoshift):
    written = []
    for k, given in enumerate(([], ["--steps", "2"], ["--steps", "2", "--seed", "1"])):
        cytoshift("translate", field, tmp_path / f"{k}.ome.zarr", "--model", translator, "--mpp", "0.25", *given)
        written.append(pixels(tmp_path / f"{k}.ome.zarr").tobytes())
    assert len(set(written)) == 3


INTERRUPTED = """
import os, signal, sys, threading
from cytoshift.cli import main
from cytoshift.translation import Translator

render, calls, noticed = Translator.render, [], threading.Event()

def stop(number, frame):
    noticed.set()
    raise KeyboardInterrupt

def interrupted(self, tiles, windows):
    calls.append(tiles)
    if len(calls) == 20:
        os.kill(os.getpid(), signal.SIGINT)  # to the process: it is the main thread that has to wake up
        noticed.wait()
    return render(self, tiles, windows)

signal.signal(signal.SIGINT, stop)
Translator.render = interrupted
main(sys.argv[1:])
"""


@pytest.mark.skipif(os.name == "nt", reason="Ctrl+C of POSIX")
def test_ctrl_c_leaves_a_run_that_goes_on(smear, translator, tmp_path, cytoshift):
    out = tmp_path / "out.ome.zarr"
    command = ["translate", str(smear), str(out), "--model", str(translator)]
    stopped = subprocess.run([sys.executable, "-c", INTERRUPTED, *command], capture_output=True, text=True, check=False)
    assert stopped.returncode == 130
    assert "Stopped with Ctrl+C" in stopped.stderr
    assert not out.exists()
    assert (tmp_path / "out.ome.zarr.partial").exists()
    cytoshift(*command)
    np.testing.assert_array_equal(pixels(out), seen(smear, translator))
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_cells_are_found_through_a_translator(field, detector, translator, tmp_path, cytoshift):
    Registry().add(translator)
    out = tmp_path / "cells.geojson"
    cytoshift("detect", field, "--model", detector, "--out", out, "--mpp", "0.5", "--through", "translated")
    slide = open_slide(field).calibrated((0.5, 0.5))
    operator, through = build_operator(load_model(detector)), build_operator(load_model(translator))
    assert isinstance(operator, FindingOperator)
    expected = run_findings(slide, operator, tissue=find_tissue(slide), through=through)
    assert len(json.loads(out.read_text())["features"]) == len(expected) > 0


def test_models_that_change_colours_are_found_by_their_id(translator, restyler, detector):
    registry = Registry()
    for folder in (translator, restyler, detector):
        registry.add(folder)
    assert find_colour_model("translated", registry).card.task == "translation"
    assert find_colour_model("restyled", registry).card.task == "stain"
    with pytest.raises(Exception, match="is a detector model, and a stain or translation model is needed; choose one"):
        find_colour_model("untaught", registry)


def test_a_translator_is_kept_used_and_taken_back(translator, cytoshift):
    cytoshift("models", "import", translator)
    assert "translated" in cytoshift("models", "list", "--task", "translation")
    assert "task: translation" in cytoshift("models", "show", "translated")
    cytoshift("models", "adopt", "translated")
    assert "* " in cytoshift("models", "list", "--task", "translation")
    assert Registry().current("translation").card.id == "translated"
    assert "starter is in use again" in cytoshift("models", "rollback", "translation")


# What bad input gets


def test_a_model_of_another_task_is_refused(field, restyler, tmp_path, complaint):
    said = complaint("translate", field, tmp_path / "out.ome.zarr", "--model", restyler, "--mpp", "0.25")
    assert "restyled is a stain model, and a translation model is needed" in said


@pytest.mark.parametrize("steps", [4, 100])
def test_more_steps_than_the_model_has_are_refused(field, translator, tmp_path, complaint, steps):
    out = tmp_path / "out.ome.zarr"
    said = complaint("translate", field, out, "--model", translator, "--mpp", "0.25", "--steps", steps)
    assert f"takes 1 to 3 steps, not {steps}" in said


def test_a_slide_without_scale_says_how_to_give_it(field, translator, tmp_path, complaint):
    assert "--mpp" in complaint("translate", field, tmp_path / "out.ome.zarr", "--model", translator)


def test_a_slide_of_glass_is_refused(translator, tmp_path, complaint):
    Image.new("RGB", (600, 500), (240, 240, 238)).save(tmp_path / "glass.png")
    said = complaint(
        "translate", tmp_path / "glass.png", tmp_path / "o.ome.zarr", "--model", translator, "--mpp", ".25"
    )
    assert "No tissue was found on glass.png" in said


def test_weights_of_another_architecture_are_refused(field, translator, tmp_path, complaint):
    changed = shutil.copytree(translator, tmp_path / "changed")
    card = json.loads((changed / "card.json").read_text())
    card["architecture"]["generator"]["width"] = 8
    (changed / "card.json").write_text(json.dumps(card))
    said = complaint("translate", field, tmp_path / "out.ome.zarr", "--model", changed, "--mpp", "0.25")
    assert "weights of translated do not fit its card" in said


def test_what_is_there_already_is_not_written_over(field, translator, tmp_path, complaint):
    (tmp_path / "out.ome.zarr").mkdir()
    said = complaint("translate", field, tmp_path / "out.ome.zarr", "--model", translator, "--mpp", "0.25")
    assert "already exists" in said


@pytest.mark.parametrize(
    ("mpp", "note", "side"), [(0.5, "coarser than the 0.25", 600), (0.2, "is resampled", 240), (0.2505, "", 300)]
)
def test_it_is_said_when_the_slide_is_resampled(field, translator, tmp_path, capfd, mpp, note, side):
    out = tmp_path / "out.ome.zarr"
    with pytest.raises(SystemExit) as end:
        main(["translate", str(field), str(out), "--model", str(translator), "--mpp", str(mpp)])
    said = capfd.readouterr().err
    assert end.value.code == 0, said
    assert note in said
    assert bool(said) == bool(note)
    assert pixels(out).shape[1] == side


# With workers elsewhere


@pytest.fixture(scope="module")
def scheduler():
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


def test_workers_translate_to_the_same_bytes(smear, translator, scheduler, tmp_path, cytoshift):
    given = ["--model", translator, "--steps", "2"]
    cytoshift("translate", smear, tmp_path / "here.ome.zarr", *given)
    cytoshift("translate", smear, tmp_path / "there.ome.zarr", *given, "--scheduler", scheduler)
    np.testing.assert_array_equal(pixels(tmp_path / "there.ome.zarr"), pixels(tmp_path / "here.ome.zarr"))


@pytest.mark.parametrize("method", ["macenko", "restyled"])
def test_workers_normalize_to_the_same_bytes(method, smear, restyler, scheduler, tmp_path, cytoshift):
    Registry().add(restyler)
    given = ["--method", method, "--strength", "0.5"]
    cytoshift("normalize", smear, tmp_path / "here.ome.zarr", *given)
    cytoshift("normalize", smear, tmp_path / "there.ome.zarr", *given, "--scheduler", scheduler)
    np.testing.assert_array_equal(pixels(tmp_path / "there.ome.zarr"), pixels(tmp_path / "here.ome.zarr"))


@pytest.mark.parametrize("through", [(), ("--through", "reinhard"), ("--through", "translated")])
def test_workers_find_the_same_cells(through, smear, detector, translator, scheduler, tmp_path, cytoshift):
    Registry().add(translator)
    found = []
    for k, elsewhere in enumerate(((), ("--scheduler", scheduler))):
        out = tmp_path / f"{k}.geojson"
        cytoshift("detect", smear, "--model", detector, "--out", out, *through, *elsewhere)
        found.append([(one["geometry"], one["properties"]["measurements"]) for one in cells(out)])
    assert found[0] == found[1] != []


def cells(path):
    return json.loads(path.read_text())["features"]


def test_a_scheduler_that_does_not_answer_is_one_sentence(field, tmp_path, complaint):
    out = tmp_path / "out.ome.zarr"
    said = complaint("normalize", field, out, "--scheduler", "nonsense://nowhere:1")
    assert "No scheduler answers at nonsense://nowhere:1" in said

"""Jobs in folders with unusual names, on computers with unusual settings, and where nothing may be written."""

from __future__ import annotations

import itertools
import shutil
import time

import pytest

from cytoshift.jobs import JobError, create, new_job_folder, start
from cytoshift.jobs.runner import run

NAMES = (
    "two words",
    "Zytologie – Präparat №7 子宮頸",
    "it's [50%] {x} #1 $HOME & more",
    "/".join(["a rather long name of a folder"] * 7),
)


def weights(job):
    return (job.folder / "model" / "weights.safetensors").read_bytes()


def elsewhere(spec, folder):
    """Return a specification whose data lie in another folder, and copy them there."""
    recipe = dict(spec.recipe)
    shutil.copytree(recipe["data"]["path"], folder)
    return spec.model_copy(update={"recipe": {**recipe, "data": {**recipe["data"], "path": str(folder)}}})


@pytest.fixture(scope="module")
def plain(tmp_path_factory, small):
    job = create(small(), tmp_path_factory.mktemp("plain") / "job")
    assert run(job.folder).state == "done"
    return weights(job)


@pytest.mark.parametrize("name", NAMES, ids=["spaces", "letters", "signs", "long"])
def test_the_names_of_folders_change_nothing(tmp_path, small, plain, name):
    place = tmp_path / name
    job = create(elsewhere(small(), place / "data"), place / "job")
    assert run(job.folder).state == "done"
    assert weights(job) == plain


def test_a_process_of_another_language_and_place_makes_the_same(tmp_path, small, plain, monkeypatch):
    for setting, value in (
        ("LC_ALL", "C"),
        ("PYTHONUTF8", "0"),
        ("PYTHONCOERCECLOCALE", "0"),
        ("TZ", "Asia/Kathmandu"),
    ):
        monkeypatch.setenv(setting, value)
    place = tmp_path / NAMES[1]
    job = start(elsewhere(small(), place / "data"), place / "job")
    assert job.wait(120) == "done", (job.folder / "log.txt").read_text()
    assert weights(job) == plain


def test_a_clock_that_is_set_back_again_and_again_changes_nothing(tmp_path, small, plain, monkeypatch):
    now, times = time.time(), itertools.count()
    monkeypatch.setattr(time, "time", lambda: now - 3600.0 * next(times))
    job = create(small(), tmp_path / "job")
    assert run(job.folder).state == "done"
    assert weights(job) == plain
    assert [event["step"] for event in job.events()[0] if event["kind"] == "loss"] == [1, 2, 3, 4, 5, 6]


def test_where_nothing_may_be_written_a_sentence_says_so(tmp_path, small):
    (tmp_path / "file").write_text("not a folder")
    for refused in (
        lambda: new_job_folder(tmp_path / "file", "train"),
        lambda: create(small(), tmp_path / "file" / "job"),
    ):
        with pytest.raises(JobError, match="cannot be written") as raised:
            refused()
        assert "\n" not in str(raised.value)

"""Clusters that a file describes: what is wrong with it in one sentence, how paths read there, and what they make."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from same_bytes import level0

from cytoshift import stain
from cytoshift.engine import LocalExecutor, Remote, run_image
from cytoshift.engine.cluster_plan import LocalPlan, SchedulerPlan, SshPlan, read_plan, sent_there, there
from cytoshift.engine.clusters import reach
from cytoshift.engine.pipeline import Pipeline
from cytoshift.engine.remote import send
from cytoshift.engine.view import View
from cytoshift.errors import CytoshiftError
from cytoshift.slides import Slide, open_slide, samples

REINHARD = partial(stain.method, "reinhard")


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Slide:
    return open_slide(samples.draw(tmp_path_factory.mktemp("slides") / "smear.ome.zarr", width=2100, height=1100))


def write(folder: Path, text: str) -> str:
    path = folder / "cluster.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind = 'slurm", "is not valid TOML"),
        ("workers = 2", "write kind = one of scheduler, local, ssh, slurm, pbs, sge or lsf"),
        ("kind = 'cloud'", "write kind = one of"),
        ("kind = 'local'\nworker = 2", "a key that does not exist for kind local, worker"),
        ("kind = 'local'\nworkers = 0", "workers: input should be greater than or equal to 1"),
        ("kind = 'ssh'", "hosts: field required"),
        ("kind = 'ssh'\nhosts = []", "hosts: tuple should have at least 1 item"),
        ("kind = 'pbs'", "memory: field required"),
        ("kind = 'scheduler'", "address: field required"),
        ("kind = 'local'\npaths = 3", "paths: input should be a valid dictionary"),
    ],
)
def test_a_file_that_is_not_valid_is_one_sentence(tmp_path, text, words):
    with pytest.raises(CytoshiftError, match=words) as error, reach(write(tmp_path, text), REINHARD):
        pass
    assert str(error.value).count(". ") == 0
    assert "cluster.toml" in str(error.value)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(CytoshiftError, match="cannot be read"):
        read_plan(str(tmp_path / "none.toml"))


def test_what_a_file_leaves_out_has_a_default(tmp_path):
    assert read_plan(write(tmp_path, "kind = 'local'")) == LocalPlan(kind="local", workers=2, threads=1)
    assert read_plan("tcp://a:1") == SchedulerPlan(kind="scheduler", address="tcp://a:1", patience=10)
    plan = read_plan(write(tmp_path, "kind = 'ssh'\nhosts = ['a', 'b']\n[paths]\n'/data' = '/mnt'"))
    assert isinstance(plan, SshPlan)
    assert (plan.workers, plan.hosts, plan.paths) == (1, ("a", "b"), {"/data": "/mnt"})


@pytest.mark.parametrize(
    ("path", "paths", "expected"),
    [
        ("/data/slides/a.svs", {}, "/data/slides/a.svs"),
        ("/data/slides/a.svs", {"/data": "/mnt/big"}, "/mnt/big/slides/a.svs"),
        ("/data/slides/a.svs", {"/data/": "/mnt/big/"}, "/mnt/big/slides/a.svs"),
        ("/data/slides/a.svs", {"/data": "/mnt", "/data/slides": "/fast"}, "/fast/a.svs"),
        ("/database/a.svs", {"/data": "/mnt"}, "/database/a.svs"),
        ("/data/slides/a.svs", {"/data": "Z:\\share"}, "Z:\\share\\slides\\a.svs"),
        ("/data/../home/a.svs", {"/data": "/mnt"}, "/data/../home/a.svs"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="paths of POSIX")
def test_paths_read_as_they_do_there(path, paths, expected):
    assert there(path, paths) == expected


def test_files_that_an_operator_is_made_from_are_named_as_workers_name_them(tmp_path):
    def make(*given: object, **more: object) -> None: ...

    build = partial(make, partial(make, tmp_path / "model"), "reinhard", reference=tmp_path / "r.png")
    sent = sent_there(build, {str(tmp_path): "/mnt"})
    inner, name = sent.args
    assert (inner.args, name, sent.keywords) == ((Path("/mnt/model"),), "reinhard", {"reference": Path("/mnt/r.png")})
    assert sent_there(make, {str(tmp_path): "/mnt"}) is make


def test_workers_are_told_where_the_slide_is_there(slide):
    operator = REINHARD().prepare(slide)
    view = View.of(slide, operator.needs)
    pipeline = Pipeline(view, view.grid(operator.needs), operator.needs.batch)
    paths = {str(Path(slide.info.path).parent): "/mnt/slides"}
    told = send(Remote(LocalExecutor(1), REINHARD, paths=paths), slide, operator, pipeline)
    assert told.errand.path == "/mnt/slides/smear.ome.zarr"


def test_workers_of_this_computer_make_the_same_bytes_from_their_own_copy(slide, tmp_path):
    shutil.copytree(slide.info.path, tmp_path / "copies" / "smear.ome.zarr")
    where = write(
        tmp_path, f"kind = 'local'\nworkers = 2\n[paths]\n'{Path(slide.info.path).parent}' = '{tmp_path / 'copies'}'"
    )
    with reach(where, REINHARD) as remote:
        there = run_image(slide, REINHARD(), tmp_path / "there.ome.zarr", remote=remote)
    here = run_image(slide, REINHARD(), tmp_path / "here.ome.zarr")
    np.testing.assert_array_equal(level0(there), level0(here))


@pytest.mark.skipif(os.name == "nt", reason="a batch queue of shell scripts")
def test_jobs_of_a_batch_queue_make_the_same_bytes_and_are_taken_back(slide, tmp_path, monkeypatch):
    """The queue is two scripts that behave as Slurm's: one starts a job, the other ends it."""
    programs, ended = tmp_path / "bin", tmp_path / "ended"
    programs.mkdir()
    job, said = tmp_path / "job.sh", tmp_path / "said"
    submit = f"cp $1 {job}\nsetsid sh {job} >{said} 2>&1 &\necho Submitted batch job $!\n"
    (programs / "sbatch").write_text("#!/bin/sh\n" + submit)
    (programs / "scancel").write_text(f"#!/bin/sh\necho $1 >>{ended}\nkill -- -$1\n")
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    text = "kind = 'slurm'\nworkers = 1\nmemory = '2GB'\nqueue = 'long'\naccount = 'lab'\npatience = 100\n"
    with reach(write(tmp_path, text + "[options]\njob_extra_directives = ['--gres=gpu:1']"), REINHARD) as remote:
        there = run_image(slide, REINHARD(), tmp_path / "there.ome.zarr", remote=remote)
    asked = job.read_text()
    assert all(f"#SBATCH {line}" in asked for line in ("-p long", "-A lab", "-t 01:00:00", "--gres=gpu:1", "--mem=2G"))
    here = run_image(slide, REINHARD(), tmp_path / "here.ome.zarr")
    np.testing.assert_array_equal(level0(there), level0(here))
    assert ended.read_text().split()


def test_a_scheduler_in_a_file_that_does_not_answer_is_one_sentence(tmp_path):
    where = write(tmp_path, "kind = 'scheduler'\naddress = 'nonsense://x:1'\npatience = 1")
    with pytest.raises(CytoshiftError, match="No scheduler answers at nonsense"), reach(where, REINHARD):
        pass


def test_what_a_kind_needs_and_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "dask_jobqueue", None)
    where = write(tmp_path, "kind = 'sge'\nmemory = '1GB'")
    said = r"asks for sge, which needs dask_jobqueue; install .*\[cluster\]"
    with pytest.raises(CytoshiftError, match=said), reach(where, REINHARD):
        pass


@pytest.mark.skipif(os.name == "nt", reason="a batch queue of shell scripts")
def test_a_queue_that_starts_nothing_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "sbatch").write_text("#!/bin/sh\necho Submitted batch job 1\n")
    (tmp_path / "scancel").write_text("#!/bin/sh\n")
    for name in ("sbatch", "scancel"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    where = write(tmp_path, "kind = 'slurm'\nmemory = '1GB'\npatience = 0.5")
    with pytest.raises(CytoshiftError, match=r"No worker of .* came within 0\.5 s"), reach(where, REINHARD):
        pass

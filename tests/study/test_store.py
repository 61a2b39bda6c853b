"""A study stores corrections at once, keeps them, and refuses what makes no sense."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

from cytoshift.errors import StudyError
from cytoshift.study import State, Study, schema


def test_everything_is_there_again_after_closing(study, predict, tmp_path):
    run = study.add_findings(predict())
    study.accept("a", f"{run}:1")
    added = study.add("a", (1, 2, 30, 40), "SCC")
    study.relabel("a", added.id, "HSIL")
    study.note("a", "", "a good slide")
    study.mark_complete("a", (0, 0, 500, 500), run, 0.5)
    study.calibrate("a", (0.25, 0.26), 40)
    before, events = study.cells("a"), study.events()
    study.close()

    with Study.open(tmp_path / "study") as again:
        assert not again.read_only
        assert again.events() == events
        cells = again.cells("a")
        assert list(cells.ids) == list(before.ids)
        assert cells.label(cells.ids.position(added.id)) == "HSIL"
        assert again.slide("a").mpp_yx == (0.25, 0.26)
        assert again.slide("a").objective == 40
        assert again.regions("a")[0].threshold == 0.5
        assert again.runs("a") == [run]
        assert again.check() == "ok"


def test_predictions_come_back_bit_for_bit(study, predict):
    findings = predict(n=100)
    stored = study.findings(study.add_findings(findings))
    assert stored.classes == findings.classes
    assert stored.provenance == findings.provenance
    for name in ("boxes", "scores", "labels"):
        one, two = getattr(stored, name), getattr(findings, name)
        assert one.dtype == two.dtype
        assert one.tobytes() == two.tobytes()
        assert not one.flags.writeable


def test_measures_come_back_bit_for_bit(study, predict, tmp_path):
    measures = {"phase: ring/shape": np.linspace(0, 1, 10, dtype=np.float32), "atypical": np.full(10, np.nan, "f4")}
    run = study.add_findings(replace(predict(), measures=measures))
    plain = study.add_findings(predict())
    study.close()
    with Study.open(tmp_path / "study", read_only=True) as again:
        stored = again.findings(run).measures
        assert list(stored) == list(measures)
        assert all(stored[name].tobytes() == column.tobytes() for name, column in measures.items())
        assert again.findings(plain).measures == {}
        assert again.cells("a", run, 0.5).measures["phase: ring/shape"].tolist() == pytest.approx(np.arange(5, 10) / 9)


@pytest.mark.parametrize("table", ["run", "event"])
@pytest.mark.parametrize(
    "statement", ["DELETE FROM {}", "UPDATE {} SET slide = 'b'", "REPLACE INTO {0} SELECT * FROM {0} LIMIT 1"]
)
def test_the_database_itself_refuses_to_change_what_is_stored(study, predict, table, statement):
    run = study.add_findings(predict())
    study.accept("a", f"{run}:0")
    study.close()
    connection = schema.connect(study.folder / "study.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match=r"are never (changed|removed)"):
        connection.execute(statement.format(table))
    connection.close()


def test_listeners_hear_of_stored_events_only_and_until_they_leave(study, caplog):
    heard = []

    def broken(event):
        raise RuntimeError("listener")

    study.subscribe(broken)
    leave = study.subscribe(lambda event: heard.append((event.kind, study.events()[-1] == event)))
    study.add("a", (0, 0, 5, 5), "LSIL")
    study.undo()
    leave()
    study.redo()
    assert heard == [("add", True), ("undo", True)]
    assert "a listener failed" in caplog.text


def test_a_second_writer_is_read_only_and_sees_what_the_first_writes(study):
    with Study.open(study.folder) as second:
        assert second.read_only
        assert f"process {os.getpid()} on" in second.reason
        study.add("a", (0, 0, 5, 5), "LSIL")
        assert len(second.cells("a")) == 1
        with pytest.raises(StudyError, match="already open elsewhere"):
            second.add("a", (0, 0, 5, 5), "LSIL")
        with pytest.raises(StudyError, match="already open elsewhere"):
            second.undo()
        with pytest.raises(StudyError, match="already open elsewhere"):
            second.add_slide(None)
    study.close()
    with Study.open(study.folder) as third:
        assert not third.read_only


def test_opened_read_only_on_purpose_it_takes_no_lock(study):
    study.close()
    with Study.open(study.folder, read_only=True) as reader, Study.open(study.folder) as writer:
        assert reader.reason == ""
        assert not writer.read_only
        with pytest.raises(StudyError, match="was opened to be read"):
            reader.add("a", (0, 0, 5, 5), "LSIL")


def test_a_folder_that_cannot_be_written_opens_read_only(study, monkeypatch):
    study.add("a", (0, 0, 5, 5), "LSIL")
    study.close()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with Study.open(study.folder) as reader:
        assert "lies where nothing can be written" in reader.reason
        assert len(reader.cells("a")) == 1


def test_the_schema_of_a_newer_version_opens_read_only(study):
    study.add("a", (0, 0, 5, 5), "LSIL")
    study.close()
    with sqlite3.connect(study.folder / "study.sqlite", isolation_level=None) as connection:
        connection.execute("PRAGMA user_version=9")
        connection.execute("INSERT INTO event VALUES (99, 'x', 'a', 'from the future', '', '{}', 'me', 'now')")
    connection.close()
    with Study.open(study.folder) as newer:
        assert f"schema 9, this one writes {schema.VERSION}" in newer.reason
        assert len(newer.cells("a")) == 1
        with pytest.raises(StudyError, match="update napari-cytoshift"):
            newer.add("a", (0, 0, 5, 5), "LSIL")


def test_bad_corrections_are_refused_in_one_sentence_and_store_nothing(study, predict):
    run = study.add_findings(predict(n=3))
    for refused, words in [
        (lambda: study.accept("a", f"{run}:3"), "has no cell"),
        (lambda: study.accept("b", f"{run}:0"), "has no cell"),
        (lambda: study.accept("a", ""), "nothing to accept"),
        (lambda: study.accept("a", "nonsense"), "has no cell nonsense"),
        (lambda: study.accept("a", "nonsense:1"), "has no run nonsense"),
        (lambda: study.accept("c", f"{run}:0"), "has no slide c"),
        (lambda: study.add("a", (5, 5, 5, 9), "LSIL"), "is no box"),
        (lambda: study.add("a", (0, 0, float("nan"), 9), "LSIL"), "is no box"),
        (lambda: study.add("a", (0, 0, 5, 9), " "), "needs a name"),
        (lambda: study.calibrate("a", (0, 0.25)), "no size of a pixel"),
        (lambda: study.mark_complete("a", (0, 0, 5, 9), "nonsense"), "has no run"),
        (lambda: study.add_findings(predict("c")), "has no slide c"),
        (lambda: study.cells("b", run), "is of another slide"),
        (lambda: study.findings("nonsense"), "has no run nonsense"),
        (lambda: study.slide("c"), "has no slide c"),
    ]:
        with pytest.raises(StudyError, match=words) as caught:
            refused()
        assert str(caught.value).count("; ") >= 1
        assert str(caught.value).endswith(".")
    assert study.events() == []


def test_opening_what_is_no_study(tmp_path):
    with pytest.raises(StudyError, match="There is no study in"):
        Study.open(tmp_path / "absent")
    (tmp_path / "study.sqlite").write_bytes(b"")
    with pytest.raises(StudyError, match="not the database of a study"):
        Study.open(tmp_path)
    (tmp_path / "study.sqlite").write_bytes(b"hello, this is no database" * 100)
    with pytest.raises(StudyError, match="cannot be read"):
        Study.open(tmp_path)
    with pytest.raises(StudyError, match="There is a study in"):
        Study.create(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StudyError, match="No study can be made in"):
        Study.create(tmp_path / "file" / "study")


def test_what_a_crash_left_of_making_a_study_is_no_hindrance(study, tmp_path):
    folder = tmp_path / "new"
    folder.mkdir()
    for ending in ("", "-wal", "-shm"):
        (folder / f".study.sqlite.partial{ending}").write_bytes((study.folder / "study.sqlite").read_bytes())
    with Study.create(folder) as made:
        assert made.slides() == []
        assert made.check() == "ok"
    assert sorted(path.name for path in folder.iterdir()) == ["study.lock", "study.sqlite"]


def test_a_full_disk_loses_nothing_that_was_stored(study):
    study.add("a", (0, 0, 5, 5), "LSIL")
    pages = study._log._connection.execute("PRAGMA page_count").fetchone()[0]
    study._log._connection.execute(f"PRAGMA max_page_count={pages}")

    def write_on():
        for _ in range(1000):
            study.note("a", "", "a long note " * 100)

    with pytest.raises(StudyError, match=r"full.*what was stored before is safe"):
        write_on()
    stored = study.events()
    study.close()
    with Study.open(study.folder) as again:
        assert again.events() == stored
        assert again.check() == "ok"


def test_a_closed_study_says_so(study):
    study.close()
    with pytest.raises(StudyError, match="is closed"):
        study.add("a", (0, 0, 5, 5), "LSIL")
    with pytest.raises(StudyError, match="is closed"):
        study.slides()


def test_a_moved_slide_is_the_same_slide(study, paint):
    moved = paint("a")
    object.__setattr__(moved.info, "path", "/elsewhere/a")
    assert study.add_slide(moved) == "a"
    assert study.slide("a").paths == ("/elsewhere/a", "/s/a")
    assert [record.identity for record in study.slides()] == ["a", "b"]


def test_many_threads_may_write_at_once(study, predict):
    run = study.add_findings(predict(n=80))
    threads = [
        threading.Thread(target=lambda k=k: [study.accept("a", f"{run}:{k * 10 + i}") for i in range(10)])
        for k in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.seq for event in study.events()] == list(range(1, 81))
    assert (study.cells("a").states == State.ACCEPTED).all()
    assert len(study.events(since=75)) == 5


def test_network_mounts_are_told_apart(monkeypatch, tmp_path):
    mounts = f"/dev/sda / ext4 rw 0 0\nserver:/x {str(tmp_path).replace(' ', chr(92) + '040')} nfs4 rw 0 0\n"
    monkeypatch.setattr(schema.Path, "read_text", lambda self, **how: mounts)
    assert schema.on_network(tmp_path / "study.sqlite")
    assert not schema.on_network(tmp_path.parent / "study.sqlite")


def test_importing_a_study_loads_neither_torch_nor_napari():
    code = "import sys, cytoshift.study; print({'torch', 'napari', 'zarr', 'dask', 'scipy'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_on_a_network_drive_a_study_says_so_and_keeps_as_much(tmp_path, monkeypatch, paint):
    monkeypatch.setattr(schema, "on_network", lambda path: True)
    with Study.create(tmp_path / "far") as far:
        assert "lies on a network drive" in far.notice
        assert not far.read_only
        far.add_slide(paint("a"))
        far.add("a", (0, 0, 5, 5), "LSIL")
        assert far._log._connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert far._log._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    with Study.open(tmp_path / "far", read_only=True) as reader:
        assert reader.notice == ""
        assert len(reader.cells("a")) == 1

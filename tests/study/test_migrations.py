"""Studies of earlier versions open with everything in them, and as they were they stay beside."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from cytoshift.errors import StudyError
from cytoshift.study import Study, migrations, schema

VERSION_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE slide (
    identity TEXT PRIMARY KEY, name TEXT NOT NULL, paths TEXT NOT NULL, mpp_y REAL, mpp_x REAL, objective REAL,
    added TEXT NOT NULL
);
CREATE TABLE run (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    slide TEXT NOT NULL REFERENCES slide (identity), provenance TEXT NOT NULL, classes TEXT NOT NULL,
    cells INTEGER NOT NULL, boxes BLOB NOT NULL, scores BLOB NOT NULL, labels BLOB NOT NULL
);
CREATE INDEX run_of_slide ON run (slide);
CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    slide TEXT NOT NULL REFERENCES slide (identity), kind TEXT NOT NULL, target TEXT NOT NULL, payload TEXT NOT NULL,
    author TEXT NOT NULL, time TEXT NOT NULL
);
CREATE TRIGGER run_stays BEFORE UPDATE ON run BEGIN SELECT RAISE(ABORT, 'predictions are never changed'); END;
CREATE TRIGGER run_kept BEFORE DELETE ON run BEGIN SELECT RAISE(ABORT, 'predictions are never removed'); END;
CREATE TRIGGER event_stays BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER event_kept BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;
INSERT INTO meta VALUES ('schema', '1'), ('made', '2025-01-01T00:00:00+00:00');
INSERT INTO slide VALUES ('a', 'a.tif', '["/s/a"]', 0.25, 0.25, 40, '2025-01-01T00:00:00+00:00');
INSERT INTO event (id, slide, kind, target, payload, author, time) VALUES
    ('e1', 'a', 'reject', 'r:1', '{}', 'ada', '2025-01-01T00:00:00.000+00:00'),
    ('e2', 'a', 'add', '', '{"box": [1, 2, 30, 40], "label": "HSIL"}', 'ada', '2025-01-01T00:00:01.000+00:00');
"""


@pytest.fixture
def old(tmp_path):
    """Return the folder of a study as the first version wrote it: two predictions, one rejected, and an added cell."""
    folder = tmp_path / "old"
    folder.mkdir()
    connection = sqlite3.connect(folder / "study.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(f"{VERSION_1} PRAGMA application_id={schema.APPLICATION}; PRAGMA user_version=1;")
    boxes = np.array([[0, 0, 20, 20], [50, 50, 70, 75]], "<f4").tobytes()
    scores, labels = np.array([0.5, 0.75], "<f4").tobytes(), np.array([0, 1], "<i2").tobytes()
    connection.execute(
        "INSERT INTO run (id, slide, provenance, classes, cells, boxes, scores, labels) VALUES (?,?,?,?,?,?,?,?)",
        ("r", "a", '{"slide": "a", "model": "m", "made": "then"}', '["NILM", "HSIL"]', 2, boxes, scores, labels),
    )
    connection.close()
    return folder


def contents(folder, **how):
    with Study.open(folder, **how) as study:
        cells = study.cells("a")
        return study.events(), cells.ids[:], cells.states.tolist(), cells.boxes.tolist(), study.slides()


def tables(file):
    with sqlite3.connect(file) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        columns = {name: [row[1:] for row in connection.execute(f"PRAGMA table_info({name})")] for name in names}
    connection.close()
    return columns


def test_an_old_study_opens_with_everything_and_a_copy_of_it_stays(old, study):
    before = contents(old, read_only=True)
    assert before[1:3] == (["r:0", "r:1", "e2"], [0, 2, 4])
    assert contents(old) == before
    study.close()
    assert tables(old / "study.sqlite") == tables(study.folder / "study.sqlite")
    copy = migrations.backup_of(old / "study.sqlite", 1)
    assert copy.name == "study-version-1.sqlite"
    aside = old.parent / "aside"
    aside.mkdir()
    copy.rename(aside / "study.sqlite")
    assert contents(aside, read_only=True) == before
    with Study.open(old) as migrated:
        migrated.undo()
        assert migrated.check() == "ok"


def test_a_migration_that_fails_leaves_the_study_as_it_was(old, monkeypatch):
    before = contents(old, read_only=True)
    monkeypatch.setitem(migrations.STEPS, 1, migrations.STEPS[1] + "ALTER TABLE absent ADD COLUMN more;")
    with Study.open(old) as study:
        assert "could not be brought up to date (no such table: absent)" in study.reason
        with pytest.raises(StudyError, match="earlier version"):
            study.undo()
    assert contents(old, read_only=True) == before
    monkeypatch.undo()
    assert contents(old) == before


def test_without_room_for_the_copy_nothing_is_migrated(old, monkeypatch):
    before = contents(old, read_only=True)

    def full(connection, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(migrations, "_back_up", full)
    with Study.open(old) as study:
        assert "No space left on device" in study.reason
    assert contents(old, read_only=True) == before


def test_every_version_before_this_one_has_a_step():
    assert sorted(migrations.STEPS) == list(range(1, schema.VERSION))

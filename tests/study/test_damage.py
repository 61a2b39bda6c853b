"""A damaged study opens to its last good event and says so; what is still in the file is not lost, the file is kept."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from cytoshift.errors import StudyError
from cytoshift.study import Event, Study, salvage, schema

CUTS = int(os.environ.get("CYTOSHIFT_CUTS", "10"))
EVENTS = 300
NAME = "study.sqlite"


class Corrected(NamedTuple):
    """Folders of a study with a run and many corrections, as it lay while it was open and after it was closed.

    ``events`` are its events, and ``ends`` how long its journal was after each.
    """

    open: Path
    closed: Path
    events: list[Event]
    ends: list[int]


@pytest.fixture(scope="module")
def corrected(tmp_path_factory, predict, paint):
    folder, ends = tmp_path_factory.mktemp("corrected"), []
    with Study.create(folder / "study") as study:
        study.add_slide(paint("a"))
        run = study.add_findings(predict(n=400))
        for number in range(EVENTS):
            if number % 3 == 2:
                study.undo("a")
            elif number % 3:
                study.add("a", (number, 0, number + 20, 30), "LSIL")
            else:
                study.accept("a", f"{run}:{number}")
            ends.append((study.folder / f"{NAME}-wal").stat().st_size)
        copy(study.folder, folder / "open", {})
        events = study.events()
    return Corrected(folder / "open", folder / "study", events, ends)


def copy(source, target, lengths):
    """Copy a study's files as far as some length, all of those for which none is given."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for name in (NAME, f"{NAME}-wal"):
        if (source / name).exists():
            data = (source / name).read_bytes()
            (target / name).write_bytes(data[: lengths.get(name, len(data))])
    return target


def forbid(folder, monkeypatch):
    """Let nothing be written into a folder, also for root."""
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK or folder not in (path, path.parent))


def still_in(data, events):
    """Return the events of which every byte is in some data, by looking for them."""
    return [event for event in events if "".join(event.row()).encode() in data]


def cuts(length, count=CUTS):
    return np.unique(np.linspace(1, length - 1, count).astype(int)).tolist()


def test_truncated_anywhere_it_opens_with_everything_that_is_left(corrected, tmp_path):
    events, whole = corrected.events, (corrected.closed / NAME).read_bytes()
    opened = 0
    for length in cuts(len(whole)):
        torn = copy(corrected.closed, tmp_path / "torn", {NAME: length})
        expected = still_in(whole[:length], events)
        if not salvage.read(torn / NAME).anything:
            with pytest.raises(StudyError, match="restore its folder from a backup"):
                Study.open(torn)
            assert not expected
            assert (torn / NAME).read_bytes() == whole[:length]
        else:
            with Study.open(torn) as left:
                assert left.events() == expected
                up_to = f"up to its last good event, {expected[-1].seq} of" if expected else "and no correction"
                assert up_to in left.notice
                left.note("a", "", "it goes on")
                assert left.check() == "ok"
                opened += 1
            kept = next(torn.glob("study-damaged-*.sqlite"))
            assert kept.read_bytes() == whole[:length]
            with Study.open(torn) as again:
                assert again.notice == ""
                assert again.events()[:-1] == expected
    print(f"{CUTS} cuts of {len(whole)} bytes, {opened} opened with what was left")
    assert opened > CUTS // 2


def test_of_a_truncated_journal_every_correction_that_is_whole_counts(corrected, tmp_path):
    events, length = corrected.events, (corrected.open / f"{NAME}-wal").stat().st_size
    for cut in cuts(length):
        torn = copy(corrected.open, tmp_path / "torn", {f"{NAME}-wal": cut})
        certain = sum(end <= cut for end in corrected.ends)
        with Study.open(torn) as left:
            assert left.events() == events[: len(left.events())]
            assert len(left.events()) >= certain
            assert left.check() == "ok"


def test_what_the_journal_holds_mends_a_truncated_file(corrected, tmp_path):
    assert (corrected.open / NAME).stat().st_size > 4096
    torn = copy(corrected.open, tmp_path / "torn", {NAME: 4096})
    with Study.open(torn) as left:
        assert left.events() == corrected.events
        assert left.check() == "ok"


@pytest.mark.parametrize("seed", range(max(CUTS // 2, 1)))
def test_a_block_of_zeros_costs_no_more_than_the_page_it_lies_in(seed, corrected, tmp_path):
    events, data = corrected.events, bytearray((corrected.closed / NAME).read_bytes())
    page = int(np.random.default_rng(seed).integers(1, len(data) // 4096))
    data[page * 4096 : page * 4096 + 512] = bytes(512)
    others = bytes(data[: page * 4096] + data[(page + 1) * 4096 :])
    torn = copy(corrected.closed, tmp_path / "torn", {})
    (torn / NAME).write_bytes(data)
    with Study.open(torn) as left:
        found = left.events()
        assert {event.id for event in still_in(others, events)} <= {event.id for event in found}
        assert all(event in events for event in found)
        if len(found) < len(events):
            assert "are missing" in left.notice or found[-1].seq < events[-1].seq


def test_where_nothing_may_be_written_it_is_only_looked_at(corrected, tmp_path, monkeypatch):
    torn = copy(corrected.closed, tmp_path / "torn", {NAME: (corrected.closed / NAME).stat().st_size * 3 // 4})
    before = {path.name: path.read_bytes() for path in torn.iterdir()}
    forbid(torn, monkeypatch)
    with Study.open(torn) as left:
        assert "nothing was changed in its folder" in left.notice
        assert "nothing can be written" in left.reason
        assert left.events()
    assert {path.name: path.read_bytes() for path in torn.iterdir()} == before


def test_a_crash_while_it_is_mended_loses_nothing(corrected, tmp_path, monkeypatch):
    torn = copy(corrected.closed, tmp_path / "torn", {NAME: (corrected.closed / NAME).stat().st_size * 3 // 4})
    with Study.open(copy(torn, tmp_path / "other", {})) as mended:
        expected = mended.events()
    real = os.replace

    def crash(source, target):
        if str(target).endswith(stop):
            raise OSError(28, "No space left on device")
        real(source, target)

    for stop in (".mended", NAME):  # noqa: B007, it is what `crash` looks at
        monkeypatch.setattr(os, "replace", crash)
        with pytest.raises(StudyError, match=r"could not be mended .*No space left"):
            Study.open(torn)
        monkeypatch.undo()
    with Study.open(torn) as left:
        assert left.events() == expected


def test_a_damaged_study_of_a_newer_version_is_left_alone(corrected, tmp_path):
    torn = copy(corrected.closed, tmp_path / "torn", {})
    data = bytearray((torn / NAME).read_bytes()[:-4096])
    data[60:64] = (schema.VERSION + 1).to_bytes(4, "big")
    (torn / NAME).write_bytes(data)
    with pytest.raises(StudyError, match="restore its folder"):
        Study.open(torn)
    assert (torn / NAME).read_bytes() == data


def test_a_folder_copied_without_its_journal_says_what_may_be_missing(corrected, tmp_path):
    half = copy(corrected.open, tmp_path / "half", {})
    salvage.wal_of(half / NAME).unlink()
    for how in ({"read_only": True}, {}):
        with Study.open(half, **how) as left:
            assert "was copied without study.sqlite-wal while it was open" in left.notice
            assert left.check() == "ok"
    with Study.open(copy(corrected.closed, tmp_path / "all", {})) as whole:
        assert whole.notice == ""
        assert len(whole.events()) == EVENTS


def test_what_a_crash_left_where_nothing_can_be_written_is_read_too(corrected, tmp_path, monkeypatch):
    left = copy(corrected.open, tmp_path / "left", {})
    forbid(left, monkeypatch)
    with Study.open(left) as reader:
        assert reader.events() == corrected.events
        assert "nothing can be written" in reader.reason


def test_a_study_that_moves_while_it_is_open_stores_no_more(study, tmp_path):
    study.note("a", "", "kept")
    before = study.events()
    study.folder.rename(tmp_path / "moved")
    for write in (lambda: study.note("a", "", "lost?"), lambda: study.undo("a")):
        with pytest.raises(StudyError, match=r"was moved or removed while it was open, so this was not stored"):
            write()
    assert study.events() == before
    study.close()
    with Study.open(tmp_path / "moved") as again:
        assert again.events() == before
        assert again.notice == ""

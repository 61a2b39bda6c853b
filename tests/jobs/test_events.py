"""The event file: every event comes back once, in order, whatever a kill left behind."""

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.jobs.events import EventLog, read_events

texts = st.text(max_size=20)


@settings(max_examples=30, deadline=None)
@given(first=st.lists(texts, min_size=1, max_size=4), second=st.lists(texts, max_size=4), share=st.floats(0, 1))
def test_a_torn_end_loses_only_the_torn_event(tmp_path_factory, first, second, share):
    path = tmp_path_factory.mktemp("events") / "events.jsonl"
    with EventLog(path) as log:
        for text in first:
            log.emit({"kind": "note", "text": text})
    whole = path.read_bytes()
    cut = round(share * len(whole))
    path.write_bytes(whole[:cut])
    kept = whole[:cut].count(b"\n")

    events, position = read_events(path)
    assert [event["text"] for event in events] == first[:kept]

    with EventLog(path) as log:
        for text in second:
            log.emit({"kind": "note", "text": text})
    more, end = read_events(path, position)
    torn = whole[:cut][position:]
    # the one line that may be whole although its end was cut off: all of it but the line break is there
    finished = [first[kept]] if torn and _is_json(torn) else []
    assert [event["text"] for event in more] == finished + second
    assert end == path.stat().st_size


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def test_an_unfinished_line_is_left_for_the_next_look(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"kind": "note"}\n{"kind": "lo')
    events, position = read_events(path)
    assert [event["kind"] for event in events] == ["note"]
    with path.open("a") as file:
        file.write('ss"}\n')
    assert [event["kind"] for event in read_events(path, position)[0]] == ["loss"]


def test_no_file_is_no_events(tmp_path: Path):
    assert read_events(tmp_path / "events.jsonl") == ([], 0)

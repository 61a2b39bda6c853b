"""What a terminal says of a new model's worth."""

from __future__ import annotations

import pytest

from cytoshift.cli.outcome import print_gain
from cytoshift.jobs import JobResult
from cytoshift.jobs.gain import Gain, Number, Trust


def test_numbers_intervals_and_the_verdict_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    numbers = {
        "mAP50": Number(before=0.4, after=0.5, before_ends=(0.3, 0.5), after_ends=(0.4, 0.6), change_ends=(0.05, 0.15)),
        "AP50 SCC": Number(before=0.0, after=0.1),
    }
    gain = Gain(on="6 fields, held back", over="fields", units=6, main="mAP50", numbers=numbers)
    print_gain(JobResult(state="done", trust=Trust(gain=gain, no_home="the data are not at hand")))
    said = capsys.readouterr().out.splitlines()
    assert " ".join(said[1].split()) == "mAP50 0.400 (0.30 to 0.50) 0.500 (0.40 to 0.60) +0.10 (+0.05 to +0.15)"
    assert said[2].split() == ["AP50", "SCC", "0.000", "0.100", "+0.10"]
    assert said[3:] == [
        "In brackets: 95 % intervals, 6 fields drawn again.",
        "Better: mAP50 0.40 to 0.50 (+0.10, 95 %: +0.05 to +0.15) on 6 fields, held back.",
        "Whether it forgot anything was not measured: the data are not at hand.",
    ]

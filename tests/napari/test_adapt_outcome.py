"""What is said of a new model's worth: better, not better, or not to be told from chance, and what was forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from cytoshift.jobs import JobResult
from cytoshift.jobs.gain import Gain, Number, Trust
from cytoshift.jobs.verdict import changed, forgotten
from napari_cytoshift.widgets.adapt_outcome import ADOPT, OutcomeTable, verdict, worth_of
from napari_cytoshift.workspace import Workspace


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"mAP50": 0.4, "recall": 0.5}, {"mAP50": 0.5, "recall": 0.6}, "is better, perhaps by chance: mAP50, Recall."),
        ({"mAP50": 0.4, "recall": 0.5}, {"mAP50": 0.3, "recall": 0.5}, "is worse: mAP50."),
        ({"mAP50": 0.4, "recall": 0.5}, {"mAP50": 0.5, "recall": 0.4}, "better in mAP50, worse in Recall."),
        ({"mAP50": 0.4}, {"mAP50": 0.402}, "as good as the old one."),
    ],
)
def test_the_verdict_says_better_and_worse(before: dict[str, float], after: dict[str, float], words: str) -> None:
    assert verdict(JobResult(state="done", before=before, after=after)).endswith(words)


def trusted(*ends: tuple[float, float] | None, home: tuple[float, float] | None = None) -> JobResult:
    """Return the result of a job whose mAP50, and whose classes, changed within some intervals."""
    names = ("mAP50", "recall", "AP50 HSIL", "AP50 SCC")

    def number(within: tuple[float, float] | None) -> Number:
        change = sum(within) / 2 if within else 0.1
        old, new = ((0.3, 0.5), (0.35, 0.6)) if within else (None, None)
        return Number(before=0.4, after=0.4 + change, before_ends=old, after_ends=new, change_ends=within)

    def gain(*within: tuple[float, float] | None) -> Gain:
        numbers = {name: number(each) for name, each in zip(names, within, strict=False)}
        return Gain(on="3 fields with 60 cells", over="parts of fields", units=48, main="mAP50", numbers=numbers)

    at_home = None if home is None else gain(home)
    trust = Trust(gain=gain(*ends), home=at_home, no_home="" if at_home else "they are not at hand")
    return JobResult(state="done", model="taught", trust=trust)


@pytest.mark.parametrize(
    ("ends", "words", "button"),
    [
        ((0.05, 0.15), "Better: mAP50 0.40 to 0.50 (+0.10, 95 %: +0.05 to +0.15) on 3 fields", "Adopt"),
        ((-0.15, -0.05), "Not better: mAP50", "Adopt, though not better"),
        ((0.0, 0.0), "Not better: mAP50", "Adopt, though not better"),
        ((-0.05, 0.15), "Cannot be told from chance: mAP50", "Adopt, though unproven"),
        (None, "Cannot be told from chance: mAP50 0.40 to 0.50 (+0.10) on", "Adopt, though unproven"),
    ],
)
def test_what_may_be_chance_is_not_called_better(ends: tuple[float, float] | None, words: str, button: str) -> None:
    result = trusted(ends)
    assert verdict(result).startswith(words)
    assert ADOPT[worth_of(result)] == button


def test_what_was_forgotten_is_said_beside_the_gain() -> None:
    lost = trusted((0.05, 0.15), home=(-0.2, -0.1)).trust
    assert lost is not None
    assert forgotten(lost).startswith("It forgot: mAP50 0.40 to 0.25")
    kept = trusted((0.05, 0.15), home=(-0.02, 0.04)).trust
    assert kept is not None
    assert forgotten(kept).startswith("Nothing forgotten that can be told from chance: mAP50")
    unknown = trusted((0.05, 0.15)).trust
    assert unknown is not None
    assert forgotten(unknown) == "Whether it forgot anything was not measured: they are not at hand."


def test_what_did_not_change_is_not_said_to_be_less() -> None:
    assert changed(Number(before=0.3812, after=0.3801)) == "0.38 to 0.38 (+0.00)"
    assert changed(Number(before=0.38, after=0.3701)) == "0.38 to 0.37 (-0.01)"


def test_better_overall_may_be_worse_in_a_class() -> None:
    said = verdict(trusted((0.05, 0.15), (0.1, 0.2), (-0.3, -0.1), None))
    assert said.endswith(", but worse in AP50 HSIL.")


def test_the_table_marks_what_became_worse_and_shows_what_is_known(make_napari_viewer: Any, qtbot: Any) -> None:
    table = OutcomeTable(Workspace.of(make_napari_viewer()))
    qtbot.addWidget(table)
    table.show_result(JobResult(state="done", before={"recall": 0.6}, after={"recall": 0.5, "mAP50": 0.3}))
    assert table.overall.cells["recall", "change"].text() == "▼ -0.10"
    assert ("mAP50", "after") not in table.overall.cells
    shown = [table.pages.tabText(k) for k in range(table.pages.count()) if table.pages.isTabVisible(k)]
    assert shown == ["Overall"]
    first = table.overall.cells["recall", "change"]
    table.show_result(trusted((0.05, 0.15), (-0.3, -0.1), (0.1, 0.3), None, home=(-0.02, 0.04)))
    assert first.isHidden()  # not drawn below what takes its place
    assert table.overall.cells["mAP50", "change"].text() == "▲ +0.10<br><small>+0.05…+0.15</small>"
    assert table.by_class.cells["AP50 SCC", "title"].text() == "SCC"
    assert table.by_class.cells["AP50 SCC", "change"].toolTip() == "Too few cells for an interval"
    assert (
        table.by_class.cells["AP50 HSIL", "change"].toolTip() == "Below: 95 % interval, 48 parts of fields drawn again"
    )
    shown = [table.pages.tabText(k) for k in range(table.pages.count()) if table.pages.isTabVisible(k)]
    assert shown == ["Overall", "By class", "Known"]

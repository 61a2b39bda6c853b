"""What a job was worth: before and after, on fields or mitoses held back from both models, and what was forgotten."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QSizePolicy, QTabWidget, QVBoxLayout, QWidget

from cytoshift.jobs import JobResult
from cytoshift.jobs.gain import Gain, Number, Worth
from cytoshift.jobs.verdict import forgotten
from cytoshift.jobs.verdict import verdict as concluded
from napari_cytoshift.widgets.adapt_changes import ChangesPage
from napari_cytoshift.widgets.adapt_jobs import Course
from napari_cytoshift.widgets.adapt_numbers import OF_CLASS, SAME, TITLES, NumberTable
from napari_cytoshift.widgets.adapt_plot import LossPlot
from napari_cytoshift.widgets.dock import sentence
from napari_cytoshift.workspace import Workspace

ADOPT: dict[Worth | None, str] = {
    "better": "Adopt",
    "not better": "Adopt, though not better",
    "unknown": "Adopt, though unproven",
    None: "Adopt",
}
"""What the button says: no model that is not better is offered as if it were."""


DECIDING = ("mAP50", "balanced accuracy")
"""Numbers that decide where no intervals were measured."""


NARROWEST = 280
"""Width in screen pixels that the sentences have at least, for as long as nobody has laid them out."""


class OutcomeTable(QWidget):
    """Shows a `JobResult`: what may be concluded, the numbers that it has, and the cells that changed."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.verdict, self.forgotten = sentence(), sentence()
        self.overall, self.by_class, self.home = NumberTable(), NumberTable(), NumberTable()
        self.changes, self.curve = ChangesPage(workspace), LossPlot()
        self.pages = QTabWidget()
        self.pages.setDocumentMode(True)
        self.pages.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        for page, title, tip in (
            (self.overall, "Overall", "All classes, on what was held back"),
            (self.by_class, "By class", "Each class, on what was held back"),
            (self.home, "Known", "On what the parent was validated on: what was forgotten"),
            (self.changes, "Cells", "The cells held back that both models see differently"),
            (self.curve, "Curve", "The loss while it learnt"),
        ):
            self.pages.setTabToolTip(self.pages.addTab(page, title), tip)
        self.changes.filled.connect(lambda on: self.pages.setTabVisible(self.pages.indexOf(self.changes), on))
        for page in (self.changes, self.curve):  # until there are any
            self.pages.setTabVisible(self.pages.indexOf(page), False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.verdict, self.forgotten, self.pages):
            layout.addWidget(widget)

    def show_result(self, result: JobResult) -> None:
        """Show what a job made and measured."""
        trust = result.trust
        self.verdict.setText(verdict(result))
        self.forgotten.setText("" if trust is None else forgotten(trust))
        self._fit()
        self.forgotten.setVisible(trust is not None)
        numbers = _plain(result) if trust is None else trust.gain.numbers
        drawn = "" if trust is None else _drawn(trust.gain)
        by_class = {name: number for name, number in numbers.items() if name.startswith(OF_CLASS)}
        self._fill(self.overall, {name: numbers[name] for name in TITLES if name in numbers}, drawn)
        self._fill(self.by_class, by_class, drawn)
        home = None if trust is None else trust.home
        self._fill(self.home, {} if home is None else home.numbers, "" if home is None else _drawn(home))

    def show_course(self, course: Course) -> None:
        """Show how the training went."""
        self.curve.show_course(course)
        self.pages.setTabVisible(self.pages.indexOf(self.curve), bool(course.steps))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Give both sentences the height that they need: Qt believes them much taller, and the window would grow."""
        for label in (self.verdict, self.forgotten):
            label.setFixedHeight(max(label.heightForWidth(max(self.width(), NARROWEST)), 0))

    def _fill(self, page: NumberTable, numbers: Mapping[str, Number], drawn: str) -> None:
        page.show_numbers(numbers, drawn)
        self.pages.setTabVisible(self.pages.indexOf(page), bool(numbers))


def worth_of(result: JobResult) -> Worth | None:
    """Return what a new model is worth; None where it was compared with no other. Without intervals none is better."""
    if result.trust is not None:
        return result.trust.gain.worth
    deciding = next((one for name, one in _plain(result).items() if name in DECIDING), None)
    if deciding is None:
        return None
    return "unknown" if deciding.change > 0 else "not better"


def verdict(result: JobResult) -> str:
    """Say in one sentence what a new model is worth; where chance was not measured, where it is better and worse."""
    if result.trust is not None:
        return concluded(result.trust.gain)
    numbers = _plain(result)
    if not numbers:
        return ""
    better = [TITLES[name][0] for name, one in numbers.items() if name in TITLES and one.change >= SAME]
    worse = [TITLES[name][0] for name, one in numbers.items() if name in TITLES and one.change <= -SAME]
    if not better and not worse:
        return "On the fields held back the new model is as good as the old one."
    if not worse:
        return f"On the fields held back the new model is better, perhaps by chance: {', '.join(better)}."
    if not better:
        return f"On the fields held back the new model is worse: {', '.join(worse)}."
    return f"On the fields held back it is better in {', '.join(better)}, worse in {', '.join(worse)}."


def colour_verdict(task: str, result: JobResult) -> str:
    """Say how near a model that changes colours came to the look that was wanted, and what it left as it was."""
    colour, structure = result.after.get("colour"), result.after.get("structure")
    if colour is None or structure is None:
        return ""
    if task == "stain":
        return _restyler_verdict(result, structure)
    return (
        f"On crops it learnt from: colours {colour:.2f} from B's (0 is the same), structure kept {structure:.2f}"
        " (1 is all). Look at the tiles, and at slides it has not seen."
    )


def _restyler_verdict(result: JobResult, structure: float) -> str:
    far, bare = result.after.get("distance"), result.after.get("distance as they are")
    before = result.before.get("distance")
    kept = f"structure kept {structure:.2f} (1 is all). Look at the tiles, and at slides it has not seen."
    if far is None or bare is None:
        return f"On patches it learnt from: {kept}"
    old = "" if before is None else f", {before:.1f} through the restyler before"
    words = "nearer to" if far < min(bare, bare if before is None else before) else "not nearer to"
    return (
        f"Your slides are {words} the model's: {far:.1f} from home through the new restyler{old}, {bare:.1f} as they"
        f" are (1 is its median field); {kept}"
    )


def _plain(result: JobResult) -> dict[str, Number]:
    """Return the numbers of a job that measured no intervals."""
    both = [name for name in result.after if name in result.before and (name in TITLES or name.startswith(OF_CLASS))]
    return {name: Number(before=result.before[name], after=result.after[name]) for name in both}


def _drawn(gain: Gain) -> str:
    return f"{gain.units} {gain.over}"

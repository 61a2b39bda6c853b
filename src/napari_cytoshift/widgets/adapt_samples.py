"""Pictures of what a translator has learnt so far: inputs above, what becomes of them below, newest first."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QImage, QMouseEvent, QPixmap, QResizeEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from cytoshift.jobs.events import Sample
from napari_cytoshift.widgets.dock import sentence
from napari_cytoshift.workspace import Workspace


class Picture(QLabel):
    """A picture that fills its width, in its own proportions and never larger than ``TALLEST``.

    Attributes
    ----------
    clicked : Signal()
    """

    TALLEST = 150
    clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._whole = QPixmap()
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(self.TALLEST // 2)  # before it is laid out Qt believes it much taller

    def show_picture(self, picture: QPixmap) -> None:
        """Show a picture."""
        self._whole = picture
        self._fit()

    @property
    def whole(self) -> QPixmap:
        """The picture in its own size."""
        return self._whole

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        self.clicked.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self._whole.isNull():
            return
        size = self._whole.size().scaled(self.width(), self.TALLEST, Qt.AspectRatioMode.KeepAspectRatio)
        if size.height() != self.height():
            self.setFixedHeight(size.height())
        ratio = self.devicePixelRatioF()
        fitted = self._whole.scaled(
            size * ratio, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        fitted.setDevicePixelRatio(ratio)
        self.setPixmap(fitted)


class SampleView(QWidget):
    """Shows the newest sample of a job, and older ones on request."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.picture, self.words = Picture(), sentence()
        self.older = _arrow(Qt.ArrowType.LeftArrow, "An earlier picture", self.go_back)
        self.newer = _arrow(Qt.ArrowType.RightArrow, "A later picture", self.go_on)
        self.picture.setToolTip("Click to see it in its own size")
        self.picture.setCursor(Qt.CursorShape.PointingHandCursor)
        self.picture.clicked.connect(self.enlarge)
        self.large = QLabel(self, Qt.WindowType.Tool)
        self._samples: Sequence[Sample] = ()
        self._at = -1
        self._asked: Sample | None = None
        row = QHBoxLayout()
        row.addWidget(self.words, 1)
        row.addWidget(self.older)
        row.addWidget(self.newer)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(self.picture)

    def show_samples(self, samples: Sequence[Sample]) -> None:
        """Show the newest of some samples; one that a person chose stays while there are newer ones."""
        newest = self._at in (-1, len(self._samples) - 1) or len(samples) < len(self._samples)
        self._samples = tuple(samples)
        self._show(len(samples) - 1 if newest else self._at)

    def go_back(self) -> None:
        """Show the picture before."""
        self._show(self._at - 1)

    def go_on(self) -> None:
        """Show the picture after."""
        self._show(self._at + 1)

    def enlarge(self) -> None:
        """Show the picture in its own size, in a window beside the others."""
        if not self.picture.whole.isNull():
            self._fill_large()
            self.large.show()
            self.large.raise_()

    def _fill_large(self) -> None:
        self.large.setPixmap(self.picture.whole)
        self.large.adjustSize()
        self.large.setWindowTitle(self.words.text())

    def _show(self, at: int) -> None:
        self._at = min(max(at, 0), len(self._samples) - 1)
        if not self._samples:
            return
        sample = self._samples[self._at]
        self.older.setEnabled(self._at > 0)
        self.newer.setEnabled(self._at < len(self._samples) - 1)
        self.words.setText(f"Step {sample.step}: as it is, and below it translated")
        if sample == self._asked:
            return
        self._asked = sample
        self.workspace.start(
            "Reading a sample",
            lambda work: QImage(str(sample.path)),
            done=lambda image: self._take(sample, image),
            in_activity=False,
        )

    def _take(self, sample: Sample, image: QImage) -> None:
        if sample == self._asked and not image.isNull():
            self.picture.show_picture(QPixmap.fromImage(image))
            if self.large.isVisible():
                self._fill_large()


def _arrow(kind: Qt.ArrowType, tip: str, action: object) -> QToolButton:
    made = QToolButton()
    made.setArrowType(kind)
    made.setAutoRaise(True)
    made.setToolTip(tip)
    made.clicked.connect(action)
    return made

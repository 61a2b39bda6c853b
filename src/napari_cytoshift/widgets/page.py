"""What a dock shows, and a scroll bar beside it only where the screen is too low for all of it."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

LOWEST = 240
"""Pixels below which a page is not pressed together."""


class Page(QScrollArea):
    """Holds widgets, which fill it, or are scrolled where they are higher; the window never grows for them.

    Attributes
    ----------
    content : QVBoxLayout
        Where the widgets are put.
    """

    def __init__(self) -> None:
        super().__init__()
        inside = _Inside()
        self.content = inside.content
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        self.setWidget(inside)
        inside.setAutoFillBackground(False)  # a scroll area gives its widget a ground of its own
        self.viewport().setAutoFillBackground(False)

    @property
    def whole(self) -> QSize:
        """The smallest size at which all is seen without a scroll bar."""
        return self.content.totalMinimumSize()

    def minimumSizeHint(self) -> QSize:
        whole = self.whole
        return QSize(whole.width(), min(whole.height(), LOWEST))

    def sizeHint(self) -> QSize:
        return self.content.totalSizeHint()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest and watched is self.widget():
            self.updateGeometry()  # what it holds became wider or lower
        return super().eventFilter(watched, event)


class _Inside(QWidget):
    """As wide as the page, even where that is narrow, and pressed together before a scroll bar appears."""

    def __init__(self) -> None:
        super().__init__()
        self.content = QVBoxLayout(self)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.content.totalMinimumSize().height())

    def heightForWidth(self, width: int) -> int:
        return self.content.minimumHeightForWidth(width)  # a scroll area would ask for the preferred height

"""A detector's score as one figure: FROC, precision and recall, confusions, reliability."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cytoshift.durable import new_file
from cytoshift.study.palette import color_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cytoshift.detection import DetectorScore

INK, FAINT, GRID = "#222222", "#767676", "#e6e6e6"
_WIDE, _THIN = 2.4, 1.7


def draw_score(score: DetectorScore, file: Path, *, title: str) -> None:
    """Draw a score into a PNG, PDF or SVG file, as its ending says.

    Parameters
    ----------
    score : DetectorScore
    file : Path
    title : str
        What was measured on what.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    style: Any = {
        "font.size": 10,
        "text.color": INK,
        "axes.labelcolor": INK,
        "xtick.color": FAINT,
        "ytick.color": FAINT,
    }
    with rc_context(style):
        figure = Figure(figsize=(12, 10.4), dpi=150, facecolor="white")
        grid = figure.add_gridspec(
            2, 2, left=0.09, right=0.975, top=0.875, bottom=0.07, wspace=0.22, hspace=0.33, width_ratios=(1, 1)
        )
        figure.text(0.09, 0.963, title, fontsize=15, fontweight="bold", va="center")
        figure.text(0.09, 0.933, _headline(score), fontsize=10.5, color=FAINT, va="center")
        _froc(figure.add_subplot(grid[0, 0]), score)
        _precision_recall(figure.add_subplot(grid[0, 1]), score)
        _confusion(figure.add_subplot(grid[1, 0]), score)
        _reliability(figure.add_subplot(grid[1, 1]), score)
        with new_file(file) as opened:
            figure.savefig(opened, format=file.suffix.lower().lstrip("."))


def _headline(score: DetectorScore) -> str:
    parts = [f"{score.images} fields, {score.area_mm2:.2f} mm², {score.cells} cells"]
    for name, label in (("mAP", "mAP"), ("mAP50", "mAP50"), ("AP50_any", "AP50 any class")):
        parts.append(f"{label} {getattr(score, name):.3f}{_ends(score, name)}")
    return "   ·   ".join(parts)


def _ends(score: DetectorScore, name: str) -> str:
    """Return the interval of a number in brackets, nothing where there is none."""
    if score.intervals is None or name not in score.intervals.ends:
        return ""
    low, high = score.intervals.ends[name]
    return f" [{low:.3f}, {high:.3f}]"


def _froc(axes: Axes, score: DetectorScore) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    from cytoshift.detection.score import ANY
    from cytoshift.metrics.froc import RATES

    _frame(axes, "Found at false alarms per mm²", "false alarms per mm²", "share of cells found")
    least, most = RATES[0] / 2, RATES[-1] * 2
    for name, boxes in score.froc.items():
        rate, share = boxes.curve()
        reached = share[np.searchsorted(rate, least, "right") - 1]
        inside = (rate > least) & (rate <= most)
        x, y = np.append(least, rate[inside]), np.append(reached, share[inside])
        mean = score.further.get(f"FROC {name}")
        label = name if mean is None else f"{name}  {mean:.2f}"
        axes.step(np.append(x, most), np.append(y, y[-1]), where="post", label=label, **_line(name, name == ANY))
    _froc_intervals(axes, score, ANY)
    axes.set_xscale("log", base=2)
    axes.set_xlim(least, most)
    axes.xaxis.set_major_locator(FixedLocator(list(RATES)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    _legend(axes, f"mean of {RATES[0]:g} to {RATES[-1]:g}/mm²")


def _froc_intervals(axes: Axes, score: DetectorScore, name: str) -> None:
    from cytoshift.metrics.froc import RATES

    if score.intervals is None or name not in score.froc:
        return
    ends = [score.intervals.ends.get(f"sensitivity {name} at {rate:g}/mm²", (np.nan, np.nan)) for rate in RATES]
    low, high = np.array(ends).T
    axes.fill_between(RATES, low, high, color=INK, alpha=0.1, linewidth=0)


def _precision_recall(axes: Axes, score: DetectorScore) -> None:
    from cytoshift.detection.score import ANY
    from cytoshift.metrics.pooled import RECALLS

    _frame(axes, "Precision and recall, IoU 0.5", "recall", "precision")
    for name, curve in score.curves.items():
        average = score.AP50_any if name == ANY else score.AP50_by_class[name]
        # a curve ends where recall does; COCO reads 0 behind it
        last = int(np.flatnonzero(curve)[-1]) + 1 if curve.any() else 1
        axes.plot(RECALLS[:last], curve[:last], label=f"{name}  {average:.2f}", **_line(name, name == ANY))
    axes.plot(score.recall, score.precision, "o", ms=9, mfc="white", mec=INK, mew=2, zorder=6)
    corner = score.recall > 0.72
    axes.annotate(
        "at the threshold" if not score.thresholds else "at the thresholds",
        (score.recall, score.precision),
        xytext=(-10 if corner else 10, 8),
        textcoords="offset points",
        ha="right" if corner else "left",
        fontsize=9,
    )
    axes.set_xlim(0, 1.02)
    _legend(axes, "average precision")


def _confusion(axes: Axes, score: DetectorScore) -> None:
    counts, size = score.confusion, len(score.classes)
    rows = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    share = np.where(np.arange(size + 1)[:, None] < size, counts / rows, 0.0)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        if (row, column) != (size, size):
            color = "white" if share[row, column] > 0.55 else FAINT if count == 0 else INK
            text = f"{count:,}" if row == size or not count else f"{count:,}\n{share[row, column]:.0%}"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=9, linespacing=1.25)
    axes.axhline(size - 0.5, color=INK, lw=1.2)
    axes.axvline(size - 0.5, color=INK, lw=1.2)
    axes.set_xticks(range(size + 1), [*score.classes, "missed"])
    axes.set_yticks(range(size + 1), [*score.classes, "invented"])
    for label, name in zip([*axes.get_xticklabels(), *axes.get_yticklabels()], 2 * [*score.classes, ""], strict=True):
        label.set_color(INK if name else FAINT)
    axes.tick_params(length=0)
    axes.set_xlabel("what it is called")
    axes.set_ylabel("what is there")
    axes.set_title("Confusions", loc="left", fontsize=12, fontweight="bold", pad=10)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _reliability(axes: Axes, score: DetectorScore) -> None:
    _frame(axes, "Score and truth", "score", "share that is right")
    mean, right = score.reliability.means()
    count = score.reliability.count
    known = count > 0
    width = 1 / len(count)
    axes.plot([0, 1], [0, 1], color=FAINT, lw=1, ls=(0, (4, 3)), zorder=2)
    height = np.log10(count + 1) / max(float(np.log10(count + 1).max()), 1e-9) * 0.22
    axes.bar((np.arange(len(count)) + 0.5) * width, height, width * 0.92, color="#0072b2", alpha=0.16, zorder=1)
    for place, (top, boxes) in enumerate(zip(height, count, strict=True)):
        if boxes:
            axes.text(
                (place + 0.5) * width, top + 0.008, f"{boxes:,.0f}", ha="center", va="bottom", fontsize=8, color=FAINT
            )
    axes.plot(mean[known], right[known], "-o", color="#0072b2", lw=_WIDE, ms=7, mec="white", mew=1, zorder=4)
    axes.set_xlim(0, 1)
    errors = [
        f"{label} {score.further[name]:.3f}{_ends(score, name)}"
        for name, label in (("calibration error", "all boxes"), ("calibration error, shown", "shown"))
        if name in score.further
    ]
    text = "\n".join(["expected calibration error", *errors, "bars: boxes, log scale"])
    axes.text(0.02, 0.975, text, va="top", fontsize=9, transform=axes.transAxes, linespacing=1.5)


def _frame(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", pad=10)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_ylim(0, 1.02)
    axes.grid(color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#bbbbbb")
    axes.tick_params(length=0, pad=5)


def _legend(axes: Axes, title: str) -> None:
    legend = axes.legend(loc="best", title=title, frameon=True, framealpha=0.88, edgecolor="none", fontsize=9)
    legend.get_title().set_fontsize(9)
    legend.get_title().set_color(FAINT)
    legend.set_zorder(7)
    legend.set_alignment("left")


def _line(name: str, every: bool) -> dict[str, Any]:
    """Return how a class is drawn: its own colour, with an edge where that is too light for white paper."""
    from matplotlib.patheffects import Normal, Stroke

    if every:
        return {"color": INK, "lw": _WIDE, "zorder": 5}
    color = [value / 255 for value in color_of(name)]
    light = float(np.dot(color, (0.2126, 0.7152, 0.0722))) > 0.6
    edge = [Stroke(linewidth=_THIN + 1.6, foreground="#8a8a8a"), Normal()] if light else []
    return {"color": color, "lw": _THIN + (0.4 if light else 0), "zorder": 4, "path_effects": edge}

"""Audit one picture against its translation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from cytoshift.engine.pace import breathe
from cytoshift.slides.pyramid import halve
from cytoshift.translation.audit.changes import Around, Outlines, around, match, outlines, texture
from cytoshift.translation.audit.density import Darkness, darkness_of_both
from cytoshift.translation.audit.nuclei import Nuclei, find_nuclei
from cytoshift.translation.audit.result import KINDS, Audit, Compared, Kind
from cytoshift.translation.audit.structure import disagreement

RGB = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]

FINE = 0.65
"""µm/px at which nuclei are compared at most; what is finer by half is made coarser first."""

COARSEST = 1.05
"""µm/px beyond which nuclei cannot be compared."""

CLEAR = 0.4
"""Slope of its edge, over the upper quartile of its picture, from which a region is surely a nucleus; what is fainter
is granules and folds as often."""

PRESENT = 0.3
"""How far a nucleus must rise in the other picture, over how far it should, to be there."""

OUTLINE, TEXTURE = 0.25, 0.065
"""Excess of the distance of outlines, and disagreement of chromatin, from which they are reported: set on training
fields as another scanner shows them, where less than 1 % of nuclei are beyond."""

_WORST = 3.0  # times these limits are a severity of 1
_AS_PATTERN = 0.5  # times the correlation of patterns: 0.6 is enough
_FEW = 5  # pairs that are too few to say how strongly the second picture is stained


def audit_pair(before: RGB, after: RGB, mpp: float, *, core: Box | None = None) -> Audit:
    """Compare a picture and its translation: which nuclei were invented, lost or changed, and where structure was.

    Nuclei are found in both by their darkness alone and matched one to one. A nucleus without a partner is invented
    or lost only where the other picture shows nothing there in any colour.

    Parameters
    ----------
    before, after : ndarray of uint8, shape (h, w, 3)
        RGB of the same place.
    mpp : float
        µm/px of both, at most `COARSEST`.
    core : tuple of float, optional
        x0, y0, x1, y1: only nuclei whose centre is in it count, so that tiles that overlap count each once.

    Returns
    -------
    Audit
        In pixels of the pictures.

    Raises
    ------
    ValueError
        When the shapes differ, or pixels are larger than `COARSEST`.
    """
    if before.shape != after.shape:
        raise ValueError(f"pictures of {before.shape} and {after.shape} cannot be compared")
    if mpp > COARSEST:
        raise ValueError(f"nuclei cannot be compared at {mpp:g} µm/px")
    height, width = before.shape[:2]
    scale = 1
    while 2 * mpp <= FINE:
        before, after, mpp, scale = halve(before), halve(after), 2 * mpp, 2 * scale
    region = (0.0, 0.0, float(width), float(height)) if core is None else core
    x0, y0, x1, y1 = (value / scale for value in region)
    audit = _Comparison(before, after, mpp).audit((x0, y0, x1, y1))
    return audit.placed(scale, 0, 0)


class _Comparison:
    """Two pictures and their nuclei."""

    def __init__(self, before: RGB, after: RGB, mpp: float) -> None:
        self.mpp = mpp
        self.darkness = darkness_of_both(before, after, mpp)
        self.nuclei = [find_nuclei(picture.least, mpp) for picture in self.darkness]
        self.boxes = [ndimage.find_objects(found.labels) for found in self.nuclei]
        self.clear = [_clear(found) for found in self.nuclei]
        self.others = (self.nuclei[0].labels > 0) | (self.nuclei[1].labels > 0)
        self.pairs = match(*self.nuclei)
        self._around: dict[tuple[int, int], Around] = {}

    def audit(self, core: Box) -> Audit:
        """Compare what lies in a core."""
        inside = [_within(found.points, core) & clear for found, clear in zip(self.nuclei, self.clear, strict=True)]
        found: list[tuple[Kind, float, int, int]] = []
        gain = self._gain()
        for which, kind in ((0, "lost"), (1, "invented")):
            for k in np.flatnonzero(inside[which]):
                shown = self._shown(which, int(k), gain)
                if shown < PRESENT:
                    found.append((kind, 1 - max(shown, 0.0), which, int(k)))  # type: ignore[arg-type]
        gone = {(which, k) for _, _, which, k in found}
        rows: list[tuple[float, float, Outlines, float]] = []
        for a, b in zip(*self.pairs, strict=True):
            if not (inside[0][a] or (_within(self.nuclei[0].points[[a]], core)[0] and self.clear[1][b])):
                continue
            if (0, a) in gone or (1, b) in gone:
                continue
            breathe()
            nucleus = self._at(0, a)
            outline = outlines(nucleus, *self.darkness, self.mpp)
            chromatin = texture(nucleus, *self.darkness, self.mpp)
            rows.append((*self.nuclei[0].points[a].tolist(), outline, chromatin))
            if outline.excess >= OUTLINE:
                found.append(("outline", outline.excess / (_WORST * OUTLINE), 0, int(a)))
            if chromatin >= TEXTURE:
                found.append(("texture", chromatin / (_WORST * TEXTURE), 0, int(a)))
        return Audit(
            core,
            np.array([KINDS.index(kind) for kind, *_ in found], np.int8),
            np.array([self._box(which, k) for *_, which, k in found], np.float32).reshape(-1, 4),
            np.array([min(severity, 1.0) for _, severity, *_ in found], np.float32),
            _compared(rows),
            (int(inside[0].sum()), int(inside[1].sum())),
            self._map(core),
        )

    def _at(self, which: int, k: int) -> Around:
        key = (which, k)
        if key not in self._around:
            rows, columns = self.boxes[which][k]
            mask = self.nuclei[which].labels[rows, columns] == k + 1
            self._around[key] = around(mask, (rows.start, columns.start), self.others, self.mpp)
        return self._around[key]

    def _box(self, which: int, k: int) -> Box:
        rows, columns = self.boxes[which][k]
        return (columns.start, rows.start, columns.stop, rows.stop)

    def _gain(self) -> float:
        """Return how strongly the second picture is stained over the first."""
        ratios = []
        for a, b in zip(*self.pairs, strict=True):
            if self.clear[0][a] and self.clear[1][b]:
                nucleus = self._at(0, int(a))
                ratios.append(nucleus.rise(self.darkness[1].mean) / max(nucleus.rise(self.darkness[0].mean), 0.01))
        if len(ratios) < _FEW:
            ranges = [np.subtract(*np.quantile(picture.mean, (0.995, 0.5))) for picture in self.darkness]
            ratios += [float((ranges[1] + 0.05) / (ranges[0] + 0.05))] * (_FEW - len(ratios))
        return float(np.clip(np.median(ratios), 0.2, 5))

    def _shown(self, which: int, k: int, gain: float) -> float:
        """Return how far a nucleus of one picture rises in the other, over how far it should.

        Where what lies around it is dark in one of them alone, that both show the same pattern speaks for it, too.
        """
        nucleus = self._at(which, k)
        wanted = nucleus.shown(self.darkness[which]) * (gain if which == 0 else 1 / gain)
        rise = nucleus.shown(self.darkness[1 - which]) / max(wanted, 0.01)
        return max(rise, _AS_PATTERN * nucleus.alike(*self.darkness))

    def _map(self, core: Box) -> npt.NDArray[np.float32]:
        x0, y0, x1, y1 = (round(value) for value in core)
        before, after = (_cut(picture, y0, y1, x0, x1) for picture in self.darkness)
        return disagreement(before, after, self.mpp)


def _cut(picture: Darkness, y0: int, y1: int, x0: int, x1: int) -> Darkness:
    part = picture.channels[:, y0:y1, x0:x1]
    return Darkness(part, picture.mean[y0:y1, x0:x1], picture.least[y0:y1, x0:x1], picture.white)


def _clear(found: Nuclei) -> npt.NDArray[np.bool_]:
    if not len(found):
        return np.zeros(0, bool)
    return np.asarray(found.edges >= CLEAR * np.quantile(found.edges, 0.75), bool)


def _within(points: npt.NDArray[np.float64], core: Box) -> npt.NDArray[np.bool_]:
    x0, y0, x1, y1 = core
    x, y = points.T
    return np.asarray((x >= x0) & (x < x1) & (y >= y0) & (y < y1), bool)


def _compared(rows: Sequence[tuple[float, float, Outlines, float]]) -> Compared:
    return Compared(
        np.array([row[:2] for row in rows], np.float32).reshape(-1, 2),
        np.array([row[2].iou for row in rows], np.float32),
        np.array([row[2].distance for row in rows], np.float32),
        np.array([row[3] for row in rows], np.float32),
    )

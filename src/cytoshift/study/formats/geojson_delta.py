"""What differs between two searches of a slide as GeoJSON that QuPath opens: classes gained, lost and changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cytoshift.engine.delta import NOT_SEEN, Delta
from cytoshift.engine.findings import Findings
from cytoshift.study.formats.geojson import cell_feature, write_features
from cytoshift.study.palette import CHANGES


def write_delta(path: str | Path, delta: Delta) -> Path:
    """Write one feature for each cell that was gained, lost or changed.

    Its class says which of these it is; the metadata say what it was called before and after, how sure that was, and
    for a gained or lost one whether the other search saw it below its threshold.

    Raises
    ------
    StudyError
        The file cannot be written; an older one then stays as it was.
    """
    return write_features(path, _features(delta))


def _features(delta: Delta) -> Iterator[str]:
    before, after = delta.before, delta.after
    for j, seen in zip(delta.gained.tolist(), delta.gained_seen.tolist(), strict=True):
        said = _said(after, j, "after") | ({} if seen == NOT_SEEN else _said(before, seen, "below before"))
        yield _feature("gained", after, j, said)
    for i, seen in zip(delta.lost.tolist(), delta.lost_seen.tolist(), strict=True):
        said = _said(before, i, "before") | ({} if seen == NOT_SEEN else _said(after, seen, "below after"))
        yield _feature("lost", before, i, said)
    for i, j in delta.changed.tolist():
        yield _feature("changed", after, j, _said(before, i, "before") | _said(after, j, "after"))


def _said(found: Findings, position: int, when: str) -> dict[str, str]:
    """Return class and score of a finding as texts about the time when it was found."""
    name = found.classes[int(found.labels[position])]
    return {f"class {when}": name, f"score {when}": f"{found.scores[position]:.3g}"}


def _feature(change: str, found: Findings, position: int, said: dict[str, str]) -> str:
    made, box = found.provenance, found.boxes[position].tolist()
    name = f"{made.slide} {made.model} {change} {box} {sorted(said.items())} {position}"
    return cell_feature(name, box, float(found.scores[position]), change, CHANGES[change], change=change, **said)

"""Where the slides of a study lie now: where they were, beside the study, or where others of them moved to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cytoshift.errors import CytoshiftError
from cytoshift.study.log import SlideRecord

if TYPE_CHECKING:
    from cytoshift.slides.slide import Slide
    from cytoshift.study.store import Study

Move = tuple[Path, Path]
"""A folder, and the one that its files lie in now."""


def lies_at(record: SlideRecord) -> Path | None:
    """Return where a slide was seen last and still lies, by its name; None where it is at none of these places."""
    return next((Path(path) for path in record.paths if Path(path).exists()), None)


def relocate(study: Study) -> dict[str, Path]:
    """Find the slides that lie at no place any more where they were seen, by their identity.

    Looked at are the study's folder and those around it, and, for every slide that has moved from one folder to
    another, the same way for the others. What is found is stored where the study may be written.

    Returns
    -------
    dict of str to Path
        Where slides were found that had moved, by identity; those that were not found are not in it.
    """
    records = study.slides()
    moves = [move for record in records for move in _moves(record.paths, lies_at(record))]
    missing = {record.identity: record for record in records if lies_at(record) is None}
    found: dict[str, Path] = {}
    while True:
        new = {identity: slide for identity, record in missing.items() if (slide := _find(record, study.folder, moves))}
        if not new:
            return found
        for identity, slide in new.items():
            record, path = missing.pop(identity), Path(slide.info.path)
            found[identity] = path
            moves += _moves(record.paths, path)
            if not study.read_only:
                study.add_slide(slide)


def _find(record: SlideRecord, folder: Path, moves: Sequence[Move]) -> Slide | None:
    """Return a missing slide, opened; None where none of the places has it."""
    from cytoshift.slides import open_slide

    for path in dict.fromkeys(_places(record, folder, moves)):
        if path.exists():
            try:
                slide = open_slide(path)
            except (CytoshiftError, OSError):
                continue
            if slide.info.identity == record.identity:
                return slide
    return None


def _places(record: SlideRecord, folder: Path, moves: Sequence[Move]) -> Iterator[Path]:
    """Yield where a slide may lie now, the likeliest place first."""
    folder = folder.resolve()
    for path in map(Path, record.paths):
        for old, new in moves:
            if path.is_relative_to(old):
                yield new / path.relative_to(old)
        for near in (folder, folder.parent, folder.parent.parent):
            for depth in (1, 2, 3):  # the file itself, or with the folders it lay in
                if depth < len(path.parts):
                    yield near.joinpath(*path.parts[-depth:])


def _moves(paths: Sequence[str], now: Path | None) -> Iterator[Move]:
    """Yield how the folders of a slide's former paths came to be where it lies now: what they have in common goes."""
    for old in map(Path, paths) if now is not None else ():
        before, after = list(old.parts), list(now.parts) if now is not None else []
        if before == after:
            continue
        while len(before) > 1 and len(after) > 1 and before[-1] == after[-1]:
            before.pop()
            after.pop()
        yield Path(*before), Path(*after)

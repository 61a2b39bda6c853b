"""Sets of patches of mitoses: which are atypical, what slide each is from, and which domain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from cytoshift.errors import DataError
from cytoshift.mitosis.phases import phase_shares
from cytoshift.mitosis.tables import LABELS, SPELLINGS, TableForm, find_patches, form_of, locate, title_of
from cytoshift.training.rows import Row, choose_rows, read_rows

RGB = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]

KINDS = ("normal", "atypical")
"""What labels 0 and 1 mean."""

JOINT = " + "
"""Joins the names of sets to that of what they are together."""

UNKNOWN = "unknown"
"""Part of a domain's name where a row says nothing."""


@dataclass(frozen=True, slots=True)
class PatchSet:
    """Patches of mitoses.

    Parameters
    ----------
    name, source, licence : str
        What the data are called, where they come from, and under what licence; empty where that is not known.
    files : tuple of Path
        One image a patch.
    slides : tuple of str
        The slide that each was cut from: patches of one slide are not independent.
    labels : ndarray of int64, shape (n,)
        0 normal, 1 atypical.
    domains : ndarray of int64, shape (n,)
        Index into ``domain_names``.
    domain_names : tuple of str
        Combinations of the domain columns that the table has, e.g. ``"Aperio CS2"``; what is selected from a set keeps
        all of them.
    phases : ndarray of float32, shape (n, p)
        Share of the experts that named each phase; p is 0 where the table names none.
    phase_names : tuple of str
    splits : tuple of str
        The split that the table names for each; empty texts where it names none.
    points : ndarray of float64, shape (n, 2)
        x, y of the mitosis in level-0 pixels of its slide; NaN where the table does not say.
    """

    name: str
    source: str
    licence: str
    files: tuple[Path, ...]
    slides: tuple[str, ...]
    labels: Int64
    domains: Int64
    domain_names: tuple[str, ...]
    phases: npt.NDArray[np.float32]
    phase_names: tuple[str, ...]
    splits: tuple[str, ...]
    points: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.files)

    @property
    def one_domain(self) -> bool:
        """Whether all patches are of one domain, so that there is nothing to align."""
        return len(np.unique(self.domains)) < 2

    def select(self, which: slice | Sequence[int] | Int64 | npt.NDArray[np.bool_]) -> PatchSet:
        """Return some of the patches, by indices, in their order, or by a mask ``(n,)``."""
        chosen = np.arange(len(self))[which]
        return replace(
            self,
            files=tuple(self.files[k] for k in chosen),
            slides=tuple(self.slides[k] for k in chosen),
            labels=self.labels[chosen],
            domains=self.domains[chosen],
            phases=self.phases[chosen],
            splits=tuple(self.splits[k] for k in chosen),
            points=self.points[chosen],
        )

    def read(self, index: int) -> RGB:
        """Read one patch as RGB ``(y, x, 3)``; DataError where its file cannot be read."""
        file = self.files[index]
        try:
            with Image.open(file) as image:
                return np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError) as error:  # Pillow raises SyntaxError for some broken PNG files
            raise DataError(f"{file} cannot be read as an image ({error}); export it again or remove it.") from error


def read_patches(
    path: str | Path,
    split: str | None = None,
    *,
    domains: Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
) -> PatchSet:
    """Read a set of patches from its table.

    Parameters
    ----------
    path : path
        A CSV file, or a folder with ``labels.csv`` or one CSV file; also looked for under ``CYTOSHIFT_DATA``. Images
        are named relative to the table, or lie in a folder beside it.
    split : str, optional
        Keep the rows whose split is this; all without.
    domains : sequence of str, optional
        Columns whose combinations are the domains; by default those of the published table it is, or the ones among
        scanner, stain, origin, species and tumor that there are. None at all is one domain.
    where : mapping of str to str, optional
        Keep the rows that have these values in these columns, e.g. ``{"scanner": "Aperio CS2"}``.
    columns : mapping of str to str, optional
        Columns that say ``image``, ``slide``, ``label``, ``split``, ``x`` and ``y`` where they have other names.

    Raises
    ------
    DataError
        There is no such table; a column is missing, a label is not known, an image is missing, cannot be read, is not
        square or of another size than the first, is named twice, a slide is in two splits, or all patches are of one
        kind.
    """
    table = find_patches(path)
    rows = [{key: SPELLINGS.get(value, value) for key, value in row.items()} for row in read_rows(table)]
    form = form_of(table, list(rows[0]), columns, domains)
    for key, value in dict(where or {}).items():
        rows = choose_rows(table, rows, key, value)
    if form.split:
        _refuse_shared_slides(table, form, rows)
    taken = {id(row) for row in (rows if split is None else choose_rows(table, rows, form.split or "split", split))}
    # all rows first: domains and phases keep their numbers whichever split is read
    patches = _gathered(table, form, rows).select([id(row) in taken for row in rows])
    patches = replace(patches, files=tuple(locate(table, patches.files)))
    _refuse_one_kind(table, patches)
    _refuse_odd_sizes(table, patches)
    return patches


def joined(sets: Sequence[PatchSet]) -> PatchSet:
    """Join sets of patches to one: domains and phases of the same name are the same, and so are slides.

    Check the result with `cytoshift.mitosis.duplicates.refuse_doubles` before it is split: some published sets hold
    patches of others.
    """
    domain_names = tuple(dict.fromkeys(each.domain_names[k] for each in sets for k in np.unique(each.domains)))
    phase_names = tuple(dict.fromkeys(phase for each in sets for phase in each.phase_names))

    def phases(each: PatchSet) -> npt.NDArray[np.float32]:
        shares = np.zeros((len(each), len(phase_names)), np.float32)
        shares[:, [phase_names.index(phase) for phase in each.phase_names]] = each.phases
        return shares

    return PatchSet(
        JOINT.join(dict.fromkeys(each.name for each in sets)),
        "; ".join(dict.fromkeys(each.source for each in sets if each.source)),
        "; ".join(dict.fromkeys(each.licence for each in sets if each.licence)),
        files=tuple(file for each in sets for file in each.files),
        slides=tuple(slide for each in sets for slide in each.slides),
        labels=np.concatenate([each.labels for each in sets]),
        domains=np.array([domain_names.index(each.domain_names[k]) for each in sets for k in each.domains], np.int64),
        domain_names=domain_names,
        phases=np.concatenate([phases(each) for each in sets]),
        phase_names=phase_names,
        splits=tuple(split for each in sets for split in each.splits),
        points=np.concatenate([each.points for each in sets]),
    )


def centred(image: RGB, side: int) -> RGB:
    """Return the square of a side around an image's middle; what lies outside is its mirror image."""
    missing = [max(0, side - length) for length in image.shape[:2]]
    around = [(each // 2, each - each // 2) for each in missing]
    wide = np.pad(image, [*around, (0, 0)], "symmetric")
    y, x = ((length - side) // 2 for length in wide.shape[:2])
    return wide[y : y + side, x : x + side]


def _gathered(table: Path, form: TableForm, rows: Sequence[Row]) -> PatchSet:
    """Return what the rows say, with files as they are named."""
    names = [form.image.of(row) for row in rows]
    slides = [form.slide.of(row) for row in rows]
    for values, what in ((names, "image"), (slides, "slide")):
        if empty := values.count(""):
            raise DataError(f"{table} has {empty} rows that name no {what}; fill them in or remove them.")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            f"{table} has several rows for {len(twice)} images, the first {twice[0]}; keep one row of each."
        )
    places = [" · ".join(row[column].strip() or UNKNOWN for column in form.domains) for row in rows]
    domain_names = tuple(sorted(set(places)))
    title = title_of(table, form)
    shares, phase_names = phase_shares([[row[column].strip() for column in form.phases] for row in rows])
    return PatchSet(
        name=title,
        source=form.source,
        licence=form.licence,
        files=tuple(map(Path, names)),
        slides=tuple(slides),
        labels=_labels(table, form, rows),
        domains=np.array([domain_names.index(place) for place in places], np.int64),
        domain_names=domain_names if form.domains else (title,),
        phases=shares,
        phase_names=phase_names,
        splits=tuple(row[form.split].strip() if form.split else "" for row in rows),
        points=_points(table, form.point, rows),
    )


def _labels(table: Path, form: TableForm, rows: Sequence[Row]) -> Int64:
    said = [row[form.label].strip().lower() for row in rows]
    strange = [row for row, word in zip(rows, said, strict=True) if word not in LABELS]
    if strange:
        raise DataError(
            f"{table} says '{strange[0][form.label]}' of {form.image.of(strange[0])} in the column {form.label}, which"
            f" is no label ({len(strange)} rows); write 0, NMF or normal, or 1, AMF or atypical."
        )
    return np.array([LABELS[word] for word in said], np.int64)


def _points(table: Path, point: tuple[str, str] | None, rows: Sequence[Row]) -> npt.NDArray[np.float64]:
    if point is None:
        return np.full((len(rows), 2), np.nan)
    try:
        read = [[float(row[column] or "nan") for column in point] for row in rows]
    except ValueError as error:
        raise DataError(
            f"{table} has a place that is no number in {' or '.join(point)} ({error}); correct it or leave it empty."
        ) from error
    return np.array(read, np.float64).reshape(-1, 2)


def _refuse_shared_slides(table: Path, form: TableForm, rows: Sequence[Row]) -> None:
    splits: dict[str, set[str]] = {}
    for row in rows:
        splits.setdefault(form.slide.of(row), set()).add(row[form.split or ""].strip())
    shared = {slide: sorted(names) for slide, names in splits.items() if len(names) > 1}
    if shared:
        slide, names = next(iter(shared.items()))
        raise DataError(
            f"{table} has {len(shared)} slides in more than one split, the first {slide} in {' and '.join(names)};"
            " put all patches of a slide into one split, or leave the column out to have it divided by slide."
        )


def _refuse_one_kind(table: Path, patches: PatchSet) -> None:
    for label, kind in enumerate(KINDS):
        if not (patches.labels == label).any():
            raise DataError(
                f"None of the {len(patches)} patches chosen from {table} is {kind}; choose rows or a split with both"
                " kinds, or check the labels."
            )


def _refuse_odd_sizes(table: Path, patches: PatchSet) -> None:
    """Raise DataError unless all patches can be opened, are square and of one size."""
    first: tuple[int, int] | None = None
    for file in patches.files:
        try:
            with Image.open(file) as image:
                size = image.size
        except OSError as error:
            raise DataError(f"{file} cannot be read as an image ({error}); export it again or remove it.") from error
        first = first or size
        if size[0] != size[1] or size != first:
            usual = f"{first[0]} × {first[1]}" if first[0] == first[1] else "square"
            raise DataError(
                f"{file} is {size[0]} × {size[1]} px, and the patches of {table.name} are to be {usual}; cut it again,"
                " or remove it and its row."
            )

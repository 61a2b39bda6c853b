"""Tables of patches of mitoses: which column says what, in those that are published and in others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cytoshift.errors import DataError
from cytoshift.training.coco import data_folder
from cytoshift.training.rows import Row, read_rows
from cytoshift.training.table import NAMES, TABLE, find_table

SPELLINGS = {"Hamammatsu XR": "Hamamatsu XR"}
"""Values that published tables misspell in some of their rows: two spellings would be two domains."""

LABELS = {
    **dict.fromkeys(("0", "0.0", "false", "no", "nmf", "normal", "typical", "normal mitosis"), 0),
    **dict.fromkeys(("1", "1.0", "true", "yes", "amf", "atypical", "abnormal", "atypical mitosis"), 1),
}
"""What a label may be, in capitals or not: 0 is a normal mitosis, 1 an atypical one."""

ROLES = ("image", "slide", "label", "split", "x", "y")
"""What a column can be named for; the first three every table needs."""

_USUAL = {
    "image": (*NAMES, "image", "filename", "path"),
    "slide": ("slide", "slide_id", "case", "patient"),
    "label": ("label", "atypical", "majority", "class"),
    "split": ("split",),
    "x": ("x",),
    "y": ("y",),
}
_USUAL_DOMAINS = ("scanner", "stain", "origin", "site", "centre", "center", "laboratory", "species", "tumor", "tumour")
PLACE = "mitosis"
"""Folder of the sets of patches in ``CYTOSHIFT_DATA``."""

_PHASE = "phase"
_ENDING = ".png"


@dataclass(frozen=True, slots=True)
class Joined:
    """A value that one column holds, or several of them joined."""

    columns: tuple[str, ...]
    pattern: str = "{}"

    def of(self, row: Row) -> str:
        """Return the value in a row."""
        return self.pattern.format(*(row[column].strip() for column in self.columns))


@dataclass(frozen=True, slots=True)
class TableForm:
    """Which columns of a table say what.

    Parameters
    ----------
    name : str
        What the data are called; of tables that are not known, nothing.
    image, slide : Joined
        The file of a patch, and the slide it was cut from.
    label : str
        Column with the label, one of `LABELS`.
    domains : tuple of str
        Columns whose combinations are the domains.
    split : str or None
        Column with ``train`` or ``val``.
    point : tuple of str or None
        Columns with x and y of the mitosis, in level-0 pixels of its slide.
    phases : tuple of str
        Columns in which experts name the phase.
    source, licence : str
        Where the data come from, and under what licence, where that is known.
    """

    name: str
    image: Joined
    slide: Joined
    label: str
    domains: tuple[str, ...] = ()
    split: str | None = None
    point: tuple[str, str] | None = None
    phases: tuple[str, ...] = ()
    source: str = ""
    licence: str = ""

    def fits(self, columns: Sequence[str]) -> bool:
        """Say whether a table with these columns has this form; it may lack split and point."""
        needed = {*self.image.columns, *self.slide.columns, self.label, *self.domains, *self.phases}
        return needed <= set(columns)

    def within(self, columns: Sequence[str]) -> TableForm:
        """Return the form without split and point where a table has no columns for them."""
        point = self.point if self.point and set(self.point) <= set(columns) else None
        return replace(self, split=self.split if self.split in columns else None, point=point)


_AMI_BR = "Bertram et al., Histologic Dataset of Normal and Atypical Mitotic Figures on Human Breast Cancer, BVM 2025"

FORMS = (
    TableForm(
        "AMi-Br",
        image=Joined(("file_name",)),
        slide=Joined(("slide",)),
        label="atypical",
        domains=("scanner",),
        split="split",
        point=("x", "y"),
        phases=("expert1_phase", "expert2_phase"),
        source=_AMI_BR,
        licence="MIT",
    ),
    TableForm(
        "AMi-Br",
        image=Joined(("dataset", "uid"), "{}_{}.png"),
        slide=Joined(("dataset", "slide"), "{}/{}"),
        label="majority_atypical",
        domains=("dataset",),
        point=("x", "y"),
        phases=("expert1_label", "expert2_label"),
        source=_AMI_BR,
        licence="MIT",
    ),
    TableForm(
        "MIDOG 2025 atypical",
        image=Joined(("image_id",)),
        slide=Joined(("filename",)),
        label="majority",
        domains=("Scanner", "Origin", "Species", "Tumor"),
        point=("coordinateX", "coordinateY"),
        source="Weiss et al., doi 10.5281/zenodo.16044804",
    ),
    TableForm(
        "OMG-Octo atypical",
        image=Joined(("image_id",)),
        slide=Joined(("filename",)),
        label="majority",
        source="Shen et al., doi 10.5281/zenodo.16107743",
    ),
)
"""Published tables, those with more columns first: what is left of one of them is one of the others."""


def find_patches(path: str | Path) -> Path:
    """Return the table that a path means: a CSV file, or a folder with ``labels.csv`` or with one CSV file.

    Raises
    ------
    DataError
        There is none, or there are several and none is ``labels.csv``.
    """
    table = find_table(path)
    if table is not None:
        return table
    for folder in (Path(path), data_folder() / path):
        files = sorted(folder.glob("*.csv")) if folder.is_dir() else []
        if len(files) > 1:
            raise DataError(f"{folder} has {len(files)} tables ({files[0].name}, {files[1].name} …); name one of them.")
        if files:
            return files[0]
    raise DataError(
        f"There is no table at {path}; give a CSV file or a folder with {TABLE}, or set CYTOSHIFT_DATA to"
        " where data is."
    )


def find_named(name: str) -> Path | None:
    """Return the table of the set that cards call by a name, below ``mitosis`` in ``CYTOSHIFT_DATA``; None without."""
    for table in sorted((data_folder() / PLACE).glob("*/*.csv")):
        try:
            columns = list(read_rows(table)[0])
            if title_of(table, form_of(table, columns, None, None)) == name:
                return table
        except DataError:  # another kind of table
            continue
    return None


def title_of(table: Path, form: TableForm) -> str:
    """Return what a set is called: as it was published, or as its folder."""
    return form.name or table.parent.resolve().name


def form_of(
    table: Path, columns: Sequence[str], named: Mapping[str, str] | None, domains: Sequence[str] | None
) -> TableForm:
    """Return which columns of a table say what.

    Parameters
    ----------
    table : Path
        For what an error says.
    columns : sequence of str
        The table's.
    named : mapping of str to str, optional
        Columns by their role, one of `ROLES`, instead of those found.
    domains : sequence of str, optional
        Columns of the domains instead of those found.

    Raises
    ------
    DataError
        A column is missing, or a role is not one.
    """
    named = dict(named or {})
    strange = [role for role in named if role not in ROLES]
    if strange:
        raise DataError(f"A column cannot be named for {strange[0]}; name one for {', '.join(ROLES)}.")
    known = None if named else next((form.within(columns) for form in FORMS if form.fits(columns)), None)
    form = known or _by_names(table, columns, named)
    return form if domains is None else replace(form, domains=_there(table, columns, domains))


def locate(table: Path, files: Sequence[Path]) -> list[Path]:
    """Return where the images of a table lie: relative to it, or by name in a folder beside it.

    Raises
    ------
    DataError
        Some are not there.
    """
    named = [table.parent / (file if file.suffix else file.with_name(file.name + _ENDING)) for file in files]
    absent = [file for file in named if not file.is_file()]
    if not absent:
        return named
    folders = [folder for folder in sorted(table.parent.iterdir()) if folder.is_dir()]
    beside = {file.name: file for folder in folders for file in folder.iterdir()}
    missing = [file.name for file in absent if file.name not in beside]
    if missing:
        raise DataError(
            f"{table} names {len(missing)} images that are not there, the first {missing[0]};"
            " put them beside the table or correct their names."
        )
    moved = set(absent)
    return [beside[file.name] if file in moved else file for file in named]


def _by_names(table: Path, columns: Sequence[str], named: Mapping[str, str]) -> TableForm:
    _there(table, columns, named.values())
    lower = {column.lower(): column for column in columns}

    def column(role: str) -> str | None:
        return named.get(role) or next((lower[name] for name in _USUAL[role] if name in lower), None)

    found = {role: column(role) for role in ROLES}
    for role in ("image", "slide", "label"):
        if found[role] is None:
            raise DataError(
                f"{table} has no column {' or '.join(_USUAL[role])} that says the {role} of a patch; add one, or name"
                f" the column that does ({role}=COLUMN)."
            )
    x, y = found["x"], found["y"]
    return TableForm(
        "",
        image=Joined((found["image"] or "",)),
        slide=Joined((found["slide"] or "",)),
        label=found["label"] or "",
        domains=tuple(lower[name] for name in _USUAL_DOMAINS if name in lower),
        split=found["split"],
        point=None if x is None or y is None else (x, y),
        phases=tuple(name for name in columns if name.lower().endswith(_PHASE)),
    )


def _there(table: Path, columns: Sequence[str], wanted: Iterable[str]) -> tuple[str, ...]:
    asked = tuple(wanted)
    missing = [name for name in asked if name not in columns]
    if missing:
        raise DataError(f"{table} has no column {missing[0]}; its columns are {', '.join(columns)}.")
    return asked

"""The names of what is found where mitoses are looked for, the same in findings, layers, cards and reports."""

NORMAL = "normal mitosis"
ATYPICAL = "atypical mitosis"
LOOK_ALIKE = "look-alike"
"""What only looks like a mitosis: pyknotic and apoptotic nuclei, pigment, debris."""

MITOSIS = "mitosis"
"""A mitosis of which nobody said whether it is normal or atypical, as a detector alone finds it."""

CLASSES = (NORMAL, ATYPICAL, LOOK_ALIKE)
"""Classes of a detector and a classifier together, in the order in which they are shown."""

DETECTED = (MITOSIS, LOOK_ALIKE)
"""Classes of a detector of mitoses."""


def finds_mitoses(classes: tuple[str, ...]) -> bool:
    """Whether cells of these classes can be counted as mitoses."""
    return not {NORMAL, ATYPICAL, MITOSIS}.isdisjoint(classes)

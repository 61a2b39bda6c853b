"""How a person wants cells to be drawn: filled, outlined, with their names, how strongly."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

STEP = 0.2
FAINTEST = 0.2


@dataclass(frozen=True)
class Look:
    """How cells are drawn.

    Parameters
    ----------
    fill : bool
        Whether cells are filled with the colour of their class.
    outline : bool
        Whether their outline is drawn.
    names : bool
        Whether the name of its class stands beside each cell in a close view.
    fill_regions : bool
        Whether regions that are marked complete are filled.
    opacity : float
        Opacity of everything that is drawn of cells.
    """

    fill: bool = False
    outline: bool = True
    names: bool = False
    fill_regions: bool = False
    opacity: float = 1.0

    @classmethod
    def from_json(cls, data: Any) -> Look:
        """Read what `to_json` made; what is not known is as usual."""
        known = {name: value for name, value in data.items() if name in cls.__dataclass_fields__}
        return cls(**known)

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold."""
        return asdict(self)

    def toggled(self, name: str) -> Look:
        """Return this look with one of its switches the other way; what would show nothing at all shows the fill."""
        other = replace(self, **{name: not getattr(self, name)})
        return other if other.fill or other.outline else replace(other, fill=name == "outline", outline=name == "fill")

    def stronger(self, by: int) -> Look:
        """Return this look, stronger (1) or fainter (-1)."""
        return replace(self, opacity=round(min(max(self.opacity + by * STEP, FAINTEST), 1.0), 2))

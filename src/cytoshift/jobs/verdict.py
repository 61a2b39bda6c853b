"""What may be said of a new model, in a sentence: better, not better, or not to be told from chance."""

from __future__ import annotations

from cytoshift.jobs.gain import Ends, Gain, Number, Trust


def verdict(gain: Gain) -> str:
    """Say what a new model is worth on the data held back, where it became worse, and on how much that rests."""
    number = gain.numbers.get(gain.main)
    if number is None:
        return f"Cannot be told: {gain.main} is not defined on {gain.on}."
    said = f"{gain.main} {changed(number)} on {gain.on}"
    if number.change_ends is None:
        return f"Cannot be told from chance: {said}, which are too few; mark more before you rely on it."
    if gain.worth == "unknown":
        return f"Cannot be told from chance: {said}; mark more, and it may show."
    lost = [name for name in gain.worse_in if name != gain.main]
    worse = f", but worse in {', '.join(lost)}" if lost else ""
    return f"{'Better' if gain.worth == 'better' else 'Not better'}: {said}{worse}."


def forgotten(trust: Trust) -> str:
    """Say whether the new model lost what its parent could, on data that the parent was validated on."""
    home = trust.home
    number = None if home is None else home.numbers.get(home.main)
    if home is None or number is None:
        return f"Whether it forgot anything was not measured: {trust.no_home}."
    said = f"{home.main} {changed(number)} on {home.on}"
    if number.change_ends is None:
        return f"Whether it forgot anything cannot be told: {said}, which are too few."
    if number.change_ends[1] < 0:
        return f"It forgot: {said}."
    lost = f", but worse in {', '.join(home.worse_in)}" if home.worse_in else ""
    return f"Nothing forgotten that can be told from chance: {said}{lost}."


def changed(number: Number) -> str:
    """Write a number before and after, its change, and the interval of that where there is one."""
    ends = number.change_ends
    within = "" if ends is None else f", 95 %: {ends[0]:+.2f} to {ends[1]:+.2f}"
    change = round(number.change, 2) + 0.0  # no minus before nothing
    return f"{number.before:.2f} to {number.after:.2f} ({change:+.2f}{within})"


def span(ends: Ends | None, form: str = ".2f") -> str:
    """Write an interval in brackets; ``""`` where there is none."""
    return "" if ends is None else f"({ends[0]:{form}} to {ends[1]:{form}})"

"""How numbers are written: with as many places as their errors leave meaning."""

from __future__ import annotations

import math
from collections.abc import Iterable

from latente.evaluation.metrics.intervals import Estimate
from latente.evaluation.scores import scores
from latente.language.words import Words


def digits(errors: Iterable[Estimate | float]) -> int:
    """Places after the mark for numbers shown together: two that mean something in the smallest of their errors.

    Args:
        errors: of the numbers; an estimate's is half of its interval. What is zero or infinite is no error.
    """
    sizes = [(e.high - e.low) / 2 if isinstance(e, Estimate) else abs(e) for e in errors]
    known = [s for s in sizes if math.isfinite(s) and s > 0]
    return min(6, max(0, 1 - math.floor(math.log10(min(known))))) if known else 2


def number(words: Words, value: float, places: int, *, sign: bool = False) -> str:
    """A number with a true minus sign and the language's decimal mark; ∞ where it is infinite."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    # What rounds to zero has no sign.
    value = value if round(value, places) else 0.0
    return words.number(value, f"{'+' if sign and value else ''}.{places}f")


def p_value(words: Words, value: float) -> str:
    """With three places, or as below a thousandth."""
    return f"< {words.number(0.001, '.3f')}" if value < 0.001 else words.number(value, ".3f")


def in_nats(column: str) -> bool:
    """Whether a number that models are ranked by is in nats: a loss, or that of a score that says so."""
    name = column.partition("_")[0]
    return column in ("loss", "reconstruction") or (name in scores and getattr(scores[name], "nats", False))

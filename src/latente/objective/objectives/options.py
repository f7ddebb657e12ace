"""Checks of objectives' options; each refusal names the part, the option, what was got and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from latente.errors import SpecError, unknown


def whole(part: str, option: str, value: object, *, at_least: int) -> None:
    """Refuse what is no whole number of at least so much; ``part`` is for instance ``objective "iwae"``.

    Raises:
        SpecError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise SpecError(f"{part}: got {option} = {value!r}; allowed: a whole number of at least {at_least}")


def number(
    part: str,
    option: str,
    value: object,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: bool = False,
    below: bool = False,
) -> None:
    """Refuse what is no finite number from ``low`` to ``high``; ``above`` and ``below`` leave out the ends.

    Raises:
        SpecError: it is not.
    """
    fine = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if fine and low <= value <= high and not (above and value == low) and not (below and value == high):  # type: ignore[operator]
        return
    bounds = []
    if low > -math.inf:
        bounds.append(f"{'above' if above else 'of at least'} {low:g}")
    if high < math.inf:
        bounds.append(f"{'below' if below else 'at most'} {high:g}")
    raise SpecError(f"{part}: got {option} = {value!r}; allowed: a number {' and '.join(bounds) or 'that is finite'}")


def choice(part: str, option: str, value: object, allowed: Sequence[str]) -> None:
    """Refuse what is none of some words.

    Raises:
        SpecError: it is not, with the nearest.
    """
    if value not in allowed:
        raise SpecError(unknown(f"{option} of {part}", value, allowed))

"""Checks of options that parts share; each error names the part, the option, what was given and what is allowed.

``part`` is the part's name in messages, for instance ``posterior "vq"``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from latente.errors import SpecError, unknown

MOST = {"layers": 200, "hidden": 65536, "context": 65536, "blocks": 200}
"""The largest values of options that set how many layers, units or connections are built one by one."""


def whole(part: str, option: str, value: Any, low: int = 1) -> int:
    """An option's value, if it is a whole number of at least ``low`` and no more layers, or wider ones, than allowed.

    Raises:
        SpecError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise SpecError(f"{part}: got {option} = {value!r}; allowed: a whole number of at least {low}")
    most = MOST.get(option.partition("[")[0], value)
    if value > most:
        raise SpecError(f"{part}: got {option} = {value:,}; allowed: at most {most:,}")
    return value


def number(
    part: str,
    option: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: bool = False,
    below: bool = False,
) -> None:
    """Refuse anything but a finite number from ``low`` to ``high``; ``above`` and ``below`` exclude the ends.

    Raises:
        SpecError: it is not.
    """
    fine = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if fine and low <= value <= high and not (above and value == low) and not (below and value == high):
        return
    bounds = []
    if low > -math.inf:
        bounds.append(f"{'above' if above else 'of at least'} {low:g}")
    if high < math.inf:
        bounds.append(f"{'below' if below else 'at most'} {high:g}")
    raise SpecError(f"{part}: got {option} = {value!r}; allowed: a number {' and '.join(bounds) or 'that is finite'}")


def choice(part: str, option: str, value: Any, allowed: Sequence[str]) -> None:
    """Refuse anything but one of the allowed words.

    Raises:
        SpecError: it is not, with the nearest.
    """
    if value not in allowed:
        raise SpecError(unknown(f"{option} of {part}", value, allowed))


def widths(part: str, value: Any) -> tuple[int, ...]:
    """The option ``hidden``, if it is a list of layer widths.

    Raises:
        SpecError: it is not.
    """
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise SpecError(f"{part}: got hidden = {value!r}; allowed: a list of widths, for instance [64, 64]")
    return tuple(whole(part, f"hidden[{i}]", width) for i, width in enumerate(value))


def as_tuple(value: Any) -> Any:
    """A list, as a spec file has it, as a tuple; anything else unchanged, for a check to refuse."""
    return tuple(value) if isinstance(value, list) else value

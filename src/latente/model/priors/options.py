"""Checks of priors' options; each refusal names the prior, the option, what was got and what is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from latente.errors import SpecError, unknown
from latente.model.nets import check_most


def whole(prior: str, option: str, value: Any, least: int) -> int:
    """An option's value where it is a whole number of at least ``least``.

    Raises:
        SpecError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SpecError(f'prior "{prior}": got {option} = {value!r}; allowed: a whole number of at least {least}')
    check_most(f'prior "{prior}"', option, value)
    return value


def choice(prior: str, option: str, value: Any, allowed: Sequence[str]) -> None:
    """Refuse what is none of some words.

    Raises:
        SpecError: it is not, with the nearest.
    """
    if value not in allowed:
        raise SpecError(unknown(f'{option} of prior "{prior}"', value, allowed))


def as_tuple(value: Any) -> Any:
    """A list, as a spec file gives it, as a tuple; anything else as it is, for `widths` to refuse."""
    return tuple(value) if isinstance(value, list) else value


def widths(prior: str, value: Any) -> None:
    """Refuse what is no list of layer widths.

    Raises:
        SpecError: it is not.
    """
    if not isinstance(value, tuple):
        raise SpecError(f'prior "{prior}": got hidden = {value!r}; allowed: a list of widths, for instance [64, 64]')
    for i, width in enumerate(value):
        whole(prior, f"hidden[{i}]", width, 1)

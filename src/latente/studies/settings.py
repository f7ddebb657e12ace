"""Settings from the command line: ``key=value``, with values as in a TOML file or plain words."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from latente.errors import SpecError, unknown


def value_of(text: str) -> Any:
    """A value as TOML writes it; where it is none, the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text.strip()


def of_parts(settings: Sequence[str], names: Sequence[str]) -> Mapping[str, dict[str, Any]]:
    """Options by the part they are of, from ``NAME.OPTION=VALUE`` each.

    Raises:
        SpecError: another form, or a name that is none of ``names``.
    """
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    for setting in settings:
        key, equals, text = setting.partition("=")
        name, _, option = key.strip().rpartition(".")
        if not equals or not name or not option.isidentifier():
            raise SpecError(f'--set: got "{setting}"; allowed: NAME.OPTION=VALUE, for instance generation.samples=500')
        if name not in found:
            raise SpecError(f"--set {setting}: {unknown('score', name, names)}")
        found[name][option] = value_of(text)
    return found

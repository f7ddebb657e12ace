"""Names of parts: each family of parts keeps one registry, and a new part is one decorated class."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from latente.errors import SpecError, unknown

T = TypeVar("T")


class Registry(Generic[T]):
    """A family of parts by name, for instance all likelihoods.

    A part is written in a spec as its name, or as a table ``{name = "...", option = value}`` where its class
    is a dataclass with options.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Callable[..., T]] = {}

    def register(self, name: str) -> Callable[[Any], Any]:
        """Decorator: make the class or function below it known as ``name``."""

        def add(entry: Any) -> Any:
            if name in self._entries:
                raise ValueError(f'{self.kind} "{name}" is registered twice')
            self._entries[name] = entry
            return entry

        return add

    def __getitem__(self, name: str) -> Callable[..., T]:
        try:
            return self._entries[name]
        except (KeyError, TypeError):
            raise SpecError(unknown(self.kind, name, self._entries)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def make(self, part: str | Mapping[str, Any]) -> T:
        """Build a part from its name or its table of options.

        Raises:
            SpecError: the name or an option is unknown, or the part refuses the option's value.
        """
        if isinstance(part, str):
            name, options = part, {}
        elif isinstance(part, Mapping) and isinstance(part.get("name"), str):
            name, options = part["name"], {k: v for k, v in part.items() if k != "name"}
        else:
            raise SpecError(f'{self.kind}: got {part!r}; allowed: a name, or a table with a "name"')
        entry = self[name]
        known = [f.name for f in dataclasses.fields(entry)] if dataclasses.is_dataclass(entry) else []
        for option in options:
            if option not in known:
                raise SpecError(unknown(f'option of {self.kind} "{name}"', option, known))
        return entry(**options)

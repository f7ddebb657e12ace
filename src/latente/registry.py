"""Registries of parts by name: one for each family; a new part is one decorated class."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from latente import plugins
from latente.errors import SpecError, unknown
from latente.spec import part as name_and_options
from latente.spec import to_python

T = TypeVar("T")


def learnt() -> Any:
    """A part's field for arrays that training changes: not an option of the part, and None until its ``init`` makes
    them for a model."""
    return dataclasses.field(default=None, metadata={"learnt": True})


def import_parts(package: str, path: Iterable[str]) -> None:
    """Import every module of a package of parts, so that adding a part takes one new file and nothing else."""
    for module in pkgutil.iter_modules(path):
        importlib.import_module(f"{package}.{module.name}")


class Registry(Generic[T]):
    """A family of parts by name, for instance all likelihoods.

    A part is written in a spec as its name, or as a table ``{name = "...", option = value}`` where its class
    is a dataclass with options. Installed plug-ins are imported when a family is first asked for something.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Callable[..., T]] = {}
        self._sources: dict[str, str] = {}

    def register(self, name: str, *, source: str = "") -> Callable[[Any], Any]:
        """Decorator: register a class or function as ``name``; ``source`` is its paper and equation."""

        def add(entry: Any) -> Any:
            if name in self._entries:
                raise plugins.clash(self.kind, name)
            self._entries[name] = entry
            self._sources[name] = source
            module = sys._getframe(1).f_globals.get("__name__", "")
            plugins.registered(self.kind, name, module, lambda: self._remove(name))
            return entry

        return add

    def _remove(self, name: str) -> None:
        self._entries.pop(name, None)
        self._sources.pop(name, None)

    def source(self, name: str) -> str:
        """The paper and equation of a part, and the plug-in that it is of."""
        self[name]
        plugin = plugins.owner(self.kind, name)
        return "; ".join(filter(None, [self._sources[name], f"plug-in {plugin}" if plugin else ""]))

    def summary(self, name: str) -> str:
        """The first line of a part's docstring."""
        lines = (self[name].__doc__ or "").strip().splitlines()
        return lines[0] if lines else ""

    def described(self, name: str) -> str:
        """The summary, and the plug-in that the part is of."""
        plugin, text = plugins.owner(self.kind, name), self.summary(name)
        return f"{text.rstrip('.')} (plug-in {plugin})".strip() if plugin else text

    def name_of(self, part: T) -> str:
        """The registered name of a part's class, for messages: ``posterior "dirac"``."""
        names = [n for n, entry in self._entries.items() if entry is type(part)]
        return f'{self.kind} "{names[0]}"' if names else f"{self.kind} {type(part).__name__}"

    def options(self, name: str) -> list[str]:
        """The options that a part takes in a spec."""
        entry = self[name]
        if not dataclasses.is_dataclass(entry):
            return []
        return [f.name for f in dataclasses.fields(entry) if f.init and not f.metadata.get("learnt")]

    def __getitem__(self, name: str) -> Callable[..., T]:
        plugins.load()
        try:
            return self._entries[name]
        except (KeyError, TypeError):
            raise SpecError(unknown(self.kind, name, self._entries)) from None

    def __iter__(self) -> Iterator[str]:
        plugins.load()
        return iter(self._entries)

    def make(self, part: str | Mapping[str, Any]) -> T:
        """Build a part from its name or its table of options.

        Raises:
            SpecError: the name or an option is unknown, or the part refuses the option's value.
        """
        if not isinstance(part, str) and not (isinstance(part, Mapping) and isinstance(part.get("name"), str)):
            raise SpecError(f'{self.kind}: got {part!r}; allowed: a name, or a table with a "name"')
        name, options = name_and_options(to_python(part))
        entry = self[name]
        known = self.options(name)
        for option in options:
            if option not in known:
                raise SpecError(unknown(f'option of {self.kind} "{name}"', option, known))
        try:
            return entry(**options)
        except TypeError as error:
            # A user's own class that lacks a method, or an option of a type that no check covers.
            raise SpecError(f'{self.kind} "{name}": {error}') from error

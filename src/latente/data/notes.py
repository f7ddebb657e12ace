"""What was decided or left aside while data was read: told on the terminal, in the data card and in the report."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from latente.language.words import Words

LOG = logging.getLogger("latente.data")
"""Takes each note as it is found; without a handler Python prints it on standard error, in English."""

Value = str | int | float
MOST_NAMES = 5


@dataclass(frozen=True)
class Note:
    """One thing that a reader of data decided, or did not read.

    Attributes:
        key: which, as in ``notes.toml``.
        values: what fills its sentence: text, counts, numbers. Of text, what cannot be printed is escaped.
        option: what decides otherwise, as a study file has it, for instance ``layout = "channels-last"``; or empty.
    """

    key: str
    values: Mapping[str, Value] = field(default_factory=dict)
    option: str = ""

    def __post_init__(self) -> None:
        plain = {k: printable(v) if isinstance(v, str) else v for k, v in self.values.items()}
        object.__setattr__(self, "values", plain)

    def __str__(self) -> str:
        return Words("en").note(self.table())

    def table(self) -> dict[str, Any]:
        """For the data card."""
        return {"key": self.key, "values": dict(self.values), "option": self.option}


def tell(notes: Iterable[Note]) -> None:
    """Say each to whoever listens to `LOG`; the command line does, in the reader's language."""
    for note in notes:
        LOG.warning(note)


def listed(names: Iterable[str], most: int = MOST_NAMES) -> str:
    """The first few of some names: "a, b, c, …"."""
    known = [*names]
    return ", ".join([*known[:most], *(["…"] if len(known) > most else [])])


def counted(counts: Mapping[str, int], most: int = MOST_NAMES) -> str:
    """How many of what, the most frequent first: "12 .txt, 3 .pdf"."""
    order = sorted(counts, key=lambda name: (-counts[name], name))
    return listed((f"{counts[name]} {name}" for name in order), most)


def printable(text: str) -> str:
    """Text with its control characters and broken UTF-8 escaped, so that no terminal obeys it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)

"""Notes on what was decided or skipped while data was read, for the terminal, the data card and the report."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from latente.language.message import Message, from_json
from latente.plain import printable

LOG = logging.getLogger("latente.data")
"""Receives each note; without a handler Python prints it on standard error, in English."""

Value = str | int | float
MOST_NAMES = 5


@dataclass(frozen=True)
class Note:
    """One thing that was decided, or was not read, while data was read.

    Attributes:
        key: which, as in ``notes.toml``.
        values: what fills in its sentence: text, counts, numbers; unprintable characters are escaped.
        option: what would change it, as in a study file, for instance ``layout = "channels-last"``; or empty.
    """

    key: str
    values: Mapping[str, Value] = field(default_factory=dict)
    option: str = ""

    def __post_init__(self) -> None:
        plain = {k: printable(v) if isinstance(v, str) else v for k, v in self.values.items()}
        object.__setattr__(self, "values", plain)

    def __str__(self) -> str:
        return self.message

    @property
    def message(self) -> str:
        """What it says; of a note from a later version the bare key and values."""
        said = from_json({"key": f"note.{self.key}", "values": self.values})
        return Message("note.otherwise", said=said, option=self.option) if self.option else said

    def table(self) -> dict[str, Any]:
        """The note as plain values, for the data card."""
        return {"key": self.key, "values": dict(self.values), "option": self.option}


def log_notes(notes: Iterable[Note]) -> None:
    """Send each note to `LOG`; the command line shows it in the reader's language."""
    for note in notes:
        LOG.warning(note)


def listed(names: Iterable[str], most: int = MOST_NAMES) -> str:
    """The first few names: "a, b, c, …"."""
    found = [*names]
    return ", ".join([*found[:most], *(["…"] if len(found) > most else [])])


def counted(counts: Mapping[str, int], most: int = MOST_NAMES) -> str:
    """Counts with their names, the most frequent first: "12 .txt, 3 .pdf"."""
    order = sorted(counts, key=lambda name: (-counts[name], name))
    return listed((f"{counts[name]} {name}" for name in order), most)

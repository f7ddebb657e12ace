"""The exception tree. Every message says what was got, what is allowed, and what is nearest or what to do.

LatenteError
├── SpecError       (also ValueError)   an unknown name or key, a wrong type or range, parts that do not pair
├── DataError       (also ValueError)   data that is missing, damaged, foreign, or outside what a model takes
│   └── DownloadError                   a named data set that could not be fetched or failed its checksum
├── StoreError      (also OSError)      a run or study folder that cannot be read or written
└── TrainingError   (also ArithmeticError)  a loss that stopped being finite
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from latente.plain import one_line


class LatenteError(Exception):
    """Base of every error that latente raises on purpose; its text is one line without control characters."""

    def __str__(self) -> str:
        # Names of files, columns and labels stand in it, and whoever shows it may be a terminal.
        return one_line(super().__str__())


class SpecError(LatenteError, ValueError):
    """A spec, option or argument that means nothing."""


class DataError(LatenteError, ValueError):
    """Data that cannot be read or cannot be used."""


class DownloadError(DataError):
    """A named data set that could not be downloaded."""


class StoreError(LatenteError, OSError):
    """A folder or file of ours that cannot be read or written."""


class TrainingError(LatenteError, ArithmeticError):
    """Training that cannot go on."""


class LatenteWarning(UserWarning):
    """Base of every warning that latente gives."""


def nearest(got: str, names: Iterable[str]) -> str | None:
    """The name that somebody who wrote ``got`` is likeliest to have meant; None where nothing is near.

    Case, hyphens and underscores do not count. The fewest letters that are wrong, missing, too many or swapped with
    their neighbour win; where that is more than a third of them, the longest common parts.
    """
    wanted = _letters(got)
    known = {name: _letters(name) for name in names}
    found: tuple[int, int, float, str] | None = None
    for name, letters in known.items():
        most = max(len(wanted), len(letters)) // 3
        if abs(len(wanted) - len(letters)) <= most and (wrong := _mistakes(wanted, letters)) <= most:
            rank = (wrong, _mistakes(got, name), -difflib.SequenceMatcher(None, wanted, letters).ratio(), name)
            found = rank if found is None or rank[:3] < found[:3] else found
    if found is not None:
        return found[3]
    near = difflib.get_close_matches(wanted, known.values(), n=1, cutoff=0.5)
    return next((name for name, letters in known.items() if near and letters == near[0]), None)


def _letters(name: str) -> str:
    return "".join(c for c in name.casefold() if c not in "-_ ") or name


def _mistakes(a: str, b: str) -> int:
    """Optimal string alignment: letters inserted, deleted, replaced, or swapped with the next."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y)))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                row[j] = min(row[j], before[j - 2] + 1)
        before, last = last, row
    return last[-1]


def unknown(kind: str, got: object, allowed: Iterable[str]) -> str:
    """The one message for a name that is not known: what was got, the nearest, all that is allowed."""
    names = list(dict.fromkeys(str(a) for a in allowed))
    near = nearest(str(got), names)
    hint = f'; did you mean "{near}"?' if near else ";"
    return f'unknown {kind} "{got}"{hint} Allowed: {", ".join(names) or "none"}.'

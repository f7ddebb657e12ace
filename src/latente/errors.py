"""The exceptions, as a tree. Every message says what was given, what is allowed, and the nearest name or what to do.

LatenteError
├── SpecError       (also ValueError)   an unknown name or key, a wrong type or range, parts that do not go together
├── DataError       (also ValueError)   data that is missing, damaged, of another format, or out of a model's range
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
        # It may quote names of files, columns and labels, and be shown on a terminal.
        return one_line(super().__str__())


class SpecError(LatenteError, ValueError):
    """An invalid spec, option or argument."""


class DataError(LatenteError, ValueError):
    """Data that cannot be read or cannot be used."""


class DownloadError(DataError):
    """A named data set that could not be downloaded."""


class StoreError(LatenteError, OSError):
    """A file or folder of latente's that cannot be read or written."""


class TrainingError(LatenteError, ArithmeticError):
    """Training that cannot continue."""


class LatenteWarning(UserWarning):
    """Base of every warning that latente gives."""


def nearest(got: str, names: Iterable[str]) -> str | None:
    """The name that ``got`` was probably meant to be; None if no name is close.

    Case, hyphens and underscores are ignored. The name with the fewest wrong, missing, extra or transposed letters
    wins; if that is more than a third of the letters, the name with the longest common parts.
    """
    wanted = _letters(got)
    candidates = {name: _letters(name) for name in names}
    best: tuple[int, int, float, str] | None = None
    for name, letters in candidates.items():
        most = max(len(wanted), len(letters)) // 3
        if abs(len(wanted) - len(letters)) <= most and (wrong := _edit_distance(wanted, letters)) <= most:
            rank = (wrong, _edit_distance(got, name), -difflib.SequenceMatcher(None, wanted, letters).ratio(), name)
            best = rank if best is None or rank[:3] < best[:3] else best
    if best is not None:
        return best[3]
    near = difflib.get_close_matches(wanted, candidates.values(), n=1, cutoff=0.5)
    return next((name for name, letters in candidates.items() if near and letters == near[0]), None)


def _letters(name: str) -> str:
    return "".join(c for c in name.casefold() if c not in "-_ ") or name


def _edit_distance(a: str, b: str) -> int:
    """Optimal string alignment distance: letters inserted, deleted, replaced, or swapped with the next."""
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
    """The message for an unknown name: what was given, the nearest, and all that are allowed."""
    names = list(dict.fromkeys(str(a) for a in allowed))
    near = nearest(str(got), names)
    hint = f'; did you mean "{near}"?' if near else ";"
    return f'unknown {kind} "{got}"{hint} Allowed: {", ".join(names) or "none"}.'

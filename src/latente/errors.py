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


class LatenteError(Exception):
    """Base of every error that latente raises on purpose; its text is one line."""


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


def unknown(kind: str, got: object, allowed: Iterable[str]) -> str:
    """The one message for a name that is not known: what was got, the nearest, all that is allowed."""
    names = [str(a) for a in allowed]
    near = difflib.get_close_matches(str(got), names, n=1, cutoff=0.5)
    hint = f'; did you mean "{near[0]}"?' if near else ";"
    return f'unknown {kind} "{got}"{hint} Allowed: {", ".join(names) or "none"}.'

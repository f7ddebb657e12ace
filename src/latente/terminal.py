"""Text on a terminal: as wide as it is, in any encoding, and with no control characters of others."""

from __future__ import annotations

import shutil
import sys

from latente.plain import REPLACED, one_line, visible

WIDTH = 120
"""The width where there is no terminal: in a pipe, a file, a notebook."""

LEAST = 20


def any_encoding() -> None:
    """From now on, replace what standard output and standard error cannot encode, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=REPLACED)


def say(text: str = "") -> None:
    """Print a text whose control characters can do nothing."""
    print(visible(text), flush=True)  # noqa: T201


def complain(text: str) -> None:
    """A line on standard error, with who says it."""
    print(f"latente: {one_line(text)}", file=sys.stderr, flush=True)  # noqa: T201


def width() -> int:
    """Characters per line."""
    return max(LEAST, shutil.get_terminal_size((WIDTH, 24)).columns)

"""When the test part was looked at, and by which command: kept with each run, for it may be looked at once only."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass

_command: ContextVar[str] = ContextVar("command", default="Python")


@dataclass
class Look:
    """One look at the test part.

    Attributes:
        at: when, in UTC, as "2026-01-31T12:00:00Z".
        by: the command, or "Python".
        found: the numbers that were worked out.
    """

    at: str
    by: str
    found: list[str]


@contextlib.contextmanager
def as_command(command: str) -> Iterator[None]:
    """Every look within is by this command."""
    token = _command.set(command)
    try:
        yield
    finally:
        _command.reset(token)


def command() -> str:
    """What is being done now: a command, or "Python"."""
    return _command.get()


def look(found: list[str]) -> Look:
    """A look now."""
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    return Look(now.isoformat().replace("+00:00", "Z"), command(), found)

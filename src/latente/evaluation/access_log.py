"""When the test part was used, and by which command: kept with each run, for each use makes its numbers less honest."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass

_command: ContextVar[str] = ContextVar("command", default="Python")


@dataclass
class Access:
    """One use of the test part.

    Attributes:
        at: when, in UTC, as "2026-01-31T12:00:00Z".
        by: the command, or "Python".
        found: the numbers that were computed.
    """

    at: str
    by: str
    found: list[str]


@contextlib.contextmanager
def as_command(command: str) -> Iterator[None]:
    """Every use of the test part within is by this command."""
    token = _command.set(command)
    try:
        yield
    finally:
        _command.reset(token)


def command() -> str:
    """The command that is being performed, or "Python"."""
    return _command.get()


def access(found: list[str]) -> Access:
    """A use of the test part now."""
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    return Access(now.isoformat().replace("+00:00", "Z"), command(), found)

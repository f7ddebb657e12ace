"""Ctrl-C and SIGTERM in a process of latente's own: a flag, obeyed at a safe moment.

An exception that is raised wherever Python happens to be can end up in a callback of JAX's, which swallows it, or leave
XLA in the middle of something. So a signal only sets a flag. Work that goes on long asks `check` between its steps;
where it does not get there in time, the process ends by itself after what it was told of by `keeping` is kept. Files
are whole at every moment, for they are written in one step. In a process of a user's own nobody listens, and Ctrl-C
raises KeyboardInterrupt as it always does.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import NoReturn, TypeVar

ALLOWED = 2.0
"""Seconds in which `check` must be asked after a signal."""
KEEPING = 5.0
"""Seconds that are given to what `keeping` was told of, where `check` was not asked in time."""
UNWINDING = 90.0
"""Seconds to end after `check` was asked: what is had is written, and workers are waited for."""
POLL = 0.1
"""Seconds between two looks at the flag while nothing is to be done but wait."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)

T = TypeVar("T")


class Stopped(KeyboardInterrupt):
    """Raised by `check` once a signal has come; ``code`` is the exit code that says so."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


_asked = 0
"""The signal that has come, or 0. It stays: whoever swallows `Stopped` meets it again."""
_obeyed = False
_keep: list[Callable[[], object]] = []


def asked() -> int:
    """The exit code that the signal which has come asks for; 0 where none has."""
    return 128 + _asked if _asked else 0


def check() -> None:
    """Raise `Stopped` where a signal has come; to be asked where stopping does no harm."""
    global _obeyed
    if _asked:
        _obeyed = True
        raise Stopped(asked())


def wait_for(arriving: queue.SimpleQueue[T]) -> T:
    """The next of a queue, however long it takes; a signal ends the waiting."""
    while True:
        check()
        with contextlib.suppress(queue.Empty):
            return arriving.get(timeout=POLL)


@contextlib.contextmanager
def keeping(keep: Callable[[], object]) -> Iterator[None]:
    """Have ``keep`` called at the end, however it ends; in another thread where the process must be ended here."""
    _keep.append(keep)
    try:
        yield
    finally:
        try:
            keep()
        finally:
            _keep.remove(keep)


def listen(say: Callable[[int], str] = lambda code: "") -> None:
    """From now on signals are flags in this process, which must be one of latente's own; the main thread only.

    A second signal ends it at once. Signals that are ignored stay so (``nohup``, a background job).

    Args:
        say: what to tell the user, by exit code, where the process is ended here.
    """
    if os.name == "nt":
        # Windows has neither these signals nor such pipes; Ctrl-C is KeyboardInterrupt there.
        return
    heard = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    # Python writes to it at once, even while XLA compiles; a handler would wait for the next line of Python.
    signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    threading.Thread(target=_hear, args=(reads, heard, say), daemon=True).start()
    for number in heard:
        signal.signal(number, lambda number, frame: None)
    # Registered before JAX is imported, so that it is called after what JAX does at exit.
    atexit.register(_last, heard)


def _hear(reads: int, heard: list[signal.Signals], say: Callable[[int], str]) -> None:
    global _asked
    while True:
        for number in os.read(reads, 64):
            if number not in heard:
                continue
            if _asked:
                end(128 + number, say(128 + number))
            _asked = number
            threading.Thread(target=_enforce, args=(say,), daemon=True).start()


def _enforce(say: Callable[[int], str]) -> None:
    """End the process where it does not end by itself."""
    never = threading.Event()
    never.wait(ALLOWED)
    if _obeyed:
        never.wait(UNWINDING)
    else:
        keeper = threading.Thread(target=_keep_all, daemon=True)
        keeper.start()
        keeper.join(KEEPING)
    end(asked(), say(asked()))


def _keep_all() -> None:
    for keep in reversed(_keep):
        # The process ends whatever comes of it, and what was kept before is still there.
        with contextlib.suppress(Exception):
            keep()


def _last(heard: list[signal.Signals]) -> None:
    if _asked:
        os._exit(asked())
    # What is left of Python does nothing any more; a signal ends it at once, and silently.
    for number in heard:
        signal.signal(number, signal.SIG_DFL)


def end(code: int, text: str = "") -> NoReturn:
    """End now, with a line on standard error. Nothing is torn down: XLA may be in the middle of something."""
    if text:
        # A bar may have hidden the terminal's cursor. Not by `print`, for another thread may hold its lock.
        shown = "\x1b[?25h\n" if sys.stderr is not None and sys.stderr.isatty() else ""
        with contextlib.suppress(OSError):
            os.write(2, f"{shown}{text}\n".encode())
    os._exit(code)

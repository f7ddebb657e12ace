"""Ctrl-C and SIGTERM in latente's own processes: a flag, obeyed at a safe moment.

An exception raised wherever Python happens to be can be swallowed by one of JAX's callbacks, or leave XLA in the middle
of something. So a signal only sets a flag, and long work calls `check` between its steps. If it does not get there in
time, the process saves what was registered with `keeping` and ends. Files are whole at every moment, because each is
written in one step. In a user's own process nothing listens, and Ctrl-C raises KeyboardInterrupt as always.
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
"""Seconds after a signal within which `check` must be called."""
KEEPING = 5.0
"""Seconds for saving what was registered with `keeping`, if `check` was not called in time."""
UNWINDING = 90.0
"""Seconds to end in after `check` was called, to write results and wait for workers."""
POLL = 0.1
"""Seconds between two checks of the flag while waiting."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)

T = TypeVar("T")


class Stopped(KeyboardInterrupt):
    """Raised by `check` once a signal has come; ``code`` is the exit code for it."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


_asked = 0
"""The signal that has come, or 0. It stays set: whoever swallows `Stopped` meets it again."""
_obeyed = False
_keep: list[Callable[[], object]] = []


def exit_code() -> int:
    """The exit code for the signal that has come; 0 if none has."""
    return 128 + _asked if _asked else 0


def check() -> None:
    """Raise `Stopped` if a signal has come; call it where stopping does no harm."""
    global _obeyed
    if _asked:
        _obeyed = True
        raise Stopped(exit_code())


def wait_for(arriving: queue.SimpleQueue[T]) -> T:
    """The next item of a queue, however long it takes; a signal ends the waiting."""
    while True:
        check()
        with contextlib.suppress(queue.Empty):
            return arriving.get(timeout=POLL)


@contextlib.contextmanager
def keeping(keep: Callable[[], object]) -> Iterator[None]:
    """Call ``keep`` at the end, however the block ends; in another thread if the process has to be ended from here."""
    _keep.append(keep)
    try:
        yield
    finally:
        try:
            keep()
        finally:
            _keep.remove(keep)


def listen(say: Callable[[int], str] = lambda code: "") -> None:
    """Turn signals into flags from now on, in one of latente's own processes; call it from the main thread.

    A second signal ends the process at once. Ignored signals stay ignored (``nohup``, a background job).

    Args:
        say: what to tell the user, by exit code, if the process has to be ended from here.
    """
    if os.name == "nt":
        # Windows has neither these signals nor such pipes; Ctrl-C is KeyboardInterrupt there.
        return
    heard = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    # Python writes to it at once, even while XLA compiles; a handler would wait for the next bytecode.
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
    """End the process if it does not end by itself."""
    never = threading.Event()
    never.wait(ALLOWED)
    if _obeyed:
        never.wait(UNWINDING)
    else:
        keeper = threading.Thread(target=_keep_all, daemon=True)
        keeper.start()
        keeper.join(KEEPING)
    end(exit_code(), say(exit_code()))


def _keep_all() -> None:
    for keep in reversed(_keep):
        # The process ends either way, and what was saved before is still there.
        with contextlib.suppress(Exception):
            keep()


def _last(heard: list[signal.Signals]) -> None:
    if _asked:
        os._exit(exit_code())
    # Python is shutting down; from here a signal ends it at once, silently.
    for number in heard:
        signal.signal(number, signal.SIG_DFL)


def end(code: int, text: str = "") -> NoReturn:
    """End now, with a line on standard error. Nothing is cleaned up: XLA may be in the middle of something."""
    if text:
        # A progress bar may have hidden the cursor. Not with `print`, since another thread may hold its lock.
        shown = "\x1b[?25h\n" if sys.stderr is not None and sys.stderr.isatty() else ""
        with contextlib.suppress(OSError):
            os.write(2, f"{shown}{text}\n".encode())
    os._exit(code)

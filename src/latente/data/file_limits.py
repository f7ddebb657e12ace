"""Checks before a file is read: that it is a plain file, and that its content fits into this machine's memory."""

from __future__ import annotations

import contextlib
import gzip
import math
import os
from pathlib import Path

from latente.errors import DataError

COPIES = 2
"""How many copies of the data are held at once, at least: as it was read, and as it is split."""

_PIECE = 1 << 20


def check_plain(path: Path) -> None:
    """Refuse anything but a plain file: reading a pipe or a device may block, or never end.

    Raises:
        DataError: naming it.
    """
    if path.exists() and not path.is_file():
        raise DataError(f"{path}: is not a plain file (a folder, a pipe, a device); give a file")


def check_size(path: Path, size: int, what: str) -> None:
    """Refuse what does not fit into memory, before it is read.

    Args:
        path: the file.
        size: its bytes when unpacked.
        what: what takes them, for the message.

    Raises:
        DataError: with both sizes.
    """
    most = memory() / COPIES
    if size > most:
        raise DataError(
            f"{path}: {what} take {gib(size)} unpacked; allowed: {gib(most)}, which is this machine's memory divided "
            f"by {COPIES}, for data is held {COPIES} times while it is split; give less of it"
        )


def check_unpacked(path: Path) -> None:
    """As `check_size`, for a file packed with gzip, which is unpacked piece by piece without keeping anything.

    Raises:
        DataError: it takes too much memory. OSError, EOFError, zlib.error: it is damaged.
    """
    most, size = memory() / COPIES, 0
    with gzip.open(path, "rb") as file:
        while piece := file.read(_PIECE):
            size += len(piece)
            if size > most:
                check_size(path, size, "what it holds and more")


def memory() -> float:
    """Bytes that this process may use: the least of the machine's, its cgroup's and its own limit; else infinite."""
    found = [machine_memory()]
    try:
        import resource
    except ImportError:  # Windows
        return min(found)
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        found.append(limit)
    with contextlib.suppress(OSError, ValueError):
        # Without a limit it holds "max", which is no number.
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return min(found)


def machine_memory() -> float:
    """This machine's memory in bytes; infinite if it is not known."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return math.inf


def gib(size: float) -> str:
    """Bytes in words."""
    return f"{size / 2**30:,.1f} GiB"

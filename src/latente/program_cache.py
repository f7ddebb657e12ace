"""Compiled programs on disk, checked when they are read.

JAX writes an entry in place, reads it unchecked and never overwrites it: once it is cut short by a kill, or changed by
the disk, every later process warns and compiles again, or runs a program that computes something else. Here an entry
ends with a checksum and is written in one step; if the checksum is wrong, the program is compiled again and replaced.
JAX without latente reads these entries too, since it ignores what follows the program.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

SUM = 32
"""Bytes of a checksum."""
PART = ".part"
OLD = 3600.0
"""Seconds after which a partial entry was surely left behind by a kill."""


class ProgramCache:
    """Entries in a folder, for JAX's `CacheInterface`. A disk that is full or read-only costs time only."""

    def __init__(self, folder: Path) -> None:
        self._path = folder
        with contextlib.suppress(OSError), os.scandir(folder) as found:
            for entry in found:
                if entry.name.endswith(PART) and entry.stat().st_mtime < time.time() - OLD:
                    Path(entry).unlink()

    def get(self, key: str) -> bytes | None:
        """The entry of this key; None if there is none or it is damaged."""
        path = self._of(key)
        try:
            whole = path.read_bytes() if path.is_file() else b""
        except OSError:
            return None
        value = whole[:-SUM]
        return value if whole and whole[-SUM:] == _checksum(key, value) else None

    def put(self, key: str, value: bytes) -> None:
        """Store an entry, replacing any earlier one."""
        temporary: str | None = None
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._path, prefix=".", suffix=PART)
            with os.fdopen(handle, "wb") as file:
                file.write(value + _checksum(key, value))
            Path(temporary).replace(self._of(key))
        except OSError:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink(missing_ok=True)

    def _of(self, key: str) -> Path:
        return self._path / f"{key}-cache"


def _checksum(key: str, value: bytes) -> bytes:
    return hashlib.sha256(key.encode() + value).digest()


def install() -> None:
    """Make JAX use this cache: before anything is compiled, and only in latente's own processes.

    JAX's own cache stays for users who limit its size or keep it in the cloud, and for versions of JAX in which it
    cannot be replaced.
    """
    # A whole entry that is of no use (made for another processor) is replaced: nothing to tell the user.
    warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation cache entry")
    import jax
    from jax._src import compilation_cache

    original = getattr(compilation_cache, "get_file_cache", None)
    if original is None or getattr(original, "__module__", "") == __name__:
        return

    def get_file_cache(path: str) -> Any:
        limited = getattr(jax.config, "jax_compilation_cache_max_size", -1) != -1
        checks = getattr(jax.config, "jax_compilation_cache_check_contents", False)
        return original(path) if limited or checks or "://" in path else (ProgramCache(Path(path)), path)

    compilation_cache.get_file_cache = get_file_cache

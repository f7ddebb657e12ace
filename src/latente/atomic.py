"""Writing files so that a reader sees the old file or the whole new one, never a part."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from latente.errors import StoreError


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content`` in one step, flushed to the disk first; folders above it are made.

    Raises:
        StoreError: the disk is full or the place cannot be written; what stood there before is kept.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink(missing_ok=True)
        raise cannot_write(path, error) from error
    except BaseException:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise


def clear_parts(folder: Path) -> None:
    """Remove what writes that were killed left behind in a folder that nobody else is writing to."""
    for part in folder.rglob(".*.part"):
        with contextlib.suppress(OSError):
            part.unlink()


def write_text(path: Path, text: str) -> None:
    """As `write_bytes`, for UTF-8 text."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """As `write_bytes`, for JSON; numbers must be finite or None."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The JSON in ``path``.

    Raises:
        StoreError: missing, unreadable or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise StoreError(f"{path}: is not JSON ({error}); it is damaged or not written by latente") from None


def cannot_write(path: Path, error: OSError) -> StoreError:
    """The one error for a place that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        why = "the disk is full; free some space and go on with --resume"
    else:
        why = f"{error.strerror or error}; choose another place"
    return StoreError(f"{path}: cannot be written, {why}")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

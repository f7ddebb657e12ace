"""Safe reading and writing of files.

A reader sees the old file or the whole new one, never a part. Only plain files of bounded size are read, so that no
pipe blocks a reader for ever and no device fills its memory.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from latente.errors import StoreError

JSON_LIMIT = 64 * 2**20
"""Most bytes of a JSON file: some hundred times the largest study's."""
LIMIT = 16 * 2**30
"""Most bytes of any other file, unless its reader says less."""

FULL = "the disk is full"


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content`` in one step, flushed to disk first. Its folder must exist: a folder that somebody
    removes while work goes on must not reappear.

    A link is replaced by a file, and its target stays as it was.

    Raises:
        StoreError: the disk is full, or the path cannot be written, is no plain file, or is a link to something else
            (a device, a pipe, a folder); what was there before is kept.
    """
    _check_writable(path)
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    except ValueError as error:
        raise StoreError(f"{str(path)!r}: is not a valid file name ({error}); choose another place") from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink(missing_ok=True)


def _check_writable(path: Path) -> None:
    try:
        kind = kind_of(path.stat())
    except (OSError, ValueError):
        return  # nothing is there, or writing will say what is wrong
    if kind != "plain file":
        raise StoreError(f"{path}: is a {kind}, and only plain files are written; choose another place")


def clear_parts(folder: Path) -> None:
    """Remove what killed writes left behind, in a folder to which nobody else is writing."""
    for part in folder.glob(".*.part"):
        with contextlib.suppress(OSError):
            part.unlink()


def write_text(path: Path, text: str) -> None:
    """As `write_bytes`, for UTF-8 text."""
    try:
        content = text.encode()
    except UnicodeEncodeError as error:
        around = ascii(text[max(0, error.start - 20) : error.end + 20])
        raise StoreError(f"{path}: cannot be written, {around} is not Unicode text; rename what is so named") from None
    write_bytes(path, content)


def write_json(path: Path, value: Any) -> None:
    """As `write_bytes`, for JSON; numbers must be finite or None."""
    write_text(path, as_json(value))


def as_json(value: Any) -> str:
    """A value as JSON, in the format of all of latente's files."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def make_folder(path: Path, *, parents: bool = True) -> Path:
    """Make a folder, and those above it (``parents``), where they are missing.

    Raises:
        StoreError: it cannot be made.
    """
    try:
        path.mkdir(parents=parents, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    except ValueError as error:
        raise StoreError(f"{str(path)!r}: is not a valid folder name ({error}); choose another place") from None
    return path


def write_folder(path: Path, contents: Mapping[str, bytes]) -> None:
    """A new folder with files of these names and contents, in one step; folders above it are made.

    Raises:
        StoreError: something is there, or it cannot be written; then nothing of it is left.
    """
    make_folder(path.parent)
    made: Path | None = None
    try:
        made = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part"))
        for name, content in contents.items():
            write_bytes(made / name, content)
        made.chmod(0o777 & ~_umask())
        made.rename(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    except ValueError as error:
        raise StoreError(f"{str(path)!r}: is not a valid folder name ({error}); choose another place") from None
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


def read_json(path: Path) -> Any:
    """The JSON in ``path``.

    Raises:
        StoreError: as `read_bytes`; or not JSON.
    """
    return parse_json(path, read_bytes(path, JSON_LIMIT))


def parse_json(path: Path, content: bytes) -> Any:
    """A file's content, parsed as JSON; ``path`` names it in errors.

    Raises:
        StoreError: not UTF-8, not JSON (which has no NaN), nested too deep, or with text that is not valid Unicode.
    """
    try:
        text = content.decode()
        value = json.loads(text, parse_constant=_no_constant)
        if "\\ud" in text.lower():
            # A lone surrogate can be neither printed nor written.
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise StoreError(f"{path}: is JSON nested too deep; it is damaged or not written by latente") from None
    except ValueError as error:
        raise StoreError(f"{path}: is not JSON ({error}); it is damaged or not written by latente") from None
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def read_bytes(path: Path, limit: int = LIMIT) -> bytes:
    """The content of a plain file.

    Raises:
        StoreError: missing or unreadable; no plain file (a folder, a pipe, a device, a socket, or a link to one of
            them); or larger than ``limit`` bytes.
    """
    with open_plain(path, limit) as file:
        try:
            # One byte more than allowed: a file can grow, and some claim to be empty (as in /proc).
            content = file.read(limit + 1)
        except OSError as error:
            raise _unreadable(path, error) from None
    if len(content) > limit:
        raise StoreError(_too_large(path, len(content), limit))
    return content


@contextlib.contextmanager
def open_plain(path: Path, limit: int = LIMIT) -> Iterator[IO[bytes]]:
    """Open a plain file to read; errors as `read_bytes`."""
    try:
        # Checked before opening, which has effects on some devices, and again after, for it may have been replaced.
        _check_plain(path, path.stat(), limit)
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(path, flags), "rb")
    except FileNotFoundError:
        raise StoreError(f"{path}: no such file") from None
    except OSError as error:
        raise _unreadable(path, error) from None
    except ValueError as error:
        raise StoreError(f"{str(path)!r}: is not a valid file name ({error})") from None
    with file:
        _check_plain(path, os.fstat(file.fileno()), limit)
        yield file


_KINDS = {"-": "plain file", "d": "folder", "p": "pipe", "c": "device", "b": "device", "s": "socket"}
"""By the first letter of `stat.filemode`."""


def kind_of(status: os.stat_result) -> str:
    """What kind of file this is, in words: "plain file", "folder", "pipe", "device", …"""
    return _KINDS.get(stat.filemode(status.st_mode)[0], "special file")


def _check_plain(path: Path, status: os.stat_result, limit: int) -> None:
    kind = kind_of(status)
    if kind != "plain file":
        raise StoreError(f"{path}: is a {kind}; allowed: a plain file")
    if status.st_size > limit:
        raise StoreError(_too_large(path, status.st_size, limit))


def _too_large(path: Path, size: int, limit: int) -> str:
    return f"{path}: has {size:,} bytes or more; allowed: at most {limit:,}. It is damaged or not written by latente"


def _unreadable(path: Path, error: OSError) -> StoreError:
    # A StoreError is an OSError too.
    return error if isinstance(error, StoreError) else StoreError(f"{path}: cannot be read ({error.strerror or error})")


def cannot_write(path: Path, error: OSError) -> StoreError:
    """The error for a path that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        why = f"{FULL}; free some space and give the command again"
    elif error.errno == errno.ENOENT:
        why = "its folder is not there: it was removed meanwhile, or not made yet"
    else:
        why = f"{error.strerror or error}; choose another place"
    return StoreError(f"{path}: cannot be written, {why}")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

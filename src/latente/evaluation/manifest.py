"""``manifest.json``: the SHA-256 of every file of a run or a study, checked when the folder is opened, so that a file
that is no longer what was written is named; and the lock under which the files of a folder are changed.

Files are changed so that a kill at any moment leaves a folder that can be read: first the manifest says what they will
be, beside what they are; then each is replaced in one step; then the manifest says only what they are.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from latente._version import __version__
from latente.atomic import LIMIT, cannot_write, clear_parts, kind_of, parse_json, read_bytes, write_bytes, write_json
from latente.data.notes import LOG, Note
from latente.errors import DataError, SpecError, StoreError

T = TypeVar("T")

MANIFEST = "manifest.json"
LOCK = ".lock"
TRIES = 50
"""How often a folder is read anew that another process changes meanwhile."""
PATIENCE = 60.0
"""Seconds to wait for another process that is writing to a run's folder; it takes a fraction of one."""


@dataclass(eq=False)
class Manifest:
    """What a folder's files should be, as `opened` read it.

    Attributes:
        folder: which.
        files: the digests that each file may have, by its name with "/"; None where there is no manifest.
        unsure: those that were being changed when the manifest was written.
        pending: of these, where the last of them was not replaced, so that the change does not count: what they were
            ("" for a new one).
        damaged: what was asked for by `read_optional` and is left out, with why.
    """

    folder: Path
    files: Mapping[str, frozenset[str]] | None
    unsure: Collection[str] = ()
    pending: Mapping[str, str] = field(default_factory=dict)
    damaged: dict[str, StoreError] = field(default_factory=dict)

    def lists(self, name: str) -> bool:
        """Whether the folder should have this file; without a manifest, whether it has."""
        if self.files is None or name in self.unsure:
            return os.path.lexists(self.folder / name)
        return name in self.files

    def is_half_done(self, name: str) -> bool:
        """Whether a file was replaced, and the last of those that belong to it was not."""
        return name in self.pending and sha256(read_bytes(self.folder / name)) != self.pending[name]

    def names(self, within: str) -> list[str]:
        """The names of the files in a folder below this one, sorted."""
        if self.files is not None:
            return sorted(name for name in self.files if name.startswith(f"{within}/") and self.lists(name))
        with contextlib.suppress(OSError):
            return sorted(f"{within}/{entry.name}" for entry in os.scandir(self.folder / within))
        return []

    def read(self, name: str, limit: int = LIMIT) -> bytes:
        """A file's content, checked.

        Raises:
            StoreError: as `latente.atomic.read_bytes`; or it is not what was written.
        """
        path = self.folder / name
        if self.files is not None and not os.path.lexists(path):
            raise StoreError(f"{path}: is missing, though {MANIFEST} lists it; bring it back from a copy")
        content = read_bytes(path, limit)
        allowed = None if self.files is None else self.files.get(name, frozenset())
        if allowed is not None and (digest := sha256(content)) not in allowed:
            then = " or ".join(sorted(d[:12] for d in allowed)) or "none"
            raise StoreError(
                f"{path}: is not what was written (SHA-256 {digest[:12]}…, then {then}…), it is damaged or was edited; "
                f"bring it back from a copy, or delete {MANIFEST} beside it to take the files as they are, unchecked"
            )
        return content

    def read_optional(self, name: str, parse: Callable[[Path, bytes], T], limit: int = LIMIT) -> T | None:
        """What ``parse`` makes of a file that the rest can do without; None where it is not there or is damaged."""
        if not self.lists(name):
            return None
        try:
            return parse(self.folder / name, self.read(name, limit))
        except StoreError as error:
            self.damaged[name] = error
            return None


def sha256(content: bytes) -> str:
    """The digest, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def opened(folder: Path) -> Manifest:
    """A folder's manifest.

    Raises:
        StoreError: it is damaged.
    """
    path = folder / MANIFEST
    if not os.path.lexists(path):
        return Manifest(folder, None)
    table = parse_json(path, read_bytes(path, 2**26))
    try:
        known, changing = _table(table["files"]), _table(table.get("changing", {}))
        last = table.get("last", "")
        if table["sha256"] != _digest_of(known, changing) or (changing and last not in changing):
            raise ValueError("its own checksum differs")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise StoreError(
            f"{path}: is damaged ({error}); bring it back from a copy, or delete it to take the files as they are, "
            "unchecked"
        ) from None
    names = known | changing
    found = {name: frozenset(t[name] for t in (known, changing) if name in t) for name in names}
    done = changing and (folder / last).is_file() and sha256(read_bytes(folder / last)) == changing[last]
    return Manifest(folder, found, changing, {} if done else {name: known.get(name, "") for name in changing})


def reading(folder: Path, read: Callable[[Manifest], T]) -> T:
    """What ``read`` makes of a folder, again where another process changed its files meanwhile.

    Says which files it was left to do without, and that a folder without a manifest is not checked.

    Raises:
        StoreError: as ``read`` and `opened`.
    """
    for left in reversed(range(TRIES)):
        before = _stamp(folder)
        failed: StoreError | None = None
        manifest = None
        try:
            manifest = opened(folder)
            found = read(manifest)
        except StoreError as error:
            failed = error
        if left and (failed or (manifest and manifest.damaged)) and _stamp(folder) != before:
            time.sleep(0.01)
            continue
        if failed is not None:
            raise failed
        assert manifest is not None
        if manifest.files is None:
            _say_unchecked()
        for why in manifest.damaged.values():
            LOG.error(Note("left_out", {"why": str(why)}))
        return found
    raise AssertionError("unreachable")


@contextlib.contextmanager
def damage(path: Path) -> Iterator[None]:
    """What a file holds that means nothing is a `StoreError` that names it."""
    try:
        yield
    except KeyError as error:
        raise StoreError(f"{path}: is damaged or of another version of latente (there is no {error})") from None
    except (SpecError, DataError, TypeError, AttributeError, ValueError, IndexError, OverflowError) as error:
        raise StoreError(f"{path}: is damaged or of another version of latente ({error})") from None


def changed(folder: Path) -> list[StoreError]:
    """What is wrong with a folder's files: an error for each that is missing or not what was written.

    A folder without a manifest has none.
    """
    try:
        manifest = opened(folder)
    except StoreError as error:
        return [error]
    found = []
    for name in sorted(n for n in manifest.files or () if manifest.lists(n)):
        try:
            manifest.read(name)
        except StoreError as error:
            found.append(error)
    return found


def write(folder: Path, contents: Mapping[str, bytes], own: Iterable[str] = ()) -> None:
    """Change files of a folder that is locked, in the order given, and keep what they are in its manifest.

    Args:
        folder: where; it is there.
        contents: by the name of the file, with "/".
        own: names of files that are the folder's too, where it has no manifest yet.

    Raises:
        StoreError: a file cannot be written; what was there before can still be read.
    """
    known, whole = _known(folder, own)
    new = {name: sha256(content) for name, content in contents.items()}
    differ = [n for n in contents if known.get(n) != new[n] or not (folder / n).is_file()]
    if whole and not differ:
        return
    _write(folder, known, {name: new[name] for name in differ})
    for name in differ:
        _make_parent(folder, name)
        write_bytes(folder / name, contents[name])
    _write(folder, known | new)


def settle(folder: Path, *within: str) -> None:
    """End what a kill left half done in a folder and in those within it: parts of files, and a manifest of two minds.

    Raises:
        StoreError: as `locked` and `write`.
    """
    with locked(folder):
        for name in ("", *within):
            clear_parts(folder / name)
        manifest = opened(folder)
        if manifest.unsure:
            _write(folder, _known(folder, ())[0])


def record(folder: Path, names: Iterable[str]) -> None:
    """Make a folder's manifest anew, of these files as they are now.

    Raises:
        StoreError: one cannot be read, or the manifest not be written.
    """
    _write(folder, {name: sha256(read_bytes(folder / name)) for name in names})


@contextlib.contextmanager
def locked(folder: Path, *, wait: float = PATIENCE) -> Iterator[None]:
    """Keep a second process from writing to a folder; the lock goes with the process, however it ends.

    Windows and file systems that know no locks do without: there two writers at once may lose one's numbers.

    Raises:
        StoreError: another process has the lock for longer than ``wait`` seconds; or the lock is no plain file.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    path = folder / LOCK
    until = time.monotonic() + wait
    while True:
        handle = _open_lock(path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            if time.monotonic() >= until:
                raise StoreError(
                    f"{folder}: another latente is working in it; wait for it, or choose another place"
                ) from None
            time.sleep(0.02)
            continue
        except OSError:
            break
        # The one who had it removed it: another may have the lock of that name by now.
        if _same(handle, path):
            break
        os.close(handle)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(handle)


def _open_lock(path: Path) -> int:
    # Never emptied, and no link is followed: it would be another's file.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags, 0o666)
    except OSError as error:
        if path.is_symlink():
            raise StoreError(f"{path}: is a link, and a lock is a plain file; remove it") from None
        raise cannot_write(path, error) from error
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise StoreError(f"{path}: is a {kind_of(status)}, and a lock is a plain file; remove it")
    return handle


def _same(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except OSError:
        return False


def _known(folder: Path, own: Iterable[str]) -> tuple[dict[str, str], bool]:
    """What the manifest says of each file, and whether that is all; of one that was being changed, what it is."""
    manifest = opened(folder)
    if manifest.files is None:
        return {n: sha256(read_bytes(folder / n)) for n in own if (folder / n).is_file()}, False
    found = {name: next(iter(digests)) for name, digests in manifest.files.items() if name not in manifest.unsure}
    for name in manifest.unsure:
        # A new file of a change that was not ended does not count.
        if manifest.pending.get(name) != "":
            with contextlib.suppress(StoreError):
                found[name] = sha256(manifest.read(name))
    return found, not manifest.unsure


def _make_parent(folder: Path, name: str) -> None:
    parent = (folder / name).parent
    if parent == folder:
        return
    if parent.is_symlink():
        raise StoreError(f"{parent}: is a link, and nothing is written outside {folder}; put a folder there")
    with contextlib.suppress(OSError):  # the write will say what is wrong
        parent.mkdir()


def _write(folder: Path, files: Mapping[str, str], changing: Mapping[str, str] | None = None) -> None:
    table: dict[str, Any] = {"latente": __version__, "files": dict(sorted(files.items()))}
    if changing:
        table |= {"changing": dict(sorted(changing.items())), "last": list(changing)[-1]}
    write_json(folder / MANIFEST, table | {"sha256": _digest_of(files, changing or {})})


def _digest_of(files: Mapping[str, str], changing: Mapping[str, str]) -> str:
    lines = [f"{name}\0{digest}\n" for table in (files, changing) for name, digest in sorted(table.items())]
    return sha256("\n".join(lines).encode())


def _table(value: Any) -> dict[str, str]:
    for name, digest in value.items():
        if not isinstance(digest, str) or name.startswith(("/", "\\")) or ".." in name.split("/") or ":" in name:
            raise ValueError(f"{name!r} is not a valid file name with its SHA-256")
    return dict(value)


def _stamp(folder: Path) -> object:
    try:
        status = os.lstat(folder / MANIFEST)
        return status.st_ino, status.st_mtime_ns, status.st_size
    except OSError:
        return None


@cache
def _say_unchecked() -> None:
    LOG.warning(Note("unchecked"))

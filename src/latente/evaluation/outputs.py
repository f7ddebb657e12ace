"""Files that a user asks for (--csv, --json, --export): never over a file of a run or a study, nor over any other file
that is not of the same kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from latente.atomic import JSON_LIMIT, kind_of, make_folder, open_plain, parse_json, write_bytes, write_text
from latente.errors import SpecError, StoreError
from latente.evaluation.folders import STUDY
from latente.evaluation.manifest import LOCK, MANIFEST
from latente.evaluation.run_files import FILES

STUDY_FILES = (STUDY, "results.csv", "findings.json", "report.html", "checkpoint.safetensors", MANIFEST, LOCK)

HEAD = 8192
"""Bytes by which a page is known."""

Known = Callable[[bytes], bool]


def table_of(columns: Sequence[str]) -> Known:
    """Whether a CSV has exactly these columns."""
    line = ",".join(columns).encode()
    return lambda content: content.splitlines()[:1] == [line]


def rows_of(columns: Sequence[str]) -> Known:
    """Whether JSON is a list of rows with exactly these columns."""

    def known(content: bytes) -> bool:
        rows = _parsed(content)
        return isinstance(rows, list) and all(isinstance(r, dict) and r.keys() == set(columns) for r in rows)

    return known


def object_of(keys: Sequence[str]) -> Known:
    """Whether JSON is a table that has at least these keys."""

    def known(content: bytes) -> bool:
        table = _parsed(content)
        return isinstance(table, dict) and set(keys) <= table.keys()

    return known


def is_page(content: bytes) -> bool:
    """Whether it is the explorer's page."""
    head = content[:HEAD]
    return head.startswith(b"<!doctype html>\n<html lang=") and b'<title>latente</title>\n<link rel="icon"' in head


class Output:
    """A file that a user asks for, which may be written: nothing is there, or one of the same kind that latente wrote.

    It is checked at once, so that an error is said before the work and not after it.

    Args:
        path: where; None for a file that is not asked for, and then not written.
        option: that gave it, for the message.
        what: such a file in words, for instance "page of latente".
        known: whether the content of a file that is there is one.

    Raises:
        SpecError: it is a folder. StoreError: something else is there, or it is the name of a run's or a study's file.
    """

    def __init__(self, path: str | Path | None, option: str, what: str, known: Known) -> None:
        self.path = None if path is None else Path(path)
        self.option, self.what, self.known = option, what, known
        self._check()

    def write(self, content: str | bytes) -> None:
        """Write it; folders above it are made.

        Raises:
            SpecError, StoreError: as when it was asked for, or it cannot be written.
        """
        self._check()
        if self.path is not None:
            make_folder(self.path.parent)
            write_bytes(self.path, content) if isinstance(content, bytes) else write_text(self.path, content)

    def _check(self) -> None:
        target, option = self.path, self.option
        if target is None:
            return
        try:
            kind = kind_of(target.stat())
        except FileNotFoundError:
            kind = ""
        except (OSError, ValueError) as error:
            raise StoreError(f"{option}: {str(target)!r} cannot be written ({error}); give another name") from None
        if kind == "folder":
            raise SpecError(f"{option}: {target} is a folder; give a file in it, such as {target / 'file'}")
        if kind and kind != "plain file":
            raise StoreError(f"{option}: {target} is a {kind}, and only plain files are written; give another name")
        ours = (target.parent / "spec.json").exists() or (target.parent / STUDY).exists()
        if ours and target.name in (*FILES, *STUDY_FILES):
            raise StoreError(f"{option}: {target} is a file of the run or study itself; give another name")
        if kind:
            with open_plain(target) as file:
                content = file.read(JSON_LIMIT)
            if not self.known(content):
                raise StoreError(
                    f"{option}: {target} exists and is no {self.what}, so it is left alone; give another name, or "
                    "remove it"
                )


def _parsed(content: bytes) -> object:
    try:
        found: object = parse_json(Path("it"), content)
    except (StoreError, json.JSONDecodeError):
        return None
    return found

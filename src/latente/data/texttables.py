"""Text tables (CSV and the like) to columns: separators, names, decimal commas, and which cells are missing."""

from __future__ import annotations

import csv
import gzip
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latente.data.notes import Note, counted, listed
from latente.errors import DataError
from latente.spec import DataSpec

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("label", "labels", "class", "target", "y")
SEPARATORS = "\t;|,"
"""The comma comes last: in a table with another separator it may be a decimal comma."""
MISSING_TEXT = ("", "?", "NaN", "nan", "<NA>", "#N/A")
"""Cells that count as missing in every column."""
WORDS = ("NA", "N/A", "n/a", "None", "none", "NULL", "null")
"""Cells that count as missing in a column of numbers, and as ordinary text in a column of text."""
_WHOLE = re.compile(r"[+-]?(0|[1-9]\d*)")
_COMMAS = re.compile(r"[+-]?\d*,?\d+([eE][+-]?\d+)?")


@dataclass(frozen=True)
class TextTable:
    """The content of a text table.

    Attributes:
        columns: numbers, booleans, or text (object, None if missing), called 0, 1, ....
        names: of the columns, blank if the file has none.
        notes: what was decided or skipped.
    """

    columns: pd.DataFrame
    names: tuple[str, ...]
    notes: tuple[Note, ...]


def is_gzip(path: Path) -> bool:
    """Whether a file is packed with gzip, judged by its first bytes."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def is_label(name: str) -> bool:
    """Whether a column of this name holds the labels by default."""
    return name.strip().lower() in LABELS


def read_text_table(path: Path, spec: DataSpec) -> TextTable:
    """The columns of a text file, as `latente.data.tables.read_csv` describes.

    Raises:
        DataError: not UTF-8, no rows, rows longer than the first line, or decimal commas without ``spec.decimal``.
        ValueError: from pandas, if lines have more cells than the first, or a quote does not end.
    """
    _check_encoding(path)
    try:
        return _read(path, spec)
    except UnicodeDecodeError as error:
        raise _not_utf8(path, f"it has the byte 0x{error.object[error.start]:02x}") from None


def text_batches(path: Path, spec: DataSpec, size: int) -> Iterator[pd.DataFrame]:
    """The rows of a text file in frames of at most ``size`` rows, cells typed by what each batch of a column holds.

    Raises:
        DataError: as `read_text_table`, and for lines that have more cells than the first.
    """
    import pandas as pd

    _check_encoding(path)
    try:
        names, options = _layout(path, spec)[:2]
        table = pd.read_csv(path, dtype=str, na_filter=False, chunksize=size, **options)
        called = [name or f"Unnamed: {i}" for i, name in enumerate(names)]
        with table:
            while True:
                with _whole_rows(path, len(names)):
                    cells = next(table, None)
                if cells is None:
                    return
                columns = {}
                for i, name in enumerate(called):
                    raw = np.array([cell.strip() for cell in cells[i].fillna("")], object)
                    columns[i] = _typed(f'{path}: column "{name}"', name, raw, spec)[0]
                frame = pd.DataFrame(columns)
                frame.columns = called
                yield frame
    except UnicodeDecodeError as error:
        raise _not_utf8(path, f"it has the byte 0x{error.object[error.start]:02x}") from None
    except pd.errors.ParserError as error:
        raise DataError(f"{path}: is no table ({' '.join(str(error).split())[:160]})") from None


def _layout(path: Path, spec: DataSpec) -> tuple[list[str], dict[str, Any], list[Note], str, bool]:
    """Names of the columns and how pandas reads them; notes, the separator, and whether the first row has the names."""
    separator = _separator(path)
    first, second = _top(path, separator)
    named, notes = _has_names(first, second, spec.header, "" if separator == "," and spec.decimal != "," else ",")
    names = [_clean(cell) for cell in first] if named else [str(i + 1) for i in range(len(first))]
    options: dict[str, Any] = {
        "sep": separator,
        "header": 0 if named else None,
        "names": range(len(first)),
        "index_col": False,
        "encoding": "utf-8-sig",
        "low_memory": False,
        "skipinitialspace": True,
        "compression": "gzip" if is_gzip(path) else None,
    }
    return names, options, notes, separator, named


def _read(path: Path, spec: DataSpec) -> TextTable:
    import pandas as pd

    names, options, notes, separator, named = _layout(path, spec)
    with _whole_rows(path, len(names)):
        table = pd.read_csv(path, decimal=spec.decimal or ".", na_values=["?", "none"], **options)
    labels = [i for i, name in enumerate(names) if name == spec.labels or (spec.labels is None and is_label(name))]
    texts = sorted({*labels, *(i for i in table.columns if _is_text(table[i]))})
    cells = pd.read_csv(path, usecols=texts, dtype=str, na_filter=False, **options) if texts else None
    for i in texts:
        assert cells is not None
        raw = np.array([cell.strip() for cell in cells[i].fillna("")], object)
        where = f'{path}: column "{names[i] or i + 1}"'
        table[i], more = _typed(where, names[i], raw, spec)
        notes += more
    if len(names) == 1:
        notes += _blank(path, separator, len(table) + named)
    if spec.missing == "keep" and len(names) > 1 and len(table) and table.iloc[:, -1].isna().any():
        notes += _short(path, separator, len(names), named)
    return TextTable(table, tuple(names), tuple(notes))


@contextmanager
def _whole_rows(path: Path, width: int) -> Iterator[None]:
    """Refuse rows that are longer than the first, of which pandas would drop cells with a warning."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            yield
        except pd.errors.ParserWarning as warning:
            raise DataError(
                f"{path}: its rows have more cells than the {width} of the first line; name every column there, "
                "also an index, or take separators off the ends of the lines"
            ) from warning


def _check_encoding(path: Path) -> None:
    with (gzip.open if is_gzip(path) else open)(path, "rb") as file:
        head = file.read(4096)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise _not_utf8(path, "its first bytes are those of UTF-16")
    if b"\0" in head:
        raise _not_utf8(path, "it has bytes of zero, as UTF-16 and files that are no text have")


def _not_utf8(path: Path, why: str) -> DataError:
    return DataError(f"{path}: is not UTF-8 ({why}); save it as UTF-8 (in a spreadsheet: CSV UTF-8)")


def _text(path: Path) -> IO[str]:
    found: IO[str] = (gzip.open if is_gzip(path) else open)(path, "rt", encoding="utf-8-sig", newline="")
    return found


def _rows(file: IO[str], separator: str) -> Iterator[list[str]]:
    """The rows that are not blank."""
    read = csv.reader(file, delimiter=separator, skipinitialspace=True)
    return (row for row in read if len(row) > 1 or "".join(row).strip())


def _top(path: Path, separator: str) -> tuple[list[str], list[str]]:
    """The cells of the first two rows; of the first row twice if there is only one."""
    with _text(path) as file:
        rows = [[cell.strip() for cell in row] for row in islice(_rows(file, separator), 2)]
    if not rows:
        raise DataError(f"{path}: is empty; a table of at least one row is needed")
    return rows[0], rows[-1]


def _separator(path: Path) -> str:
    """The separator that splits the first two rows into equally many cells; else the most frequent one."""
    for separator in SEPARATORS:
        first, second = _top(path, separator)
        if len(first) > 1 and len(first) == len(second):
            return separator
    with _text(path) as file:
        line = next(line for line in file if line.strip())
    return max(",;\t|", key=line.count)


def _clean(name: str) -> str:
    """A name without the "#" with which NumPy's savetxt begins the first line."""
    return name.removeprefix("#").strip()


def _has_names(first: list[str], second: list[str], header: bool | None, comma: str) -> tuple[bool, list[Note]]:
    """Whether the first row holds names, and a note if that had to be guessed.

    ``comma`` is a character that may stand for the decimal point, or empty.
    """
    if header is not None:
        return header, []
    shown = {"cells": listed(first)}
    if comma:
        first, second = ([c.replace(comma, ".") for c in cells] for cells in (first, second))
    cells = first[1:] if first[0] == "" else first
    if any(is_label(_clean(c)) for c in cells):
        return True, []
    if not any(is_number(c) for c in cells):
        plain = any(is_number(c) or c in MISSING_TEXT for c in second)
        return True, [] if plain else [Note("names", shown, "header = false")]
    # pandas numbers the columns of a table without names; a few such columns could also be a first row of values.
    counts = cells == [str(i) for i in range(len(cells))] and (len(cells) > 4 or len(cells) < len(first))
    pairs = zip(first, second, strict=False)
    missing = {c.lower() for c in (*MISSING_TEXT, *WORDS)}
    if counts or any(not is_number(a) and a.lower() not in missing and is_number(b) for a, b in pairs):
        return True, [Note("names", shown, "header = false")]
    return False, [Note("no_names", shown, "header = true")]


def is_number(cell: str) -> bool:
    """Whether a cell is written as a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_text(column: pd.Series[Any]) -> bool:
    # A column of booleans with missing values has objects that are no text.
    return column.dtype.kind == "O" and any(isinstance(v, str) for v in column)


def _typed(where: str, name: str, cells: NDArray[np.object_], spec: DataSpec) -> tuple[Any, list[Note]]:
    """Cells as numbers, as booleans, or as text with None for missing values; and notes on them."""
    empty = np.isin(cells, MISSING_TEXT)
    absent = empty | np.isin(cells, WORDS)
    observed = cells[~absent]
    if len(observed) and all(v in ("True", "False", "TRUE", "FALSE", "true", "false") for v in observed):
        made = np.full(len(cells), None, object)
        made[~absent] = [v.lower() == "true" for v in observed]
        return (made.astype(bool) if not absent.any() else made), []
    if len(observed) and spec.decimal is None and all(_COMMAS.fullmatch(v) for v in observed):
        comma = next((v for v in observed if "," in v), None)
        if comma is not None:
            raise DataError(
                f'{where} holds "{comma}"; allowed: numbers with a decimal point; for decimal commas say '
                'decimal = ",", and write thousands without commas'
            )
    if len(observed) and all(_WHOLE.fullmatch(v) for v in observed) and not absent.any():
        whole = [int(v) for v in observed]
        if min(whole) >= -(2**63) and max(whole) < 2**63:
            return np.array(whole, np.int64), []
    point = [v.replace(",", ".") for v in observed] if spec.decimal == "," else list(observed)
    # 007 is a name, not a number.
    if len(observed) and all(is_number(v) and "_" not in v and not re.match(r"[+-]?0\d", v) for v in point):
        numbers = np.full(len(cells), np.nan)
        numbers[~absent] = [float(v) for v in point]
        if (np.abs(numbers[~absent]) < 2**53).all():
            return numbers, []
    words = Counter(cells[absent & ~empty])
    texts = cells.copy()
    texts[empty] = None
    notes = [Note("words", {"name": name, "words": counted({f'"{w}"': n for w, n in words.items()})})] if words else []
    return texts, notes


def _blank(path: Path, separator: str, rows: int) -> list[Note]:
    """A note on blank lines between so many rows, counting the row of names."""
    with _text(path) as file:
        read = csv.reader(file, delimiter=separator, skipinitialspace=True)
        last = max((i for i, row in enumerate(read, 1) if "".join(row).strip()), default=0)
    return [Note("blank", {"count": last - rows})] if last > rows else []


def _short(path: Path, separator: str, width: int, named: bool) -> list[Note]:
    """A note on rows that are shorter than the others."""
    with _text(path) as file:
        found = [i for i, row in enumerate(_rows(file, separator)) if len(row) < width]
    return [Note("short", {"count": len(found), "row": found[0] + (not named)})] if found else []

"""Rows written to a file or to standard output, batch by batch: CSV, Parquet, .npy and .npz, by the name's suffix."""

from __future__ import annotations

import csv
import io
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from latente.atomic import cannot_write
from latente.errors import SpecError, StoreError

SUFFIXES = (".csv", ".parquet", ".npy", ".npz")

STDOUT = "-"
"""Standard output, as CSV."""

HEADER = 128
"""Bytes kept for the header of a .npy file, whose number of rows is known only at the end."""

Batch = NDArray[Any] | Sequence[NDArray[Any]]
"""Rows: an array of shape (n, ...) of one type, or a column each of shape (n,)."""

Write = Callable[[Batch], None]


def check_target(target: str, option: str = "-o") -> None:
    """Refuse what could not be written, before the work and not after it.

    Args:
        target: a file's name, or "-" for standard output.
        option: that gave it, for the message.

    Raises:
        SpecError: another suffix, or Parquet without pyarrow. StoreError: the file is there already, or its folder is
            not.
    """
    if target == STDOUT:
        return
    path = Path(target)
    if path.suffix not in SUFFIXES:
        raise SpecError(
            f"{option}: got {target!r}; allowed: a name that ends with {', '.join(SUFFIXES)}, or - for CSV on standard "
            "output"
        )
    if path.suffix == ".parquet":
        _pyarrow(target)
    if path.exists() or path.is_symlink():
        raise StoreError(f"{option}: {target} exists, and nothing is overwritten; give another name, or remove it")
    if not path.parent.is_dir():
        raise StoreError(f"{option}: the folder {path.parent} is not there; make it first")


@contextmanager
def writing(target: str, names: Sequence[str], option: str = "-o") -> Iterator[Write]:
    """A function that writes a batch of rows; the file appears whole under its name at the end, or not at all.

    ``.csv`` and ``.parquet`` have a column for each name; ``.npy`` has the rows as they are, (n, ...); ``.npz`` has an
    array for each name, or the rows as ``x`` where they come as one array. Memory holds one batch (of .npz, a column at
    a time as well). Numbers are written so that they are read back to the bit.

    Args:
        target: a file's name, or "-": CSV on standard output.
        names: of the columns.
        option: that gave the target, for messages.

    Raises:
        SpecError, StoreError: as `check_target`; a batch that has other columns, or text for a .npy file.
    """
    check_target(target, option)
    if target == STDOUT:
        writer = _csv(sys.stdout.buffer, names)
        yield writer
        sys.stdout.flush()
        return
    path, temporary = Path(target), ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "w+b") as file:
            with _FORMATS[path.suffix](file, names, target) as write:
                yield write
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        # Unlike a rename, a link is not made where something has appeared meanwhile; some file systems have none.
        try:
            os.link(temporary, path)
        except OSError:
            check_target(target, option)
            Path(temporary).replace(path)
    except StoreError:
        raise
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            Path(temporary).unlink(missing_ok=True)


def columns_of(batch: Batch, names: Sequence[str]) -> list[NDArray[Any]]:
    """A batch as one array of shape (n,) for each name; the values of a row are taken one after the other.

    Raises:
        SpecError: there is another number of them.
    """
    columns = list(batch.reshape(len(batch), -1).T) if isinstance(batch, np.ndarray) else [np.asarray(c) for c in batch]
    if len(columns) != len(names) or len({len(c) for c in columns}) > 1:
        raise SpecError(f"rows: got {len(columns)} columns for {len(names)} names; give one of equal length for each")
    return columns


def _csv(file: IO[bytes], names: Sequence[str]) -> Write:
    begun: list[bool] = []

    def write(batch: Batch) -> None:
        columns = [_cells(c) for c in columns_of(batch, names)]
        out = io.StringIO()
        # Texts as they are, unlike in tables that people open in a spreadsheet: these rows are read again by programs.
        writer = csv.writer(out, lineterminator="\n")
        writer.writerows([] if begun else [names])
        writer.writerows(zip(*columns, strict=True))
        file.write(out.getvalue().encode())
        begun.append(True)

    return write


def _cells(column: NDArray[Any]) -> list[Any]:
    """Python's values, by whose shortest text a number is read back: float32 is not written with false digits; a
    missing number is an empty cell."""
    if column.dtype == np.float32:
        return [None if v != v else float(str(v)) for v in column]
    if column.dtype.kind == "M":
        texts = np.datetime_as_string(column, unit="auto")
        return [None if text == "NaT" else text for text in texts.tolist()]
    return [None if isinstance(v, float) and v != v else v for v in column.tolist()]


@contextmanager
def _csv_file(file: IO[bytes], names: Sequence[str], target: str) -> Iterator[Write]:
    yield _csv(file, names)


@contextmanager
def _parquet_file(file: IO[bytes], names: Sequence[str], target: str) -> Iterator[Write]:
    arrow, parquet = _pyarrow(target)
    made: list[Any] = []

    def write(batch: Batch) -> None:
        table = arrow.table(columns_of(batch, names), names=list(names))
        if not made:
            made.append(parquet.ParquetWriter(file, table.schema))
        made[0].write_table(table.cast(made[0].schema))

    try:
        yield write
    finally:
        if made:
            made[0].close()


@contextmanager
def _npy_file(file: IO[bytes], names: Sequence[str], target: str) -> Iterator[Write]:
    count, kind = 0, np.empty((0, len(names)), np.float32)
    file.write(b"\0" * HEADER)

    def write(batch: Batch) -> None:
        nonlocal count, kind
        rows = batch if isinstance(batch, np.ndarray) else np.stack(columns_of(batch, names), axis=1)
        if rows.dtype.kind not in "biuf":
            raise SpecError(f"{target}: a .npy file holds numbers only, and there are texts; write .csv or .parquet")
        if count == 0:
            kind = rows[:0]
        if rows.dtype != kind.dtype or rows.shape[1:] != kind.shape[1:]:
            raise SpecError(f"{target}: batches of {kind.dtype} {kind.shape[1:]} and of {rows.dtype} {rows.shape[1:]}")
        file.write(np.ascontiguousarray(rows).tobytes())
        count += len(rows)

    yield write
    head = io.BytesIO()
    about = {
        "descr": np.lib.format.dtype_to_descr(kind.dtype),
        "fortran_order": False,
        "shape": (count, *kind.shape[1:]),
    }
    np.lib.format.write_array_header_1_0(head, about)
    text = head.getvalue()
    assert len(text) <= HEADER
    # The header ends with a line feed, before which any number of spaces may stand.
    length = (HEADER - 10).to_bytes(2, "little")
    file.seek(0)
    file.write(text[:8] + length + text[10:-1].rstrip().ljust(HEADER - 11) + b"\n")
    file.seek(0, os.SEEK_END)


@contextmanager
def _npz_file(file: IO[bytes], names: Sequence[str], target: str) -> Iterator[Write]:
    batches: list[Batch] = []
    yield batches.append
    whole = all(isinstance(b, np.ndarray) for b in batches)
    parts = [[b] if whole else columns_of(b, names) for b in batches]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for i, name in enumerate(["x"] if whole else names):
            out = io.BytesIO()
            np.save(out, np.concatenate([_of_one_type(p[i]) for p in parts]), allow_pickle=False)
            archive.writestr(f"{name}.npy", out.getvalue())


def _of_one_type(column: Any) -> NDArray[Any]:
    """A column whose texts are of NumPy's own type, "" where they are missing: Python's objects would be pickled."""
    found = np.asarray(column)
    if found.dtype != object:
        return found
    return np.array(["" if value is None or value != value else str(value) for value in found])


def _pyarrow(target: str) -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise SpecError(f"{target}: writing Parquet needs pyarrow; pip install latente[parquet]") from error
    return pyarrow, parquet


_FORMATS = {".csv": _csv_file, ".parquet": _parquet_file, ".npy": _npy_file, ".npz": _npz_file}

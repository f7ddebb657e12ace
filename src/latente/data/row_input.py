"""Rows read batch by batch, for models that are trained already: a file of any size within bounded memory."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.load import find_source
from latente.data.numpy_files import check_arrays
from latente.data.texttables import text_batches
from latente.errors import DataError
from latente.spec import DataSpec

STDIN = "-"
"""Standard input, as CSV."""

TEXT = (".csv", ".tsv", ".txt", ".gz")

Rows = Any
"""A pandas frame, or an array of shape (n, ...)."""


@dataclass(frozen=True)
class RowInput:
    """Rows to come.

    Attributes:
        batches: frames or arrays, each of at most as many rows as was asked for.
        total: how many rows there are; None where only the end will tell.
    """

    batches: Iterator[Rows]
    total: int | None


@contextmanager
def reading(source: str, size: int, spec: DataSpec | None = None) -> Iterator[RowInput]:
    """The rows of a file or of standard input, in batches.

    CSV (also packed with gzip) and Parquet give frames with the file's columns, texts as texts; .npy and .npz (the
    array x, or the only one) give arrays. Anything else that `latente.load_data` reads, such as a folder of images, is
    read whole and gives arrays.

    Args:
        source: a file, a folder, a named data set, or "-" for CSV on standard input.
        size: rows of a batch.
        spec: how the data of the model was read: its separators, decimal marks and images.

    Raises:
        DataError: it is not there, is damaged, or is of none of these kinds.
    """
    spec = spec or DataSpec()
    if source == STDIN:
        # On the disk first, because what separates the cells is seen from the first rows.
        with tempfile.NamedTemporaryFile(suffix=".csv") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
            file.flush()
            yield RowInput(_checked(text_batches(Path(file.name), spec, size), file.name, "standard input"), None)
        return
    path = Path(source)
    suffix = path.suffix.lower()
    if not path.is_file() or suffix not in (*TEXT, ".parquet", ".npy", ".npz") or "ubyte" in path.name:
        found = find_source(path if path.exists() else source, spec)
        arrays = [found.x] if found.x_test is None else [found.x, found.x_test]
        yield RowInput((a[at : at + size] for a in arrays for at in range(0, len(a), size)), sum(map(len, arrays)))
        return
    batches: Iterator[Rows]
    try:
        if suffix in TEXT:
            batches, total = text_batches(path, spec, size), None
        elif suffix == ".parquet":
            batches, total = _parquet(path, size)
        else:
            array = _array(path)
            batches, total = (array[at : at + size] for at in range(0, len(array), size)), len(array)
    except (OSError, ValueError) as error:
        raise _unreadable(source, error) from None
    yield RowInput(_checked(batches, source, source), total)


def _checked(batches: Iterator[Rows], source: str, called: str) -> Iterator[Rows]:
    """The batches; what goes wrong in reading them is said of the file as the user called it."""
    try:
        yield from batches
    except (OSError, ValueError) as error:
        raise _unreadable(called, error, source) from None


def _unreadable(called: str, error: Exception, source: str = "") -> DataError:
    if isinstance(error, DataError):
        return DataError(str(error).replace(source, called)) if source else error
    return DataError(f"{called}: cannot be read ({' '.join(str(error).split())[:160]})")


def _parquet(path: Path, size: int) -> tuple[Iterator[Rows], int]:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(f"{path}: reading Parquet needs pyarrow; pip install latente[parquet]") from error
    file = parquet.ParquetFile(path)
    return (batch.to_pandas() for batch in file.iter_batches(size)), file.metadata.num_rows


def _array(path: Path) -> NDArray[Any]:
    check_arrays(path)
    if path.suffix.lower() == ".npy":
        found: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    else:
        with np.load(path, allow_pickle=False) as archive:
            names = [n for n in archive.files if n.lower() == "x"] or archive.files
            if len(names) != 1:
                listed = ", ".join(archive.files) or "(none)"
                raise DataError(f"{path}: holds the arrays {listed}; allowed: an array called x, or a single one")
            found = archive[names[0]]
    if found.ndim < 2:
        raise DataError(f"{path}: has shape {found.shape}; allowed: rows, of shape (n, ...)")
    array: NDArray[Any] = found
    return array

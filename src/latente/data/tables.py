"""CSV and Parquet tables of numbers as a source, with at most one column of labels."""

from __future__ import annotations

import csv
import gzip
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latente.data.source import Source, make_source
from latente.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("label", "labels", "class", "target", "y")
_MISSING = ("", "na", "n/a", "null", "none", "?")


def is_gzip(path: Path) -> bool:
    """Whether a file is packed with gzip, by its first bytes."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def read_csv(path: Path) -> Source:
    """A table of text: x float32 of shape (rows, columns), y from a column with a name in `LABELS`.

    Cells are parted by commas, semicolons or tabs. The first line holds names if one of them is in `LABELS`,
    if none is a number, if they count 0, 1, 2, ..., or if one of them is text above a number.

    Raises:
        DataError: a column that is not numbers, missing values, no rows, or lines of different lengths.
    """
    import pandas as pd

    packed = is_gzip(path)
    with (gzip.open if packed else open)(path, "rt", encoding="utf-8-sig", newline="") as file:
        lines = [line for line, _ in zip((line for line in file if line.strip()), range(2), strict=False)]
    if not lines:
        raise DataError(f"{path}: is empty; a table of at least one row is needed")
    separator = max(",;\t", key=lines[0].count)
    top = csv.reader([*lines, *lines][:2], delimiter=separator)
    first, second = ([cell.strip() for cell in row] for row in top)
    named = _has_names(first, second)
    with warnings.catch_warnings():
        # A warning of pandas that cells were thrown away.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        table = pd.read_csv(
            path,
            sep=separator,
            header=0 if named else None,
            index_col=False,
            encoding="utf-8-sig",
            low_memory=False,
            skipinitialspace=True,
            compression="gzip" if packed else None,
        )
    if not named:
        table.columns = pd.Index([str(i + 1) for i in range(table.shape[1])])
    elif first[0] == "" and (table.iloc[:, 0] == np.arange(len(table))).all():
        table = table.iloc[:, 1:]
    return _from_table(path, table)


def read_parquet(path: Path) -> Source:
    """A Parquet table, taken as `read_csv` takes its columns.

    Raises:
        DataError: as `read_csv`, or pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise DataError(f"{path}: reading Parquet needs pyarrow; pip install latente[parquet]") from error
    import pandas as pd

    return _from_table(path, pd.read_parquet(path, engine="pyarrow"))


def _from_table(path: Path, table: pd.DataFrame) -> Source:
    from pandas.api.types import is_numeric_dtype

    if table.empty:
        rows, columns = table.shape
        raise DataError(f"{path}: has {rows} rows and {columns} columns; at least one each is needed")
    names = [str(name) for name in table.columns]
    labels = [i for i, name in enumerate(names) if name.strip().lower() in LABELS]
    if len(labels) > 1:
        first, second = (names[i] for i in labels[:2])
        raise DataError(f'{path}: both "{first}" and "{second}" could be the labels; rename or remove one')
    y: NDArray[Any] | None = None
    features = []
    for i, name in enumerate(names):
        column = table.iloc[:, i]
        missing = np.asarray(column.isna())
        if missing.any():
            raise DataError(
                f'{path}: column "{name}" has {missing.sum()} missing values, the first in row '
                f"{missing.argmax() + 1}; fill or remove them (for instance with pandas' fillna or dropna)"
            )
        if i in labels:
            numbers = is_numeric_dtype(column)
            y = column.to_numpy(np.float64) if numbers else np.array([str(v) for v in column])
        elif is_numeric_dtype(column):
            with np.errstate(over="ignore"):
                features.append(column.to_numpy(np.float32))
        else:
            raise DataError(
                f'{path}: column "{name}" holds {_foreign(column)}; allowed: numbers, and one column of '
                f"labels called {' or '.join(LABELS)}; turn it into numbers, or remove it"
            )
    if not features:
        raise DataError(f"{path}: has no column of numbers ({', '.join(names)}); at least one is needed")
    return make_source(str(path), np.stack(features, axis=1), y)


def _foreign(column: pd.Series[Any]) -> str:
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column):
        return "dates"
    wrong = [v for v in column if not (isinstance(v, str) and _is_number(v))]
    return f'"{str(wrong[0])[:40]}"' if wrong else "numbers written as text"


def _has_names(first: list[str], second: list[str]) -> bool:
    cells = first[1:] if first[0] == "" else first
    if any(c.lower() in LABELS for c in cells) or not any(_is_number(c) for c in cells):
        return True
    # pandas writes a table without names so; few columns could as well be a first row of values.
    if cells == [str(i) for i in range(len(cells))] and (len(cells) > 4 or len(cells) < len(first)):
        return True
    pairs = zip(first, second, strict=False)
    return any(not _is_number(a) and a.lower() not in _MISSING and _is_number(b) for a, b in pairs)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True

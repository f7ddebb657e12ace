"""CSV and Parquet tables as a source: numbers and categories, at most one column of labels, and conditions."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latente.data.conditions import MOST_KINDS
from latente.data.source import REMEDY, Column, Source, make_source
from latente.errors import DataError, unknown
from latente.spec import DataSpec

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("label", "labels", "class", "target", "y")
MOST_CATEGORIES = 1000
"""How many different texts a column of x may hold: more are names or numbers of single rows."""
_MISSING = ("", "na", "n/a", "null", "none", "?")


def is_gzip(path: Path) -> bool:
    """Whether a file is packed with gzip, by its first bytes."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def read_csv(path: Path, spec: DataSpec) -> Source:
    """A table of text: x float32 of shape (rows, columns), y from a column with a name in `LABELS`.

    Cells are parted by commas, semicolons or tabs. The first line holds names if one of them is in `LABELS`,
    if none is a number, if they count 0, 1, 2, ..., or if one of them is text above a number; otherwise the columns
    are called 1, 2, .... A cell is missing that is empty, or NA, NaN, null, n/a or ?, or that a line ends before.

    Args:
        path: the file.
        spec: says what to make of the columns. Those of ``condition`` become `Source.context`, also one with a name
            in `LABELS`. With scale "none", text becomes codes, with the texts kept in `Source.features`. With
            missing "keep", what is missing in x is NaN.

    Raises:
        DataError: a column that is not numbers, missing values, no rows, or longer lines after the first; a name in
            ``condition`` that no column has.
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
            na_values=["?"],
            compression="gzip" if packed else None,
        )
    if not named:
        table.columns = pd.Index([str(i + 1) for i in range(table.shape[1])])
    elif first[0] == "" and (table.iloc[:, 0] == np.arange(len(table))).all():
        table = table.iloc[:, 1:]
    return _from_table(path, table, spec)


def read_parquet(path: Path, spec: DataSpec) -> Source:
    """A Parquet table, taken as `read_csv` takes its columns; nulls are missing.

    Raises:
        DataError: as `read_csv`, or pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise DataError(f"{path}: reading Parquet needs pyarrow; pip install latente[parquet]") from error
    import pandas as pd

    return _from_table(path, pd.read_parquet(path, engine="pyarrow"), spec)


def _from_table(path: Path, table: pd.DataFrame, spec: DataSpec) -> Source:
    from pandas.api.types import is_numeric_dtype

    if table.empty:
        rows, columns = table.shape
        raise DataError(f"{path}: has {rows} rows and {columns} columns; at least one each is needed")
    names = [str(name) for name in table.columns]
    given = _positions(path, names, spec)
    labels = [i for i, name in enumerate(names) if i not in given and name.strip().lower() in LABELS]
    if len(labels) > 1:
        first, second = (names[i] for i in labels[:2])
        raise DataError(f'{path}: both "{first}" and "{second}" could be the labels; rename or remove one')
    y: NDArray[Any] | None = None
    read: dict[int, tuple[NDArray[Any], Column]] = {}
    for i, name in enumerate(names):
        column = table.iloc[:, i]
        missing = np.asarray(column.isna())
        if missing.any() and (i in labels or i in given or spec.missing == "refuse"):
            # Of labels and conditions nothing may be missing, whatever the spec says.
            remedy = "fill or remove them" if i in labels or i in given else REMEDY
            raise DataError(
                f'{path}: column "{name}" has {missing.sum()} missing values, the first in row '
                f"{missing.argmax() + 1}; {remedy}"
            )
        if i in labels:
            numbers = is_numeric_dtype(column)
            y = column.to_numpy(np.float64) if numbers else np.array([str(v) for v in column])
        else:
            read[i] = _read(f'{path}: column "{name}"', name, column, spec, condition=i in given)
    kept = [i for i in read if i not in given]
    if not kept:
        raise DataError(f"{path}: has no column of numbers ({', '.join(names)}); at least one is needed")
    x = np.stack([read[i][0] for i in kept], axis=1)
    source = make_source(str(path), x, y, missing=spec.missing == "keep")
    source = dataclasses.replace(source, features=tuple(read[i][1] for i in kept))
    if not given:
        return source
    context = np.stack([read[i][0] for i in given], axis=1)
    return dataclasses.replace(source, context=context, given=tuple(read[i][1] for i in given))


def _positions(path: Path, names: list[str], spec: DataSpec) -> list[int]:
    for wanted in spec.condition:
        if not isinstance(wanted, str):
            raise DataError(f"{path}: condition: got {wanted}; allowed: names of columns, {', '.join(names)}")
        if wanted not in names:
            raise DataError(f"{path}: condition: {unknown('column', wanted, names)}")
    return [names.index(str(wanted)) for wanted in spec.condition]


def _read(
    where: str, name: str, column: pd.Series[Any], spec: DataSpec, *, condition: bool
) -> tuple[NDArray[Any], Column]:
    """The numbers of a column, or codes of its texts; float64 for a condition, else float32."""
    from pandas.api.types import is_numeric_dtype

    kind = np.float64 if condition else np.float32
    missing = np.asarray(column.isna())
    if column.dtype == object:
        # True and False among what is missing.
        column = column.convert_dtypes()
    if is_numeric_dtype(column) or missing.all():
        values = np.full(len(column), np.nan, kind)
        with np.errstate(over="ignore"):
            values[~missing] = column[~missing].to_numpy(kind)
        if condition and not np.isfinite(values).all():
            raise DataError(f"{where} holds infinite values; a condition is a finite number or a text")
        return values, Column(name)
    known = column[~missing]
    if not condition and spec.scale != "none":
        raise DataError(
            f"{where} holds {_foreign(known)}; allowed: numbers, and one column of labels called "
            f'{" or ".join(LABELS)}; turn it into numbers, remove it, or read text as categories with scale = "none"'
        )
    if not _is_text(known):
        raise DataError(
            f"{where} holds {_foreign(known)}; allowed: numbers, or text of which nothing is a number; "
            "turn it into one of these, or remove it"
        )
    texts, codes = np.unique(np.array([str(v) for v in known]), return_inverse=True)
    most = MOST_KINDS if condition else MOST_CATEGORIES
    if len(texts) > most:
        raise DataError(f"{where} holds {len(texts)} different texts; allowed: at most {most}; group or remove it")
    values = np.full(len(column), np.nan, kind)
    values[~missing] = codes.reshape(-1)
    return values, Column(name, tuple(str(t) for t in texts))


def _is_text(known: pd.Series[Any]) -> bool:
    if known.dtype == "category":
        return True
    # With a comma for a point, numbers would become categories in silence.
    return all(isinstance(v, str) and not _is_number(v.replace(",", ".")) for v in known)


def _foreign(known: pd.Series[Any]) -> str:
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(known):
        return "dates"
    wrong = [v for v in known if not (isinstance(v, str) and _is_number(v))]
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

"""Tables as a source (CSV, Parquet, pandas): numbers, categories, at most one column of labels, and conditions."""

from __future__ import annotations

import dataclasses
import datetime
import numbers
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latente.data.conditions import MOST_KINDS
from latente.data.file_limits import check_size
from latente.data.notes import Note, listed
from latente.data.source import REMEDY, DataColumn, Source, make_source
from latente.data.texttables import LABELS, is_label, is_number, read_text_table
from latente.errors import DataError, unknown
from latente.spec import DataSpec

if TYPE_CHECKING:
    import pandas as pd

MOST_CATEGORIES = 1000
"""Most different texts in a column of x: more would name or number single rows."""
FEW = 10
"""With fewer rows, nothing is concluded from what the values look like."""
MOST_MEASURED = 20
"""If labels are more different numbers than this, and one of them is unique or not whole, they are a measurement."""
_UNNAMED = re.compile(r"Unnamed: \d+")
_FIGURE = re.compile(r"[+-]?[$€£]?\s?(\d{1,3}([ .,'_\u00a0\u202f]\d{3})+|\d+)([.,]\d+)?\s?[%$€£]?")
"""A number with thousands separators, a currency sign or a percent sign."""
_DATE = re.compile(r"\d{4}([-/.])\d{1,2}\1\d{1,2}([T ].*)?|\d{1,2}([-/.])\d{1,2}\3(\d{4}|\d{2})( .*)?")


def read_csv(path: Path, spec: DataSpec) -> Source:
    """A table of text: x of shape (rows, columns), y from a column with a name in `LABELS`.

    Cells are separated by commas, semicolons, tabs or bars. Unless ``spec.header`` decides, the first line holds names
    if one of them is in `LABELS`, if none is a number, if they count 0, 1, 2, ..., or if one of them is text above a
    number; otherwise the columns are called 1, 2, .... A cell is missing if it is empty, NaN or ?, or if its line ends
    before it; in columns of numbers also NA, N/A, None and NULL, which are texts in a column of text.

    Args:
        path: the file.
        spec: how to read the columns. ``labels`` names the labels, or there are none (False); ``index`` names columns
            to leave out, by default a first column without a name and without repeated values. Columns of
            ``condition`` become `Source.context`, even with a name in `LABELS`. With scale "none", text becomes codes,
            with the texts in `Source.features`. With missing "keep", missing values of x are NaN. ``decimal`` is the
            decimal mark.

    Raises:
        DataError: a column that is not numeric, missing values, no rows, or lines longer than the first; a name that
            no column has; labels that look like measurements.
    """
    text = read_text_table(path, spec)
    return from_frame(str(path), text.columns, spec, names=text.names, notes=text.notes)


def read_parquet(path: Path, spec: DataSpec) -> Source:
    """A Parquet table, with its columns read as by `read_csv`; nulls are missing values.

    Raises:
        DataError: as `read_csv`; it does not fit into memory, by its own metadata; or pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise DataError(f"{path}: reading Parquet needs pyarrow; pip install latente[parquet]") from error
    import pandas as pd
    from pyarrow import parquet

    about = parquet.read_metadata(path)
    rows, columns = about.num_rows, about.num_columns
    # Its numbers in double precision, or as much as it says that its own types take.
    own = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
    check_size(path, max(8 * rows * columns, own), f"{rows} rows of {columns} columns")
    return from_frame(str(path), pd.read_parquet(path, engine="pyarrow"), spec)


def from_frame(
    where: str,
    table: pd.DataFrame,
    spec: DataSpec,
    y: object = None,
    *,
    names: Sequence[str] | None = None,
    notes: Sequence[Note] = (),
) -> Source:
    """A pandas frame as a source, with its columns read as by `read_csv`.

    Args:
        where: its name in messages.
        table: the frame; its own index is ignored.
        spec: as for `read_csv`; ``condition`` may hold positions from 0 as well as names.
        y: labels apart from the frame; then no column is taken as labels by default.
        names: of the columns, by default the frame's; blank for a column without a name.
        notes: notes on it so far.

    Raises:
        DataError: as `read_csv`.
    """
    rows, width = table.shape
    if table.empty:
        raise DataError(f"{where}: has {rows} rows and {width} columns; at least one each is needed")
    found = [*notes, *_own_index(table)]
    called = [str(name).strip() for name in (table.columns if names is None else names)]
    called = ["" if _UNNAMED.fullmatch(name) else name for name in called]
    aside, more = _index(where, table, called, spec)
    called, still_more = _named(called, aside, spec)
    found += [*more, *still_more]
    kept = [i for i in range(width) if i not in aside]
    conditions = _positions(where, called, kept, spec)
    label = _label(where, called, [i for i in kept if i not in conditions], spec, y)
    if y is None and label is not None:
        y = _labels(f'{where}: column "{called[label]}"', table.iloc[:, label], spec)
        if spec.labels is None:
            classes, count = listed(str(v) for v in np.unique(y)), len(np.unique(y))
            found.append(Note("labels", {"name": called[label], "count": count, "classes": classes}, "labels = false"))
    elif y is not None:
        y = plain_labels(where, y)
        found += [Note("label_kept", {"name": called[i]}) for i in kept if is_label(called[i]) and i not in conditions]
        label = None
    read: dict[int, tuple[NDArray[Any], DataColumn]] = {}
    for i in kept:
        if i != label:
            column, named = table.iloc[:, i], f'{where}: column "{called[i]}"'
            read[i] = _read(named, called[i], column, spec, condition=i in conditions)
            found += _row_names(called[i], *read[i])
    features = [i for i in read if i not in conditions]
    if not features:
        raise DataError(f"{where}: has no column of numbers ({', '.join(called)}); at least one is needed")
    x = np.stack([read[i][0] for i in features], axis=1)
    source = make_source(where, x, y, missing=spec.missing == "keep")
    source = dataclasses.replace(source, features=tuple(read[i][1] for i in features), notes=(*source.notes, *found))
    if not conditions:
        return source
    context = np.stack([read[i][0] for i in conditions], axis=1)
    return dataclasses.replace(source, context=context, context_columns=tuple(read[i][1] for i in conditions))


def check_is_table(where: str, spec: DataSpec, *, table: bool, text: bool) -> None:
    """Refuse options that do not apply to what is read.

    Args:
        where: its name in messages.
        spec: the options.
        table, text: whether it is a table, and whether it is one of text.

    Raises:
        DataError: naming the option and what it is for.
    """
    for option, asked in (("labels", isinstance(spec.labels, str)), ("index", spec.index is not None)):
        if asked and not table:
            raise DataError(f"{where}: {option} names columns of tables (CSV, Parquet, pandas), and it is none")
    for option in ("header", "decimal"):
        if getattr(spec, option) is not None and not text:
            raise DataError(f"{where}: {option} is for CSV, and it is none; leave it out")


def rows_of(frame: pd.DataFrame, columns: Sequence[DataColumn]) -> NDArray[np.float64]:
    """Examples in a frame as they are stored for a model: columns matched by name, texts as codes.

    Args:
        frame: with a column for each of ``columns``, in any order; others are ignored.
        columns: those of the data that the model was trained on.

    Raises:
        DataError: a column that is missing or there twice, a text that the data does not have, or no numbers.
    """
    names = [str(name).strip() for name in frame.columns]
    found = np.full((len(frame), len(columns)), np.nan)
    for j, column in enumerate(columns):
        where = f'examples: column "{column.name}"'
        if names.count(column.name) != 1:
            times = names.count(column.name)
            raise DataError(f"{where} is there {times} times; allowed: once each of {listed(c.name for c in columns)}")
        values = frame.iloc[:, names.index(column.name)]
        observed = ~np.asarray(values.isna())
        if column.categories:
            texts = [str(v) for v in values[observed]]
            odd = next((t for t in texts if t not in column.categories), None)
            if odd is not None:
                raise DataError(f"examples: {unknown(column.name, odd, column.categories)}")
            found[observed, j] = [column.categories.index(t) for t in texts]
        elif observed.any():
            spec = DataSpec(scale="unit", missing="keep")
            found[:, j] = _read(where, column.name, values, spec, condition=False)[0]
    return found


def plain_labels(where: str, y: object) -> Any:
    """Labels of pandas types (nullable, categories, text) as an array of one plain type; any others as they are.

    Raises:
        DataError: a label is missing.
    """
    if not hasattr(y, "iloc"):
        return y
    import pandas as pd

    if isinstance(y, pd.DataFrame) and y.shape[1] == 1:
        y = y.iloc[:, 0]
    return _plain(f"{where}: y", y) if isinstance(y, pd.Series) else y


def _plain(where: str, column: pd.Series[Any]) -> NDArray[Any]:
    from pandas.api.types import is_bool_dtype, is_integer_dtype, is_numeric_dtype

    missing = np.asarray(column.isna())
    if missing.any():
        raise DataError(_missing(where, missing, column, "fill or remove them"))
    if column.dtype == "category":
        column = column.astype(column.cat.categories.dtype)
    if column.dtype == object:
        column = column.infer_objects()
    if is_bool_dtype(column):
        return column.to_numpy(bool)
    if is_integer_dtype(column):
        # As floats, numbers above 2⁵³ would collide.
        return column.to_numpy(np.uint64 if column.min() >= 2**63 else np.int64)
    if is_numeric_dtype(column):
        return column.to_numpy(np.float64)
    if all(_is_real(v) for v in column):
        return np.array([float(v) for v in column])
    return np.array([str(v) for v in column])


def _labels(where: str, column: pd.Series[Any], spec: DataSpec) -> NDArray[Any]:
    """The labels in a column, which must not look like a measurement."""
    found = _plain(where, column)
    values, counts = np.unique(found, return_counts=True)
    otherwise = 'say labels = false to read it as a value, or name the column of labels (labels = "...")'
    if found.dtype.kind in "iuf" and len(values) > MOST_MEASURED:
        broken = found.dtype.kind == "f" and bool((found != np.round(found)).any())
        if broken or counts.min() == 1:
            raise DataError(
                f"{where} is taken as the labels, and holds {len(values)} different numbers, such as {values[1]:g}, "
                f"which look like a measurement; {otherwise}"
            )
    alone = [str(v) for v in values[counts == 1] if str(v) not in spec.without]
    if alone and len(found) >= FEW:
        raise DataError(
            f'{where} is taken as the labels, and has a single row of "{alone[0]}"; {otherwise}, or leave such rows '
            f'out with without = ["{alone[0]}"]'
        )
    return found


def _own_index(table: pd.DataFrame) -> list[Note]:
    """A note on a frame's own index, which is no column, if it has one."""
    import pandas as pd

    index = table.index
    if isinstance(index, pd.RangeIndex):
        return []
    name = ", ".join(str(n) for n in index.names if n is not None)
    values = {"name": name or "index", "values": listed((str(v) for v in index[:6]), 3)}
    return [Note("frame_index", values, "reset_index()")]


def _index(where: str, table: pd.DataFrame, names: list[str], spec: DataSpec) -> tuple[set[int], list[Note]]:
    """The columns that number or name the rows, or that are empty, and notes on them."""
    aside: set[int] = set()
    notes: list[Note] = []
    if isinstance(spec.index, tuple):
        for wanted in spec.index:
            if wanted not in names:
                raise DataError(f"{where}: index: {unknown('column', wanted, names)}")
        aside = {i for i, name in enumerate(names) if name in spec.index}
    elif spec.index is None and names[0] == "" and len(names) > 1 and _numbers_rows(table.iloc[:, 0]):
        aside = {0}
        shown = listed((str(v) for v in table.iloc[:6, 0]), 3)
        notes = [Note("index", {"values": shown}, "index = false")]
    empty = [i for i, name in enumerate(names) if name == "" and i not in aside and table.iloc[:, i].isna().all()]
    if empty and len(empty) + len(aside) < len(names):
        aside |= {*empty}
        notes.append(Note("empty", {"count": len(empty)}))
    return aside, notes


def _numbers_rows(column: pd.Series[Any]) -> bool:
    """Whether a column has a different whole number or text for each row."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if column.isna().any() or is_bool_dtype(column) or not column.is_unique:
        return False
    return not is_numeric_dtype(column) or bool((column == column.round()).all())


def _named(names: list[str], aside: set[int], spec: DataSpec) -> tuple[list[str], list[Note]]:
    """A different name for each column, and notes on those without a name or with one that another has.

    Columns that could both be the labels keep their common name, so that they are refused.
    """
    found: list[str] = []
    again, nameless = [], []
    for i, name in enumerate(names):
        new = name or f"Unnamed: {i}"
        if name == "" and i not in aside:
            nameless.append(new)
        count = 0
        while new in found and not (spec.labels is None and is_label(name)):
            count += 1
            new = f"{name}.{count}"
        if count:
            again.append(new)
        found.append(new)
    notes = [Note("unnamed", {"names": listed(nameless)})] if nameless else []
    return found, notes + ([Note("again", {"names": listed(again)})] if again else [])


def _positions(where: str, names: list[str], kept: Sequence[int], spec: DataSpec) -> list[int]:
    found = []
    for wanted in spec.condition:
        if isinstance(wanted, int) and str(wanted) in names:
            wanted = str(wanted)
        available = [names[i] for i in kept]
        if not isinstance(wanted, str):
            raise DataError(f"{where}: condition: got {wanted}; allowed: names of columns, {', '.join(available)}")
        if wanted not in available:
            raise DataError(f"{where}: condition: {unknown('column', wanted, available)}")
        found.append(names.index(wanted))
    return found


def _label(where: str, names: list[str], free: Sequence[int], spec: DataSpec, y: object) -> int | None:
    """The position of the column of labels; None for none."""
    if spec.labels is False:
        return None
    if isinstance(spec.labels, str):
        if y is not None:
            raise DataError(f'{where}: got labels = "{spec.labels}" and labels beside the table; give one of them')
        available = [names[i] for i in free]
        if spec.labels not in available:
            raise DataError(f"{where}: labels: {unknown('column', spec.labels, available)}")
        return names.index(spec.labels)
    found = [i for i in free if is_label(names[i])] if y is None else []
    if len(found) > 1:
        first, second = (names[i] for i in found[:2])
        raise DataError(
            f'{where}: both "{first}" and "{second}" could be the labels; say which (labels = "{first}"), or rename or '
            "remove one"
        )
    return found[0] if found else None


def _missing(where: str, missing: NDArray[np.bool_], column: pd.Series[Any], remedy: str) -> str:
    return f"{where} has {missing.sum()} missing values, the first in row {missing.argmax() + 1}; {remedy}"


def _read(
    where: str, name: str, column: pd.Series[Any], spec: DataSpec, *, condition: bool
) -> tuple[NDArray[np.float64], DataColumn]:
    """The numbers of a column, or codes of its texts, shape (rows,), NaN for missing values."""
    from pandas.api.types import is_complex_dtype, is_numeric_dtype

    missing = np.asarray(column.isna())
    if missing.any() and (condition or spec.missing == "refuse"):
        # Conditions may never be missing, whatever the spec says.
        raise DataError(_missing(where, missing, column, "fill or remove them" if condition else REMEDY))
    if column.dtype == object:
        # True and False among missing values.
        column = column.convert_dtypes()
    values = np.full(len(column), np.nan)
    observed = column[~missing]
    numeric = is_numeric_dtype(column) and not is_complex_dtype(column)
    if numeric or (column.dtype != "category" and all(_is_real(v) for v in observed)):
        with np.errstate(over="ignore"):
            values[~missing] = (
                [float(v) for v in observed] if observed.dtype == object else observed.to_numpy(np.float64)
            )
        if condition and not np.isfinite(values).all():
            raise DataError(f"{where} holds infinite values; a condition is a finite number or a text")
        return values, DataColumn(name)
    distinct = _distinct(observed)
    dates = _are_dates(distinct)
    if dates or (not condition and spec.scale != "none"):
        raise DataError(
            f"{where} holds {'dates' if dates else _foreign(observed)}; allowed: numbers, and one column of labels "
            f'called {" or ".join(LABELS)}; convert it to numbers, remove it, or leave it out with index = "{name}"'
            + ("" if dates else ', or read text as categories with scale = "none"')
        )
    if not _is_text(distinct):
        raise DataError(
            f"{where} holds {_foreign(observed)}; allowed: numbers, or text of which nothing is a number (write "
            "numbers without units and signs for thousands); turn it into one of these, or remove it"
        )
    texts, codes = np.unique(np.array([str(v) for v in observed]), return_inverse=True)
    most = MOST_KINDS if condition else MOST_CATEGORIES
    if len(texts) > most:
        raise DataError(
            f"{where} holds {len(texts)} different texts; allowed: at most {most}; group or remove it, or leave it out "
            f'with index = "{name}"'
        )
    values[~missing] = codes.reshape(-1)
    return values, DataColumn(name, tuple(str(t) for t in texts))


def _row_names(name: str, values: NDArray[np.float64], column: DataColumn) -> list[Note]:
    """A note on a column that numbers or names its rows."""
    option = f'index = "{name}"'
    if len(values) < FEW:
        return []
    if column.categories:
        return [Note("distinct", {"name": name}, option)] if len(column.categories) == len(values) else []
    if (np.diff(values) == 1).all():
        return [Note("counter", {"name": name, "values": listed((f"{v:.15g}" for v in values[:4]), 3)}, option)]
    return []


def _is_real(value: object) -> bool:
    """Whether a value is a number, including Python's own kinds such as Decimal."""
    return isinstance(value, numbers.Real | Decimal | np.bool_)


def _distinct(observed: pd.Series[Any]) -> pd.Series[Any]:
    """The values that occur, each once if they can be compared."""
    try:
        return observed.drop_duplicates()
    except TypeError:
        return observed


def _is_text(observed: pd.Series[Any]) -> bool:
    if observed.dtype == "category":
        return True
    # Numbers with thousands separators or decimal commas would silently become categories.
    return all(isinstance(v, str) and not is_number(v) and not _FIGURE.fullmatch(v) for v in observed)


def _are_dates(observed: pd.Series[Any]) -> bool:
    import pandas as pd

    if observed.dtype == "category":
        observed = observed.cat.categories.to_series()
    kinds = (datetime.date, datetime.time, datetime.timedelta, pd.Period, np.datetime64)
    each = (isinstance(v, kinds) or (isinstance(v, str) and bool(_DATE.fullmatch(v))) for v in observed)
    return len(observed) > 0 and all(each)


def _foreign(observed: pd.Series[Any]) -> str:
    wrong = [v for v in observed if not (isinstance(v, str) and is_number(v))]
    return f'"{str(wrong[0])[:40]}"' if wrong else "numbers written as text"

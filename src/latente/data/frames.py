"""Tables of any library as plain columns, and back: NumPy arrays, lists, pandas, Polars and PyArrow.

pandas is read by its own means, every other library through narwhals. A column is read into one of five families,
and written back with the data type that it had.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.notes import listed
from latente.errors import DataError, unknown

FAMILIES = ("number", "boolean", "text", "date", "duration")
LIBRARIES = ("numpy", "pandas", "polars", "pyarrow")
MICROSECONDS = 86_400_000_000
"""In a day."""


@dataclass(frozen=True, repr=False)
class FrameColumn:
    """One column of a table.

    Attributes:
        name: what it is called; columns of an array are x0, x1, ….
        family: one of `FAMILIES`.
        values: shape (rows,). Numbers as float64; booleans as 0 and 1; dates as microseconds since 1970 (UTC) and
            durations in microseconds, float64 too; NaN where missing. Texts, and other values of categories, as
            objects, None where missing.
        dtype: the data type as its library writes it, for instance "int64", "Int64", "category".
        categories: those that the data type lists, in its order; empty if it lists none.
        ordered: whether they are in order by the data type.
    """

    name: str
    family: str
    values: NDArray[Any]
    dtype: str
    categories: tuple[Any, ...] = ()
    ordered: bool = False

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Where it has no value, shape (rows,)."""
        if self.values.dtype == object:
            return np.array([v is None for v in self.values], bool)
        return np.asarray(np.isnan(self.values))


@dataclass(frozen=True, repr=False)
class Frame:
    """A table as plain columns.

    Attributes:
        columns: in order.
        rows: how many.
        library: one of `LIBRARIES`, or the name that narwhals has for another.
        named: whether the columns had names of their own.
        index: the index of a pandas frame, else None.
    """

    columns: tuple[FrameColumn, ...]
    rows: int
    library: str
    named: bool
    index: Any = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(c.name for c in self.columns)


def library_of(table: Any) -> str:
    """One of `LIBRARIES` (or another that narwhals reads) for a frame, and "numpy" for anything else."""
    root = type(table).__module__.partition(".")[0]
    if root == "pandas" and hasattr(table, "columns"):
        return "pandas"
    if root == "numpy" or isinstance(table, list | tuple):
        return "numpy"
    import narwhals as nw

    found = nw.from_native(table, eager_only=True, pass_through=True)
    return str(found.implementation) if isinstance(found, nw.DataFrame) else "numpy"


def read_frame(table: Any) -> Frame:
    """Any table as plain columns.

    Args:
        table: a frame of pandas, Polars, PyArrow or another library that narwhals reads, or what becomes an array of
            shape (rows, columns). NaN, None, ``pd.NA`` and nulls are missing values.

    Raises:
        TypeError: a sparse matrix, or cells that are neither numbers nor texts.
        ValueError: no rows or columns, another number of axes, complex or infinite values.
        DataError: two columns of one name, or names that are not text.
    """
    if hasattr(table, "toarray") and hasattr(table, "nnz"):
        raise TypeError(
            "Sparse data was passed for X, but dense data is required. Use '.toarray()' to convert to a dense numpy "
            "array."
        )
    library = library_of(table)
    if library == "numpy":
        return _from_array(table)
    if library == "pandas":
        names, rows = list(table.columns), len(table)
        columns = [_pandas(_text_name(name, names), table.iloc[:, i]) for i, name in enumerate(names)]
        index = table.index
    else:
        import narwhals as nw

        frame = nw.from_native(table, eager_only=True)
        names, rows, index = list(frame.columns), len(frame), None
        columns = [_narwhals(name, frame[name]) for name in names]
    _check_size((rows, len(names)))
    again = sorted({c.name for c in columns if [d.name for d in columns].count(c.name) > 1})
    if again:
        raise DataError(f"X has more than one column called {listed(again)}; rename or remove them")
    for c in columns:
        _check_finite(c.values)
    return Frame(tuple(columns), rows, library, True, index)


def write_frame(columns: Sequence[FrameColumn], library: str, *, index: Any = None, dtype: str | None = None) -> Any:
    """Columns as a table of a library, each with its data type.

    Args:
        columns: at least one; a missing value in a column whose type has none makes it float64 (numbers) or object.
        library: "numpy", "pandas", "polars" or "pyarrow".
        index: of a pandas frame.
        dtype: of an array; by default that of the columns if they share one, else object, or float64 for numbers.

    Raises:
        DataError: an unknown library, or one that is not installed.
    """
    if library == "numpy":
        return _to_array(columns, dtype)
    if library == "pandas":
        import pandas as pd

        made = {c.name: _to_pandas(c) for c in columns}
        frame = pd.DataFrame(made)
        if index is not None:
            frame.index = index
        return frame
    if library not in LIBRARIES:
        raise DataError(unknown("kind of table", library, LIBRARIES))
    import narwhals as nw

    try:
        return nw.from_dict({c.name: _to_narwhals(c, library) for c in columns}).to_native()
    except ModuleNotFoundError as error:
        raise DataError(f"a table of {library} needs {library}; pip install {library}") from error


def _text_name(name: object, names: Sequence[object]) -> str:
    if isinstance(name, str):
        return name
    if any(isinstance(n, str) for n in names):
        kinds = sorted({type(n).__name__ for n in names})
        raise TypeError(
            "Feature names are only supported if all input features have string names, but your input has "
            f"{kinds} as feature name / column name types. If you want feature names to be stored and validated, you "
            "must convert them all to strings, by using X.columns = X.columns.astype(str) for example. Otherwise you "
            "can remove feature / column names from your input data, or convert them all to a non-string data type."
        )
    return str(name)


def _check_size(shape: tuple[int, int]) -> None:
    for count, what in zip(shape, ("sample", "feature"), strict=True):
        if count == 0:
            raise ValueError(f"Found array with 0 {what}(s) (shape={shape}) while a minimum of 1 is required.")


def _check_finite(values: NDArray[Any]) -> None:
    if values.dtype != object and np.isinf(values).any():
        raise ValueError("Input X contains infinity or a value too large for dtype('float64').")


def _from_array(table: Any) -> Frame:
    try:
        x = np.asarray(table)
    except ValueError as error:
        raise DataError(f"X is no table ({error}); allowed: rows of one length, or a frame") from error
    if x.dtype.kind == "O" and x.ndim == 2 and x.size and any(isinstance(v, complex) for v in x.ravel()):
        x = x.astype(complex)
    if x.dtype.kind == "c":
        raise ValueError(f"Complex data not supported\n{x}\n")
    if x.ndim == 1 or x.ndim == 0:
        reshape = "if your data has a single feature or array.reshape(1, -1) if it contains a single sample."
        kind = "1D" if x.ndim else "scalar"
        raise ValueError(
            f"Expected 2D array, got {kind} array instead:\narray={x}.\nReshape your data either using "
            f"array.reshape(-1, 1) {reshape}"
        )
    if x.ndim != 2:
        raise ValueError(f"Found array with dim {x.ndim}, while dim <= 2 is required.")
    _check_size(x.shape)
    dtype = str(x.dtype)
    columns = []
    if x.dtype.kind in "buif":
        wide = np.asarray(x, np.float64)
        _check_finite(wide)
        family = "boolean" if x.dtype.kind == "b" else "number"
        columns = [FrameColumn(f"x{i}", family, wide[:, i], dtype) for i in range(x.shape[1])]
    else:
        for i in range(x.shape[1]):
            columns.append(_of_array(f"x{i}", x[:, i]))
            _check_finite(columns[-1].values)
    return Frame(tuple(columns), len(x), "numpy", False)


def _of_array(name: str, values: NDArray[Any]) -> FrameColumn:
    if values.dtype.kind in "mM":
        return _times(name, values, str(values.dtype))
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    dtype = "object" if values.dtype.kind == "O" else "str"
    return _of_objects(name, values.astype(object), dtype)


def _times(name: str, values: NDArray[Any], dtype: str) -> FrameColumn:
    """Dates or durations from an array of datetime64 or timedelta64."""
    family = "date" if values.dtype.kind == "M" else "duration"
    unit: Any = "datetime64[us]" if family == "date" else "timedelta64[us]"
    missing = np.isnat(values)
    numbers = values.astype(unit).astype(np.int64).astype(np.float64)
    return FrameColumn(name, family, np.where(missing, np.nan, numbers), dtype)


def _of_objects(name: str, values: NDArray[Any], dtype: str) -> FrameColumn:
    """A column of Python's own values, by what they all are."""
    import pandas as pd

    missing = np.asarray(pd.isna(values))
    if missing.shape != values.shape:
        missing = np.zeros(values.shape, bool)
    kinds = {type(v) for v in values[~missing]}
    odd = [k for k in kinds if not issubclass(k, _PLAIN)]
    if odd:
        raise TypeError(
            f"column {name}: argument must be a string or a number (or a date), not {odd[0].__name__!r}; convert the "
            "column, or remove it"
        )
    if kinds and all(issubclass(k, bool | np.bool_) for k in kinds):
        return FrameColumn(name, "boolean", _floats(values, missing), dtype)
    if kinds and all(issubclass(k, _NUMBERS) for k in kinds):
        return FrameColumn(name, "number", _floats(values, missing), dtype)
    if kinds and all(issubclass(k, datetime.datetime | np.datetime64) for k in kinds):
        return _times(name, pd.to_datetime(pd.Series(values), utc=True).dt.tz_localize(None).to_numpy(), "object")
    if kinds and all(issubclass(k, datetime.date) for k in kinds):
        found = _times(name, np.array(np.where(missing, "NaT", values), "datetime64[D]"), "object")
        return FrameColumn(name, "date", found.values, "object date")
    if kinds and all(issubclass(k, datetime.timedelta | np.timedelta64) for k in kinds):
        return _times(name, pd.to_timedelta(pd.Series(values)).to_numpy(), "object")
    texts = values.copy()
    texts[missing] = None
    return FrameColumn(name, "text", texts, dtype)


_NUMBERS = (int, float, np.integer, np.floating, np.bool_, Decimal)
_PLAIN = (
    str, *_NUMBERS, datetime.date, datetime.timedelta, np.datetime64, np.timedelta64,
)  # fmt: skip


def _floats(values: NDArray[Any], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    found = np.full(len(values), np.nan)
    found[~missing] = [float(v) for v in values[~missing]]
    return found


def _pandas(name: str, series: Any) -> FrameColumn:
    import pandas as pd
    from pandas.api import types

    dtype = str(series.dtype)
    missing = np.asarray(series.isna())
    if isinstance(series.dtype, pd.CategoricalDtype):
        categories = [_scalar(v) for v in series.cat.categories]
        codes = series.cat.codes.to_numpy()
        table = np.empty(len(categories) + 1, object)
        table[: len(categories)], table[-1] = categories, None
        return FrameColumn(name, "text", table[codes], dtype, tuple(categories), bool(series.cat.ordered))
    if isinstance(series.dtype, pd.PeriodDtype):
        return _times(name, series.dt.to_timestamp().to_numpy(), dtype)
    if types.is_datetime64_any_dtype(series.dtype):
        plain = series.dt.tz_convert("UTC").dt.tz_localize(None) if series.dt.tz is not None else series
        return _times(name, plain.to_numpy("datetime64[us]"), dtype)
    if types.is_timedelta64_dtype(series.dtype):
        return _times(name, series.to_numpy("timedelta64[us]"), dtype)
    if types.is_complex_dtype(series.dtype):
        raise ValueError("Complex data not supported\n" + str(series.iloc[0]) + "\n")
    if types.is_bool_dtype(series.dtype) or types.is_numeric_dtype(series.dtype):
        family = "boolean" if types.is_bool_dtype(series.dtype) else "number"
        return FrameColumn(name, family, series.to_numpy(np.float64, na_value=np.nan), dtype)
    values = series.astype(object).to_numpy(object, copy=True)
    values[missing] = None
    return _of_objects(name, values, dtype)


def _scalar(value: Any) -> Any:
    """A category as what JSON can hold: a number, a truth value, or else a text."""
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, str | int | float | bool) else str(value)


def _narwhals(name: str, series: Any) -> FrameColumn:
    import narwhals as nw

    kind = series.dtype
    dtype = str(kind)
    if kind.is_numeric() and not kind.is_decimal():
        return FrameColumn(name, "number", np.asarray(series.cast(nw.Float64).to_numpy(), np.float64), dtype)
    if kind.is_decimal():
        return FrameColumn(name, "number", np.asarray(series.cast(nw.Float64).to_numpy(), np.float64), "Float64")
    if kind == nw.Boolean:
        return FrameColumn(name, "boolean", np.asarray(series.cast(nw.Float64).to_numpy(), np.float64), dtype)
    if kind == nw.Date or kind == nw.Datetime or kind == nw.Duration:
        if kind == nw.Datetime and kind.time_zone is not None:
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return _times(name, np.asarray(series.to_numpy()), dtype)
    values = np.empty(len(series), object)
    values[:] = series.to_list()
    if kind == nw.Enum or kind == nw.Categorical:
        listed_ = tuple(kind.categories) if kind == nw.Enum else ()
        return FrameColumn(name, "text", values, kind.__class__.__name__, listed_)
    return _of_objects(name, values, dtype)


def _to_array(columns: Sequence[FrameColumn], dtype: str | None) -> NDArray[Any]:
    numeric = all(c.family in ("number", "boolean") for c in columns)
    if dtype is None:
        found = {c.dtype for c in columns}
        dtype = found.pop() if len(found) == 1 else ("float64" if numeric else "object")
    if numeric and dtype != "object":
        x = np.stack([c.values for c in columns], axis=1)
        try:
            wanted = np.dtype(dtype)
        except TypeError:
            wanted = np.dtype(np.float64)
        return x if wanted.kind in "iub" and np.isnan(x).any() else x.astype(wanted)
    made = np.empty((len(columns[0].values), len(columns)), object)
    for i, c in enumerate(columns):
        made[:, i] = _objects(c)
    return made


def _objects(column: FrameColumn) -> NDArray[Any]:
    """The values of a column as Python's own, None where missing."""
    made = np.empty(len(column.values), object)
    missing = column.missing
    kept = column.values[~missing]
    if column.family == "boolean":
        found: list[Any] = [bool(v) for v in kept]
    elif column.family == "number":
        whole = bool((kept == np.round(kept)).all())
        found = [int(v) if whole else float(v) for v in kept]
    elif column.family == "date":
        start = datetime.datetime(1970, 1, 1)
        found = [start + datetime.timedelta(microseconds=int(v)) for v in kept]
        found = [v.date() for v in found] if column.dtype in ("object date", "Date") else found
    elif column.family == "duration":
        found = [datetime.timedelta(microseconds=int(v)) for v in kept]
    else:
        found = list(kept)
    made[~missing] = found
    return made


def _to_pandas(column: FrameColumn) -> Any:
    import pandas as pd

    dtype, values = column.dtype, column.values
    if column.family in ("number", "boolean"):
        return _numbers_to_pandas(column)
    if column.family == "text":
        if dtype in ("category", "Enum", "Categorical"):
            categories = column.categories or tuple(dict.fromkeys(v for v in values if v is not None))
            return pd.Series(pd.Categorical(values.tolist(), categories=categories, ordered=column.ordered))
        return _typed(pd.Series(values, dtype=object), dtype if dtype != "String" else "str")
    if dtype in ("object", "object date"):
        return pd.Series(_objects(column), dtype=object)
    missing = np.isnan(values)
    whole = np.where(missing, 0, values).astype(np.int64)
    plain: Any = whole.astype("datetime64[us]" if column.family == "date" else "timedelta64[us]")
    plain[missing] = "NaT"
    series: Any = pd.Series(plain)
    zone = _zone(dtype)
    if zone is not None:
        series = series.dt.tz_localize("UTC").dt.tz_convert(zone)
    if dtype.startswith("period["):
        return series.dt.to_period(dtype[len("period[") : -1])
    return _typed(series, dtype) if dtype[:1].islower() else series


def _numbers_to_pandas(column: FrameColumn) -> Any:
    """Numbers and truth values with their type, or the next that has missing values."""
    import pandas as pd

    dtype, values = column.dtype, column.values
    missing = np.isnan(values)
    series: Any = pd.Series(values)
    if dtype == "object":
        return pd.Series(_objects(column), dtype=object)
    plain = re.fullmatch(r"u?int\d+|bool", dtype)
    if plain and missing.any():
        return series if dtype != "bool" else pd.Series(_objects(column), dtype=object)
    if re.fullmatch(r"U?Int\d+", dtype):
        return _typed(series, dtype)
    if dtype in ("boolean", "Boolean"):
        return _typed(series, "boolean")
    if dtype.endswith("[pyarrow]"):
        whole = "int" in dtype or "bool" in dtype
        return _typed(series.astype("boolean" if "bool" in dtype else "Int64") if whole else series, dtype)
    return _typed(series, dtype)


def _typed(series: Any, dtype: str) -> Any:
    """A series with a type by its name; as it is if pandas has no such type."""
    try:
        return series.astype(dtype)
    except TypeError:
        return series


def _zone(dtype: str) -> str | None:
    """The time zone in the name of a type: "datetime64[us, UTC]", "Datetime(time_unit='us', time_zone='UTC')"."""
    found = re.fullmatch(r"datetime64\[\w+, (.+)\]|Datetime\(.*time_zone='(.+)'\)", dtype)
    return (found[1] or found[2]) if found else None


def _to_narwhals(column: FrameColumn, library: Any) -> Any:
    """A series of another library, with the type that the column's name means there."""
    import narwhals as nw

    wanted = _narwhals_type(column, library)
    if column.family == "text":
        values: Any = column.values.tolist()
        if any(v is not None and not isinstance(v, str) for v in values):
            values = [None if v is None else str(v) for v in values]
    elif column.family == "number" and not wanted.is_float():
        values = [None if np.isnan(v) else int(v) for v in column.values]
    elif column.family == "number":
        values = [None if np.isnan(v) else float(v) for v in column.values]
    else:
        values = _objects(column).tolist()
    zone = _zone(column.dtype) if column.family == "date" else None
    if zone is not None:
        bare = nw.new_series(column.name, values, nw.Datetime(wanted.time_unit), backend=library)
        return bare.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    if column.family == "text" and wanted in (nw.Enum, nw.Categorical) and library == "polars":
        return nw.new_series(column.name, values, nw.String, backend=library).cast(wanted)
    return nw.new_series(column.name, values, wanted, backend=library)


_NARWHALS = re.compile(r"U?Int(8|16|32|64)|Float(32|64)|Boolean|String|Date|Categorical|Object")
_UNITS: Mapping[str, str] = {"s": "ms", "ms": "ms", "us": "us", "ns": "ns"}


def _narwhals_type(column: FrameColumn, library: Any) -> Any:
    import narwhals as nw

    name = column.dtype.removesuffix("[pyarrow]")
    if column.family == "boolean":
        return nw.Boolean()
    if column.family == "number":
        title = name[:1].upper() + name[1:]
        title = "UInt" + title[4:] if title.lower().startswith("uint") else title
        found = getattr(nw, title)() if _NARWHALS.fullmatch(title) else nw.Float64()
        if not found.is_numeric():
            whole = column.values[~np.isnan(column.values)]
            found = nw.Int64() if bool((whole == np.round(whole)).all()) else nw.Float64()
        return found
    if column.family == "text":
        if column.categories and name in ("Enum", "category") and library != "pyarrow":
            return nw.Enum([str(c) for c in column.categories])
        return nw.Categorical() if name in ("Categorical", "category", "Enum") else nw.String()
    if name in ("Date", "object date"):
        return nw.Date()
    unit = re.search(r"\[(s|ms|us|ns)\b|time_unit='(\w+)'", name)
    unit_ = _UNITS[(unit[1] or unit[2])] if unit else "us"
    return nw.Datetime(unit_) if column.family == "date" else nw.Duration(unit_)  # type: ignore[arg-type]

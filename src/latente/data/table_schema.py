"""What the columns of a table are, learnt once: any library's table becomes numbers for a model, and numbers a table.

Estimators use this, so that nobody has to code columns by hand; `latente.data.tables` reads files as their options say.
"""

from __future__ import annotations

import dataclasses
import datetime
import math
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.conditions import moments
from latente.data.frames import (
    LIBRARIES,
    MICROSECONDS,
    Frame,
    FrameColumn,
    library_of,
    read_frame,
    write_frame,
)
from latente.data.notes import listed
from latente.data.precision import loses_precision
from latente.data.tables import FEW, MOST_CATEGORIES
from latente.data.transforms import HEAVY, Transform, choose_transform, kurtosis
from latente.errors import DataError, LatenteWarning, SpecError, unknown
from latente.language.message import Message, from_json, to_json
from latente.plain import printable
from latente.spec import Part

Floats = NDArray[np.float64]

KINDS = ("real", "positive", "count", "integer", "binary", "categorical", "ordinal", "date", "constant")
LEFT_OUT = "left out"
"""The kind of a column that a model never sees and that is not written back."""
FEW_NUMBERS = 20
"""With at most so many different numbers, each in ten rows on average, a column is ordinal."""
HIGHEST_COUNT = 1000
"""A column with a higher number is no count: its logarithm or its ranks say more."""
DECIMALS = 6
VERSION = 1
_ID = re.compile(r"(.*[_ .-])?(id|uuid|guid|index|key|row|nr|no)|.*Id|.*ID", re.IGNORECASE)
IDENTITY = Transform()
_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")


class DriftWarning(LatenteWarning):
    """A table differs from the one that its columns were learnt from."""


@dataclass(frozen=True)
class TableColumn:
    """What one column is.

    Attributes:
        name, family, dtype, categories, ordered: as of `latente.data.frames.FrameColumn`.
        kind: one of `KINDS`, or `LEFT_OUT`.
        why: what the values are, or why the column is left out.
        transform: from numbers (of dates and durations: microseconds) to what a model sees.
        levels: the values that codes 0, 1, … stand for, of "binary", "categorical" and "ordinal"; of "constant" the one
            value, if any; of "integer" those that occur, where they have gaps.
        low, high: the lowest and the highest number.
        step, decimals: numbers are ``low`` plus a multiple of ``step``, with so many decimals; 0 where they are not.
        format: how texts write dates; else empty.
        dispersed: whether counts vary more than a Poisson's.
        missing: the share of missing cells.
        kurtosis: of the numbers, which decided on the transform; 0 if none was considered.
    """

    name: str
    family: str
    dtype: str
    kind: str
    why: str
    categories: tuple[Any, ...] = ()
    ordered: bool = False
    transform: Transform = IDENTITY
    levels: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    decimals: int = 0
    format: str = ""
    dispersed: bool = False
    missing: float = 0.0
    kurtosis: float = 0.0

    @property
    def modelled(self) -> bool:
        """Whether a model sees it: it is neither constant nor left out."""
        return self.kind not in ("constant", LEFT_OUT)

    @property
    def coded(self) -> bool:
        """Whether a model sees a code 0, 1, … of each value."""
        return self.kind in ("binary", "categorical", "ordinal")

    @property
    def likelihood(self) -> str:
        """The column's entry in ``columns`` of the likelihood "mixed"."""
        if self.kind == "binary" or (self.coded and len(self.levels) == 2):
            return "binary"
        if self.coded:
            return f"{self.kind}:{len(self.levels)}"
        if self.kind == "count":
            return "count:negative-binomial" if self.dispersed else "count"
        return "real"

    @property
    def said(self) -> tuple[str, ...]:
        """What is worth saying of it: `why`, its transform, its missing cells."""
        found = [self.why]
        if self.transform.kind != "identity":
            heavy = Message("column.heavy", transform=self.transform.kind, kurtosis=self.kurtosis, most=HEAVY)
            found.append(heavy)
        if 0 < self.missing < 1:
            found.append(Message("column.holes", share=self.missing))
        return tuple(found)


@dataclass(frozen=True, repr=False)
class TableSchema:
    """The columns of a table, by which it becomes numbers for a model and numbers become a table.

    Attributes:
        columns: in the order of the table.
        library: of the table that it was learnt from, one of `latente.data.frames.LIBRARIES` or another's name.
        dtype: of the array that it was learnt from; empty for a frame.
        holes: whether a model also sees, and so learns, which cells are missing: after the other columns comes one of 0
            and 1 (missing) for each column that had missing cells.
    """

    columns: tuple[TableColumn, ...]
    library: str
    dtype: str = ""
    holes: bool = False

    def __repr__(self) -> str:
        kinds = [c.kind for c in self.columns]
        counts = ", ".join(f"{kinds.count(k)} {k}" for k in (*KINDS, LEFT_OUT) if k in kinds)
        return f"TableSchema({len(kinds)} columns of a table of {self.library}: {counts})"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns."""
        return tuple(c.name for c in self.columns)

    @property
    def modelled(self) -> tuple[TableColumn, ...]:
        """Those that a model sees: column j of what `encode` returns is ``modelled[j]``."""
        return (*self._own, *(_hole(c) for c in self._holed))

    @property
    def _own(self) -> tuple[TableColumn, ...]:
        return tuple(c for c in self.columns if c.modelled)

    @property
    def _holed(self) -> tuple[TableColumn, ...]:
        """The columns of which a model also sees whether cells are missing."""
        return tuple(c for c in self.columns if c.kind != LEFT_OUT and 0 < c.missing < 1) if self.holes else ()

    @property
    def missing(self) -> bool:
        """Whether any cell of a modelled column was missing."""
        return any(c.missing > 0 for c in self._own)

    def likelihood(self) -> Part:
        """The likelihood of the encoded columns: "mixed", which standardises numbers inside the model."""
        return {"name": "mixed", "columns": [c.likelihood for c in self.modelled]}

    def summary(self) -> list[tuple[str, str]]:
        """For each column its name, and its kind with the reason."""
        return [(c.name, f"{c.kind}: {'; '.join(c.said)}") for c in self.columns]

    def encode(self, table: Any, *, unseen: str = "missing") -> NDArray[np.float32]:
        """A table as numbers, shape (rows, len(modelled)), NaN for missing cells.

        Columns are matched by name, or by position if either table has no names. A text that `learn` did not see is
        taken as missing, a number that its column cannot hold (a negative count, a level that never occurred) as the
        nearest that it can. All such differences, of order and of data type, are told in one `DriftWarning`.

        Args:
            table: as `latente.data.frames.read_frame` takes it.
            unseen: "missing", or "error" to refuse what would be taken as missing or as the nearest.

        Raises:
            DataError: a column is not there, or holds what cannot be read as what it was; or something unseen.
            ValueError, TypeError: as `latente.data.frames.read_frame`.
        """
        if unseen not in ("missing", "error"):
            raise SpecError(unknown("option of unseen", unseen, ("missing", "error")))
        values, changes = self._encoded(read_frame(table))
        if changes and unseen == "error":
            odd = [c for c in changes if c.key in ("drift.unseen", "drift.nearest")]
            if odd:
                raise DataError(f'X: {odd[0]}; allowed: what fit saw; or say unseen = "missing"')
        if changes:
            warnings.warn(Message("drift.all", changes=tuple(changes)), DriftWarning, stacklevel=2)
        with np.errstate(over="ignore"):
            return np.clip(values, -_LARGEST, _LARGEST).astype(np.float32)

    def numbers(self, table: Any) -> Floats:
        """A table as `encode` gives it, but with numbers, dates and durations as they are, float64: see `FrameColumn`.

        Raises:
            DataError, ValueError, TypeError: as `encode`.
        """
        values, changes = self._encoded(read_frame(table), transformed=False)
        if changes:
            warnings.warn(Message("drift.all", changes=tuple(changes)), DriftWarning, stacklevel=2)
        return values

    def drift(self, table: Any) -> tuple[str, ...]:
        """How a table differs from that of `learn`, a message each; see `encode`, which raises the same errors."""
        return tuple(self._encoded(read_frame(table))[1])

    def decode(self, values: NDArray[np.floating], like: Any = None, *, snap: bool = True, index: Any = None) -> Any:
        """Numbers as a table of the columns learnt, with their data types, categories and bounds.

        Constant columns have their value. Columns left out are not in a frame; in an array they are missing, so that
        the others keep their places.

        Args:
            values: what a model sees, or its means, shape (rows, len(modelled)); NaN becomes missing.
            like: "numpy", "pandas", "polars" or "pyarrow", or a table of such a kind, whose index a pandas frame gets
                if it has as many rows; by default the kind of table that was learnt.
            snap: numbers go to the nearest that the column can hold: within its bounds, whole, a level that occurs. If
                not, numbers stay as they are, float64 (those that were transformed within their bounds), and only
                categories are what they were.
            index: of a pandas frame.

        Raises:
            DataError: another shape, or an unknown kind of table.
        """
        given: Floats = np.asarray(values, np.float64)
        modelled = self.modelled
        if given.ndim != 2 or given.shape[1] != len(modelled):
            raise DataError(
                f"values: got shape {given.shape}; allowed: (rows, {len(modelled)}), a number for each column of the "
                "model"
            )
        if like is None:
            library = self.library if self.library in LIBRARIES else "pandas"
        else:
            library = like if isinstance(like, str) else library_of(like)
            index = getattr(like, "index", None) if index is None and library == "pandas" else index
        index = index if index is not None and hasattr(index, "__len__") and len(index) == len(given) else None
        where = {c.name: j for j, c in enumerate(self._own)}
        gone = {c.name: given[:, len(where) + j] >= 0.5 for j, c in enumerate(self._holed)}
        made = []
        for c in self.columns:
            if c.kind == LEFT_OUT and library != "numpy":
                continue
            column = _decoded(c, given[:, where[c.name]] if c.modelled else None, len(given), snap)
            made.append(_without(column, gone[c.name]) if c.name in gone else column)
        if not snap and library == "numpy" and all(c.family in ("number", "boolean") for c in made):
            return write_frame(made, library, dtype="float64")
        return write_frame(made, library, index=index, dtype=(self.dtype or None) if library == "numpy" else None)

    def code(self, name: str, value: Any) -> float:
        """What a model sees of one value of a column.

        Raises:
            DataError: an unknown column, or a value that it cannot have.
        """
        return self._cell(name, value, transformed=True)

    def number(self, name: str, value: Any) -> float:
        """As `code`, but numbers, dates and durations as `numbers` gives them; any number will do."""
        return self._cell(name, value, transformed=False)

    def _cell(self, name: str, value: Any, *, transformed: bool) -> float:
        column = next((c for c in self._own if c.name == name), None)
        if column is None:
            raise DataError(unknown("column", name, [c.name for c in self._own]))
        cell = np.empty((1, 1), object)
        cell[0, 0] = value
        values, changes = _encoded(column, read_frame(cell).columns[0], transformed)
        odd = [c for c in changes if c.key in ("drift.unseen", "drift.nearest")]
        if odd and (transformed or column.coded):
            if column.coded:
                raise DataError(unknown(f"value of {name}", value, [_shown(column, v) for v in column.levels]))
            raise DataError(f"{name}: got {value!r}; allowed: {'; '.join(column.said)}")
        return float(values[0])

    def snapped(self, values: NDArray[np.floating]) -> Floats:
        """Numbers as `numbers` gives them, of what a model sees, each the nearest that its column can hold.

        Args:
            values: shape (rows, len(modelled)).
        """
        given: Floats = np.asarray(values, np.float64)
        return np.stack([_snapped(c, given[:, j]) for j, c in enumerate(self.modelled)], axis=1)

    def table(self) -> dict[str, Any]:
        """The schema as plain values for JSON."""
        columns = []
        for c in self.columns:
            plain = {f.name: getattr(c, f.name) for f in dataclasses.fields(c)}
            plain["why"] = to_json(c.why)
            plain["transform"] = {k: v for k, v in dataclasses.asdict(c.transform).items() if v != _DEFAULTS[k]}
            columns.append({k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()})
        plain = {"version": VERSION, "library": self.library, "dtype": self.dtype, "columns": columns}
        return plain | ({"holes": True} if self.holes else {})

    @classmethod
    def from_table(cls, table: Any) -> TableSchema:
        """What `table` returned.

        Raises:
            DataError: it is no such table.
        """
        try:
            if table["version"] != VERSION:
                raise DataError(f"the columns are of version {table['version']}; allowed: {VERSION}; update latente")
            columns = tuple(_column(c) for c in table["columns"])
            return cls(columns, str(table["library"]), str(table["dtype"]), bool(table.get("holes", False)))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"the columns of a table are damaged ({error}); fit again, or take another copy") from error

    def _encoded(self, frame: Frame, *, transformed: bool = True) -> tuple[Floats, list[Message]]:
        found, changes = self._matched(frame)
        values: dict[str, Floats] = {}
        for c in self.columns:
            if c.kind != LEFT_OUT:
                values[c.name], more = _encoded(c, found[c.name], transformed)
                changes += more
        columns = [values[c.name] for c in self._own]
        columns += [np.isnan(values[c.name]).astype(np.float64) for c in self._holed]
        return np.stack(columns, axis=1), changes

    def _matched(self, frame: Frame) -> tuple[dict[str, FrameColumn], list[Message]]:
        if not frame.named or self.library == "numpy":
            if len(frame.columns) != len(self.columns):
                raise DataError(
                    f"X has {len(frame.columns)} features, but {len(self.columns)} are expected: {listed(self.names)}"
                )
            return dict(zip(self.names, frame.columns, strict=True)), []
        found = {c.name: c for c in frame.columns}
        needed = [c.name for c in self.columns if c.kind != LEFT_OUT]
        lacking = [name for name in needed if name not in found]
        if lacking:
            raise DataError(f"X lacks columns that fit saw: {listed(lacking)}; it has {listed(frame.names)}")
        changes: list[Message] = []
        known = [name for name in frame.names if name in self.names]
        if known != [name for name in self.names if name in found]:
            changes.append(Message("drift.order", names=listed(known)))
        extra = [name for name in frame.names if name not in self.names]
        if extra:
            changes.append(Message("drift.extra", names=listed(extra)))
        return found, changes


def _hole(column: TableColumn) -> TableColumn:
    why = Message("column.hole", share=column.missing)
    return TableColumn(f"{column.name} is missing", "boolean", "bool", "binary", why, levels=(0.0, 1.0))


def _without(column: FrameColumn, gone: NDArray[np.bool_]) -> FrameColumn:
    """A column with more cells missing."""
    values = column.values.copy()
    values[gone] = None if values.dtype == object else np.nan
    return dataclasses.replace(column, values=values)


_LARGEST = float(np.finfo(np.float32).max)
_DEFAULTS = dataclasses.asdict(Transform()) | {"kind": ""}


def learn(table: Any, *, kinds: Mapping[str, str] | None = None, ignore: Sequence[str] | str = ()) -> TableSchema:
    """What the columns of a table are.

    By these rules, the first that applies to the values observed:

    - none, or one value: "constant";
    - truth values, or two different values: "binary";
    - texts, all different or more than half of them: left out; of an ordered type "ordinal", dates in ISO's or another
      plain form "date", else "categorical";
    - dates and durations: "date";
    - whole numbers of a frame that count the rows, in any order, or all different under a name like id: left out;
    - at most `FEW_NUMBERS` different numbers, each in ten rows on average: "ordinal";
    - whole numbers from 0 to at most `HIGHEST_COUNT`, with 0 within two standard deviations of the mean: "count";
    - other whole numbers "integer", numbers above 0 "positive", others "real"; each of these three with the transform
      that `latente.data.transforms.choose_transform` finds.

    Args:
        table: as `latente.data.frames.read_frame` takes it; at least two rows.
        kinds: of columns by name, where the rules would say otherwise.
        ignore: names of columns to leave out.

    Raises:
        DataError: an unknown column or kind, a kind that the values do not fit, or no column is left.
        ValueError, TypeError: as `latente.data.frames.read_frame`.
    """
    frame = read_frame(table)
    if frame.rows < 2:
        raise DataError("Found array with n_samples=1, while a minimum of 2 is required to learn from a table")
    ignore = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    kinds = dict(kinds or {})
    for name in (*kinds, *ignore):
        if name not in frame.names:
            raise DataError(unknown("column", name, frame.names))
    for name, kind in kinds.items():
        if kind not in KINDS:
            raise DataError(unknown(f'kind of column "{name}"', kind, KINDS))
    columns = tuple(_learnt(c, kinds.get(c.name), c.name in ignore, frame) for c in frame.columns)
    schema = TableSchema(columns, frame.library, "" if frame.named else _dtype_of(table, frame))
    if not schema.modelled:
        said = listed(f"{c.name} ({c.why})" for c in columns)
        raise DataError(f"no column is left to learn from: {said}; give more columns or rows, or say what they are")
    return schema


def _dtype_of(table: Any, frame: Frame) -> str:
    found = str(getattr(table, "dtype", ""))
    return found or frame.columns[0].dtype


def _learnt(column: FrameColumn, kind: str | None, ignored: bool, frame: Frame) -> TableColumn:
    missing = column.missing
    base = TableColumn(
        column.name, column.family, column.dtype, LEFT_OUT, "", column.categories, column.ordered,
        missing=float(missing.mean()),
    )  # fmt: skip
    if ignored:
        return _with(base, why=Message("column.ignored"))
    observed = column.values[~missing]
    if not len(observed):
        return _with(base, kind="constant", why=Message("column.empty"))
    if column.family == "text":
        return _texts(base, observed, kind)
    if column.family == "boolean":
        return _numbers(_with(base), observed, kind or ("binary" if len(np.unique(observed)) == 2 else None), frame)
    return _numbers(base, observed, kind, frame)


def _with(column: TableColumn, **changes: Any) -> TableColumn:
    return dataclasses.replace(column, **changes)


def _texts(base: TableColumn, observed: NDArray[Any], kind: str | None) -> TableColumn:
    import pandas as pd

    levels = _sorted(pd.unique(observed))
    if base.categories:
        occurring = {_key(v) for v in levels}
        levels = [c for c in base.categories if _key(c) in occurring]
    count, rows = len(levels), len(observed)
    shown = listed(map(str, levels))
    if kind in ("real", "positive", "count", "integer"):
        raise DataError(f'column "{base.name}": got kind "{kind}" for texts, {shown}; convert it to numbers')
    if kind == "constant" or (kind is None and count == 1):
        if count > 1:
            raise DataError(f'column "{base.name}": got kind "constant" for {count} different values')
        return _with(base, kind="constant", why=Message("column.constant", values=shown), levels=tuple(levels))
    if kind in (None, "date") and not base.categories and (form := _date_format(levels)):
        dates = _parse(observed, form)
        made = _numbers(_with(base, family="date"), dates, kind, None)
        return _with(made, family="text", format=form) if made.kind == "date" else _with(made, family="text")
    if kind == "date":
        raise DataError(
            f'column "{base.name}": got kind "date" for texts such as "{levels[0]}"; allowed: dates written like '
            "2024-12-31, or a column of dates, as pandas.to_datetime makes it"
        )
    if kind == "binary" or (kind is None and count == 2):
        if count != 2:
            raise DataError(f'column "{base.name}": got kind "binary" for {count} different values; allowed: two')
        return _with(base, kind="binary", why=Message("column.two", values=shown), levels=tuple(levels))
    if kind == "ordinal" and not base.categories:
        raise DataError(
            f'column "{base.name}": got kind "ordinal" for texts, whose order is not known; give it an ordered '
            "categorical type (pandas.Categorical(…, ordered=True))"
        )
    if kind is None and count == rows and rows >= FEW:
        return _with(base, why=Message("column.names", count=count, rows=rows))
    if kind is None and (count > MOST_CATEGORIES or (count > rows / 2 and rows >= FEW)):
        return _with(base, why=Message("column.many", count=count, rows=rows))
    if kind == "ordinal" or (kind is None and base.ordered):
        return _with(
            base, kind="ordinal", why=Message("column.ordered", count=count, values=shown), levels=tuple(levels)
        )
    return _with(base, kind="categorical", why=Message("column.texts", count=count, values=shown), levels=tuple(levels))


def _numbers(base: TableColumn, observed: Floats, kind: str | None, frame: Frame | None) -> TableColumn:
    levels, counts = np.unique(observed, return_counts=True)
    low, high, rows = float(levels[0]), float(levels[-1]), len(observed)
    base = _with(base, low=low, high=high)
    boolean, time = base.family == "boolean", base.family in ("date", "duration")
    shown = listed(_shown(base, v) for v in levels)
    if kind == "constant" and len(levels) > 1:
        raise DataError(f'column "{base.name}": got kind "constant" for {len(levels)} different values')
    if len(levels) == 1 and kind in (None, "constant", "date"):
        return _with(base, kind="constant", why=Message("column.constant", values=shown), levels=(low,))
    whole = bool((levels == np.round(levels)).all())
    if kind is None and not time:
        kind, reason = _kind_of(base.name, levels, counts, whole, rows, frame)
        if kind == LEFT_OUT:
            return _with(base, why=reason)
    if time:
        if kind not in (None, "date"):
            raise DataError(f'column "{base.name}": got kind "{kind}" for dates; allowed: date')
        kind = "date"
    elif kind == "date":
        raise DataError(f'column "{base.name}": got kind "date" for numbers; convert it, as with pandas.to_datetime')
    if kind == "binary" and len(levels) > 2:
        raise DataError(f'column "{base.name}": got kind "binary" for {len(levels)} different values; allowed: two')
    if kind in ("binary", "categorical", "ordinal"):
        if len(levels) > MOST_CATEGORIES:
            raise DataError(
                f'column "{base.name}": got kind "{kind}" for {len(levels)} different numbers; allowed: at most '
                f"{MOST_CATEGORIES}"
            )
        key = "two" if len(levels) == 2 else "few"
        values: tuple[Any, ...] = (0.0, 1.0) if boolean else tuple(float(v) for v in levels)
        return _with(base, kind=kind, why=Message(f"column.{key}", count=len(levels), values=shown), levels=values)
    if kind in ("count", "integer") and not whole:
        broken = float(levels[levels != np.round(levels)][0])
        raise DataError(f'column "{base.name}": got kind "{kind}" for numbers such as {broken:g}; allowed: whole ones')
    if kind in ("count", "positive") and low < (0 if kind == "count" else np.nextafter(0, 1)):
        least = "at least 0" if kind == "count" else "above 0"
        raise DataError(f'column "{base.name}": got kind "{kind}" for numbers from {low:g}; allowed: {least}')
    if kind == "count":
        mean, sd = moments(observed)
        reason = Message("column.counts", low=low, high=high)
        return _with(base, kind=kind, why=reason, step=1.0, dispersed=sd**2 > mean)
    assert kind is not None
    step, decimals = _grid(levels, base.dtype, time)
    gaps: tuple[float, ...] = ()
    if kind == "integer" and step == 1 and len(levels) < high - low + 1 and _repeats(levels, rows, MOST_CATEGORIES):
        gaps = tuple(float(v) for v in levels)
    transform = choose_transform(observed)
    steepness = kurtosis(observed)
    if transform.kind == "identity" and (time or bool(loses_precision(levels[:, None])[0])):
        mean, sd = moments(observed)
        transform = Transform("identity", mean, sd)
    return _with(
        base, kind=kind, why=_range(base, kind, low, high, len(gaps)), transform=transform, step=step,
        decimals=decimals, levels=gaps, kurtosis=steepness,
    )  # fmt: skip


def _range(base: TableColumn, kind: str, low: float, high: float, gaps: int) -> str:
    if base.family == "date":
        return Message("column.dates", low=_shown(base, low), high=_shown(base, high))
    if base.family == "duration":
        return Message("column.durations", low=low / MICROSECONDS, high=high / MICROSECONDS)
    if gaps:
        return Message("column.gaps", low=low, high=high, count=gaps)
    key = {"integer": "whole", "positive": "above"}.get(kind, "numbers")
    return Message(f"column.{key}", low=low, high=high)


def _kind_of(
    name: str, levels: Floats, counts: NDArray[np.int64], whole: bool, rows: int, frame: Frame | None
) -> tuple[str, str]:
    low, high = float(levels[0]), float(levels[-1])
    if len(levels) == 2 and (whole or rows >= FEW):
        return "binary", ""
    named = frame is not None and frame.named
    if named and whole and len(levels) == rows >= FEW and frame is not None and rows == frame.rows:
        if high - low == rows - 1:
            return LEFT_OUT, Message("column.numbering")
        if _ID.fullmatch(name):
            return LEFT_OUT, Message("column.called", name=name)
    if _repeats(levels, rows, FEW_NUMBERS):
        return "ordinal", ""
    if not whole:
        return ("positive" if low > 0 else "real"), ""
    mean, sd = moments(np.repeat(levels, counts))
    if low >= 0 and high <= HIGHEST_COUNT and mean - 2 * sd <= 0:
        return "count", ""
    return "integer", ""


def _repeats(levels: Floats, rows: int, most: int) -> bool:
    return len(levels) <= most and rows >= FEW * len(levels)


def _grid(levels: Floats, dtype: str, time: bool) -> tuple[float, int]:
    """The step of which all differences of numbers are multiples, and their decimals; (0, 0) if there is none."""
    for decimals in range(1 if time else DECIMALS + 1):
        if np.abs(levels).max() * 10**decimals > 2**53:
            return 0.0, 0
        rounded = np.round(levels, decimals)
        if "32" in dtype and dtype.lower().startswith("float"):
            rounded = rounded.astype(np.float32).astype(np.float64)
        if (rounded == levels).all():
            units = np.round(levels * 10**decimals).astype(np.int64)
            step = int(np.gcd.reduce(np.diff(units)))
            # A step that a few numbers share may be chance; dates lie on whole days, hours, minutes, seconds.
            if time:
                step = max(s for s in _TIMES if step % s == 0)
            elif len(levels) < FEW:
                step = 1
            return step / 10**decimals, decimals
    return 0.0, 0


_TIMES = (1, 1000, 1_000_000, 60_000_000, 3_600_000_000, MICROSECONDS)


def _encoded(c: TableColumn, column: FrameColumn, transformed: bool) -> tuple[Floats, list[Message]]:
    """What a model sees of a column, shape (rows,), and how it differs from the one learnt."""
    changes: list[Message] = []
    if c.coded or c.kind == "constant":
        return _codes(c, column)
    numbers, changed = _as_numbers(c, column)
    changes += changed
    if c.kind == "count":
        fits = np.maximum(np.round(numbers), 0)
        odd = ~np.isnan(numbers) & (fits != numbers)
        if odd.any():
            changes.append(_change("nearest", c, numbers[odd]))
        numbers = fits
    return c.transform.forward(numbers) if transformed else numbers, changes


def _change(key: str, c: TableColumn, odd: Iterable[Any]) -> Message:
    cells = [*odd]
    values = {"before": _shown(c, c.levels[0])} if key == "constant" and c.levels else {}
    if key == "constant" and not c.levels:
        values = {"before": "NaN"}
    different = dict.fromkeys(_shown(c, v) if c.family != "text" or c.format else str(v) for v in cells)
    return Message(f"drift.{key}", name=c.name, count=len(cells), values=listed(different), **values)


def _as_numbers(c: TableColumn, column: FrameColumn) -> tuple[Floats, list[Message]]:
    """A column as numbers, whatever its type is now, if that can be done without a guess."""
    numeric = ("number", "boolean")
    family = "date" if c.format else c.family
    if column.family == family or (family in numeric and column.family in numeric):
        return column.values, []
    missing = column.missing
    if missing.all():
        return np.full(len(missing), np.nan), []
    changes = [] if c.format and column.family == "text" else [
        Message("drift.type", name=c.name, before=c.dtype, now=column.dtype)
    ]  # fmt: skip
    found = np.full(len(missing), np.nan)
    try:
        if column.family != "text":
            raise ValueError(f"{column.family}s")
        kept = column.values[~missing]
        if family == "date":
            found[~missing] = _parse(kept, c.format or _date_format([str(v) for v in kept]) or _FORMATS[0])
        else:
            found[~missing] = [float(v) for v in kept]
            if not np.isfinite(found[~missing]).all():
                raise ValueError("infinite values")
    except ValueError as error:
        raise DataError(
            f'column "{c.name}" was {c.dtype} ({c.kind}) and is {column.dtype} now, which cannot be read as that '
            f"({error}); convert it"
        ) from error
    return found, changes


def _codes(c: TableColumn, column: FrameColumn) -> tuple[Floats, list[Message]]:
    """The place of each value among the levels; unseen texts are missing, unseen numbers the nearest level."""
    import pandas as pd

    missing = column.missing
    if c.family != "text":
        numbers, changes = _as_numbers(c, column)
        if c.kind == "constant":
            odd = ~np.isnan(numbers) & ((numbers != c.levels[0]) if c.levels else True)
            return numbers, [*changes, *([_change("constant", c, numbers[odd])] if odd.any() else [])]
        levels = np.asarray(c.levels, np.float64)
        if c.kind == "categorical":
            nearest = np.clip(np.searchsorted(levels, numbers), 0, len(levels) - 1)
            odd = ~np.isnan(numbers) & (levels[nearest] != numbers)
            place: Floats = np.where(np.isnan(numbers) | odd, np.nan, nearest)
            return place, [*changes, *([_change("unseen", c, numbers[odd])] if odd.any() else [])]
        middles = (levels[1:] + levels[:-1]) / 2
        place = np.asarray(np.searchsorted(middles, numbers, side="left"), np.float64)
        place[np.isnan(numbers)] = np.nan
        odd = ~np.isnan(numbers) & (levels[np.where(np.isnan(place), 0, place).astype(np.intp)] != numbers)
        return place, [*changes, *([_change("nearest", c, numbers[odd])] if odd.any() else [])]
    changes = []
    values = column.values
    if column.family != "text":
        changes.append(Message("drift.type", name=c.name, before=c.dtype, now=column.dtype))
        values = np.array([None if m else _shown_as(column, v) for v, m in zip(values, missing, strict=True)], object)
    where = {_key(v): float(i) for i, v in enumerate(c.levels)}
    codes, different = pd.factorize(values)
    found = np.array([*(where.get(_key(v), np.nan) for v in different), np.nan])[codes]
    odd = np.isnan(found) & ~missing
    if odd.any():
        changes.append(_change("constant" if c.kind == "constant" else "unseen", c, values[odd]))
    return found, changes


def _decoded(c: TableColumn, values: Floats | None, rows: int, snap: bool) -> FrameColumn:
    """A column of a table from what a model sees of it; None for one that it does not see."""
    family = c.family
    if values is None:
        level = c.levels[0] if c.kind == "constant" and c.levels else None
        if family == "text":
            return _column_of(c, np.full(rows, level, object))
        return _column_of(c, np.full(rows, np.nan if level is None else level, np.float64))
    missing = np.isnan(values)
    if c.coded:
        codes = np.where(missing, 0, np.clip(np.round(values), 0, len(c.levels) - 1)).astype(np.intp)
        if family == "text":
            levels = np.empty(len(c.levels), object)
            levels[:] = c.levels
            found: NDArray[Any] = levels[codes]
            found[missing] = None
            return _column_of(c, found)
        numbers = np.asarray(c.levels, np.float64)
        if not snap and c.kind != "categorical":
            between = np.interp(np.where(missing, 0, values), np.arange(len(numbers)), numbers)
            return FrameColumn(c.name, "number", np.where(missing, np.nan, between), "float64")
        return _column_of(c, np.where(missing, np.nan, numbers[codes]))
    if not snap and family == "number":
        return FrameColumn(c.name, "number", _backward(c, values), "float64")
    found = _snapped(c, values)
    if c.format:
        return _column_of(c, _written(found, c.format))
    return _column_of(c, found)


def _backward(c: TableColumn, values: Floats) -> Floats:
    if c.transform.kind != "identity":
        values = np.clip(values, *c.transform.forward(np.array([c.low, c.high])))
    return c.transform.backward(values)


def _snapped(c: TableColumn, values: Floats) -> Floats:
    """Codes, or numbers that the column can hold."""
    if c.coded:
        return np.clip(np.round(values), 0, len(c.levels) - 1)
    found = _backward(c, values)
    return _on_grid(c, np.clip(np.round(found) if c.kind == "count" else found, c.low, c.high))


def _on_grid(c: TableColumn, numbers: Floats) -> Floats:
    if c.levels:
        levels = np.asarray(c.levels, np.float64)
        place = np.searchsorted((levels[1:] + levels[:-1]) / 2, np.where(np.isnan(numbers), 0, numbers))
        return np.where(np.isnan(numbers), np.nan, levels[place])
    if c.step:
        return np.round(c.low + np.round((numbers - c.low) / c.step) * c.step, c.decimals)
    return numbers


def _column_of(c: TableColumn, values: NDArray[Any]) -> FrameColumn:
    return FrameColumn(c.name, c.family, values, c.dtype, c.categories, c.ordered)


def _sorted(values: Iterable[Any]) -> list[Any]:
    """Values in order; of different types, by their texts."""
    return sorted((_plain(v) for v in values), key=lambda v: (not isinstance(v, int | float), str(type(v)), v))


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, str | int | float | bool) else str(value)


def _key(value: Any) -> tuple[bool, Any]:
    """Values that are equal and of one sort have one key: 1 and 1.0, but not 1 and "1"."""
    value = _plain(value)
    return isinstance(value, str), value


def _shown(c: TableColumn, value: Any) -> str:
    if c.family == "text" and not c.format:
        return str(value)
    return _shown_as(FrameColumn(c.name, "date" if c.format else c.family, np.array([value]), c.dtype), value)


def _shown_as(column: FrameColumn, value: Any) -> str:
    if column.family == "boolean":
        return str(bool(value))
    if column.family == "date":
        when = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=float(value))
        return str(when if when.time() != datetime.time() else when.date())
    if column.family == "duration":
        return str(datetime.timedelta(microseconds=float(value)))
    return f"{value:.15g}"


def _date_format(levels: Sequence[Any]) -> str:
    """The form in which all texts are dates; empty if there is none."""
    for form in _FORMATS:
        try:
            for level in levels:
                if not isinstance(level, str):
                    return ""
                if datetime.datetime.strptime(level, form).strftime(form) != level:
                    raise ValueError
        except ValueError:
            continue
        return form
    return ""


def _parse(texts: NDArray[Any], form: str) -> Floats:
    """Dates written in a form, in microseconds since 1970.

    Raises:
        ValueError: a text that is none.
    """
    import pandas as pd

    dates = pd.to_datetime(pd.Series(texts), format=form)
    return dates.to_numpy("datetime64[us]").astype(np.int64).astype(np.float64)


def _written(numbers: Floats, form: str) -> NDArray[Any]:
    start = datetime.datetime(1970, 1, 1)
    made = [None if math.isnan(v) else (start + datetime.timedelta(microseconds=v)).strftime(form) for v in numbers]
    found = np.empty(len(made), object)
    found[:] = made
    return found


def _column(table: Mapping[str, Any]) -> TableColumn:
    fields = {f.name for f in dataclasses.fields(TableColumn)}
    odd = set(table) - fields
    if odd or table["kind"] not in (*KINDS, LEFT_OUT):
        raise ValueError(printable(str(sorted(odd) or table["kind"])))
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    shape: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table["transform"].items()}
    fitted: dict[str, Any] = values | {"why": from_json(table["why"]), "transform": Transform(**shape)}
    return TableColumn(**fitted)

"""What every reader of data returns: arrays as they were read, checked but not yet split or scaled."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.notes import Note
from latente.data.precision import loses_precision
from latente.errors import DataError, unknown
from latente.plain import one_line, printable

MINUS_ONE = "-1"
"""A label that elsewhere often means "unlabelled"; here it is a label like any other."""
REMEDY = (
    "fill or remove them (for instance with pandas' fillna or dropna), or keep what is missing, as NaN, with "
    'missing = "keep"'
)


@dataclass(frozen=True)
class Factor:
    """A factor of variation whose value is known for each example.

    Attributes:
        name: what it is called, for instance "rotation".
        values: what its codes 0, 1, ... stand for: numbers in order, or names.
    """

    name: str
    values: tuple[float, ...] | tuple[str, ...]

    @property
    def categorical(self) -> bool:
        """Whether its values are names, without order."""
        return isinstance(self.values[0], str)


@dataclass(frozen=True)
class DataColumn:
    """One column of a table.

    Attributes:
        name: what it is called.
        categories: the texts that its codes 0, 1, ... stand for; empty for a column of numbers.
    """

    name: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Source:
    """Examples as they were read.

    Attributes:
        name: what the source is called in reports.
        x: examples, shape (n, *shape); uint8, or else float32, with NaN for missing values; float64 where float32
            would lose too much (see `latente.data.precision.loses_precision`).
        y: labels, shape (n,), int64 in 0..len(classes)-1; or None.
        x_test, y_test: the source's own test part, or None where it has none.
        classes: the labels' names, in label order; empty without labels.
        maximum: the value that stands for 1.0 where x is uint8 (255 for images, 16 for the 8×8 digits).
        factors, factors_test: codes of each example's factors of variation, shape (n, number of factors), int64,
            column j in 0..len(known[j].values)-1; None where they are not known.
        known: the factors, in the order of those columns; empty where they are not known.
        features: the columns of x; empty if x is no table, or a table without column names.
        context, context_test: the values to condition on, shape (n, number of columns), float64, codes for texts;
            None without conditions.
        context_columns: the columns of ``context``.
        notes: what was decided or skipped in reading.
        weight: how much each example of x counts in training, shape (n,), float32, above zero; None: all alike.
        group: which examples of x belong together, shape (n,), int64, each group of one label: a split keeps a group
            whole in one part, for its examples share what would leak (pixels, a person); None: each stands alone.
        credit: where the data comes from and its licence, where that must be said; or empty.
    """

    name: str
    x: NDArray[np.generic]
    y: NDArray[np.int64] | None = None
    x_test: NDArray[np.generic] | None = None
    y_test: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    maximum: float = 255.0
    factors: NDArray[np.int64] | None = None
    factors_test: NDArray[np.int64] | None = None
    known: tuple[Factor, ...] = ()
    features: tuple[DataColumn, ...] = ()
    context: NDArray[np.float64] | None = None
    context_test: NDArray[np.float64] | None = None
    context_columns: tuple[DataColumn, ...] = ()
    notes: tuple[Note, ...] = ()
    weight: NDArray[np.float32] | None = None
    group: NDArray[np.int64] | None = None
    credit: str = ""

    def noted(self, *notes: Note) -> Source:
        """The same with more notes."""
        return dataclasses.replace(self, notes=(*self.notes, *notes)) if notes else self

    def __repr__(self) -> str:
        return f"Source({one_line(self.name)}: {self.x.shape} {self.x.dtype}, {len(self.classes)} classes)"


def make_source(
    name: str,
    x: object,
    y: object = None,
    x_test: object = None,
    y_test: object = None,
    maximum: float = 255.0,
    *,
    missing: bool = False,
) -> Source:
    """Check raw arrays and bring them to the form of `Source`.

    Bytes stay uint8; other numbers become float32, or float64 where float32 would lose too much; labels of any kind
    (numbers or text) become 0..k-1, with their names in `Source.classes`. With ``missing``, NaN in x is a missing
    value, and stays.

    Raises:
        DataError: objects instead of numbers, no examples, NaN (without ``missing``) or infinite values, lengths or
            shapes that differ.
    """
    x_ = _numbers(name, "x", x, missing)
    test_ = None if x_test is None else _numbers(name, "x_test", x_test, missing)
    if test_ is not None and test_.shape[1:] != x_.shape[1:]:
        raise DataError(
            f"{name}: x has examples of shape {x_.shape[1:]} and x_test of {test_.shape[1:]}; they must agree"
        )
    if test_ is not None and test_.dtype != x_.dtype:
        if np.uint8 in (x_.dtype, test_.dtype):
            raise DataError(f"{name}: x is {x_.dtype} and x_test is {test_.dtype}; they must agree")
        x_, test_ = (_numbers(name, w, a, missing, wide=True) for w, a in (("x", x), ("x_test", x_test)))
    if test_ is None and y_test is not None:
        raise DataError(f"{name}: got y_test without x_test; give both or neither")
    if (y is None) != (y_test is None) and test_ is not None:
        raise DataError(f"{name}: only one of the train and test parts has labels; give both or neither")
    y_, y_test_, classes = _labels(name, y, y_test)
    for what, a, b in (("y", x_, y_), ("y_test", test_, y_test_)):
        if a is not None and b is not None and len(a) != len(b):
            raise DataError(f"{name}: {len(a)} examples but {len(b)} labels in {what}; they must agree")
    notes: tuple[Note, ...] = ()
    if MINUS_ONE in classes:
        count = sum(int((y == classes.index(MINUS_ONE)).sum()) for y in (y_, y_test_) if y is not None)
        notes = (Note("minus-one", {"count": count}, f'without = ["{MINUS_ONE}"]'),)
    return Source(name, x_, y_, test_, y_test_, classes, maximum, notes=notes)


def maximum_of(parts: Sequence[NDArray[Any]]) -> float:
    """The value that stands for 1.0 in bytes: 1 if there are only 0 and 1, else 255."""
    ones = all(p.dtype == np.uint8 and p.size for p in parts) and max(int(p.max()) for p in parts) == 1
    return 1.0 if ones else 255.0


def drop_classes(source: Source, without: Sequence[str]) -> Source:
    """A source without the examples of these classes; the others keep their names and are numbered anew.

    Raises:
        DataError: it has no labels, no label of such a name, or nothing is left.
    """
    if source.y is None:
        raise DataError(f"{source.name}: without: it has no labels by which to leave examples out")
    for name in without:
        if name not in source.classes:
            raise DataError(f"{source.name}: without: {unknown('label', name, source.classes)}")
    stays = np.array([c not in without for c in source.classes])
    if not stays.any():
        raise DataError(f"{source.name}: without: leaves no label; leave out fewer of {', '.join(source.classes)}")
    place = np.cumsum(stays) - 1

    def part(y: NDArray[np.int64] | None, suffix: str) -> dict[str, Any]:
        if y is None:
            return {}
        rows = np.flatnonzero(stays[y])
        arrays = {f"{n}{suffix}": getattr(source, f"{n}{suffix}") for n in ("x", "factors", "context")}
        if not suffix:
            arrays |= {"weight": source.weight, "group": source.group}
        return {f"y{suffix}": place[y[rows]]} | {n: None if a is None else a[rows] for n, a in arrays.items()}

    classes = tuple(c for c, s in zip(source.classes, stays, strict=True) if s)
    return dataclasses.replace(source, **part(source.y, ""), **part(source.y_test, "_test"), classes=classes)


def unlabelled(source: Source) -> Source:
    """A source without its labels."""
    return dataclasses.replace(source, y=None, y_test=None, classes=())


def as_array(name: str, what: str, value: object) -> NDArray[Any]:
    """``value`` as an array of its own type.

    Raises:
        DataError: rows of different lengths, or anything else that NumPy cannot turn into an array.
    """
    try:
        return np.asarray(value)
    except Exception as error:  # an object's own __array__ may raise anything
        why = " ".join(str(error).split())
        raise DataError(f"{name}: {what} is not an array ({why}); allowed: examples of one shape") from error


def _numbers(name: str, what: str, x: object, missing: bool, *, wide: bool = False) -> NDArray[np.generic]:
    """Numbers as uint8, float32 or, where that loses too much or ``wide`` asks for it, float64."""
    a = as_array(name, what, x)
    if a.dtype.kind not in "buif":
        raise DataError(f"{name}: {what} holds {a.dtype} values; allowed: numbers (object arrays are never loaded)")
    if a.ndim < 2:
        raise DataError(f"{name}: {what} has shape {a.shape}; allowed: (examples, ...), at least two axes")
    if a.size == 0:
        raise DataError(f"{name}: {what} is empty (shape {a.shape}); at least one example of one value is needed")
    if a.dtype == np.uint8:
        return np.ascontiguousarray(a)
    raw = a
    with np.errstate(over="ignore"):
        a = np.ascontiguousarray(a, dtype=np.float32)
    bad = np.isinf(a) if missing else ~np.isfinite(a)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        found = "infinite" if missing else "NaN or infinite"
        raise DataError(f"{name}: {what} has {int(bad.sum())} {found} values, the first at {where}; {REMEDY}")
    # Types of two bytes fit into float32.
    wider = raw.dtype.itemsize > 2 and raw.dtype != np.float32
    if wide or (wider and loses_precision(np.asarray(raw, np.float64)).any()):
        a = np.ascontiguousarray(raw, dtype=np.float64)
    absent = np.isnan(a)
    # NaN has many bit patterns; with only one, equal data has equal fingerprints.
    return np.where(absent, a.dtype.type(np.nan), a) if absent.any() else a


def _labels(
    name: str, y: object, y_test: object
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64] | None, tuple[str, ...]]:
    if y is None:
        return None, None, ()
    parts = [as_array(name, "y", y)] + ([] if y_test is None else [as_array(name, "y_test", y_test)])
    parts = [_text(p[:, 0] if p.ndim == 2 and p.shape[1] == 1 else p) for p in parts]
    for p in parts:
        if p.dtype.kind not in "buifU" or p.ndim != 1:
            raise DataError(f"{name}: labels have shape {p.shape} and type {p.dtype}; allowed: one number or text each")
        if p.dtype.kind == "f" and not np.isfinite(p).all():
            raise DataError(f"{name}: labels hold NaN or infinite values; give every example a label or give none")
    if all(p.dtype.kind in "iu" for p in parts) and all(p.size == 0 or p.max() < 2**63 for p in parts):
        # NumPy would join signed and unsigned integers as floats.
        parts = [p.astype(np.int64) for p in parts]
    values, codes = np.unique(np.concatenate(parts), return_inverse=True)
    codes = codes.astype(np.int64).reshape(-1)
    whole = values.dtype.kind == "f" and bool(np.all(values == np.round(values)))
    classes = tuple(str(int(v)) if whole else str(v) for v in values)
    broken = [c for c in classes if not c.isprintable() and _is_broken(c)]
    if broken:
        raise DataError(f'{name}: the label "{printable(broken[0])}" is not UTF-8; rename it')
    cut = len(parts[0])
    return codes[:cut], (codes[cut:] if len(parts) > 1 else None), classes


def _is_broken(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)


def _text(labels: NDArray[Any]) -> NDArray[Any]:
    if labels.dtype.kind == "S":
        # Bytes that are not UTF-8 become lone surrogates, and are refused by name.
        return np.char.decode(labels, "utf-8", "surrogateescape")
    # pandas returns text as objects; any other objects stay as they are, and are refused.
    if labels.dtype.kind == "O" and all(isinstance(v, str) for v in labels.flat):
        return labels.astype(str)
    return labels

"""Split a source into train, validation and test, scale it, and describe it in a data card.

The split equals scikit-learn's ``train_test_split(..., stratify=y, random_state=seed)``, index for index.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latente.data.conditions import Condition, encode, encode_rows, fit_conditions
from latente.data.missing import check_missing, ends, has_missing, shares
from latente.data.notes import Note, listed
from latente.data.precision import distinct_counts, loses_precision
from latente.data.source import DataColumn, Factor, Source
from latente.data.units import Units
from latente.errors import DataError, unknown
from latente.plain import as_html, as_text
from latente.spec import DataSpec

FAINT = 128
"""If all bytes are below this, of 255, it is noted: the images are dark, or have another maximum."""
PARTS = ("train", "validation", "test")


@dataclass(frozen=True, repr=False)
class Split:
    """One part of a data set: x of shape (n, *shape) as stored, y of shape (n,) or None.

    Values are stored as uint8 or float32, or as float64 where float32 would lose too much of numbers that are scaled by
    their range. A missing value of x is NaN. If each example's factors are known, ``factors`` of shape (n, number of
    factors) holds their codes (see `Data.known`); if there are condition columns, ``context`` of shape
    (n, len(Data.columns)) holds them encoded for a model. ``weight`` of shape (n,), float32, says how much each
    example counts in the means that training minimises and validation measures; None: all alike.
    """

    x: NDArray[np.generic]
    y: NDArray[np.int64] | None
    factors: NDArray[np.int64] | None = None
    context: NDArray[np.float32] | None = None
    weight: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return f"Split({len(self):,} examples of {' × '.join(map(str, self.x.shape[1:]))} {self.x.dtype})"


@dataclass(frozen=True, repr=False)
class Data:
    """A data set, split. Values are stored as they were read; a model sees ``x * multiplier + offset``.

    Attributes:
        name: what the data set is called in reports.
        train, validation, test: the three parts.
        classes: names of the labels, empty without labels.
        multiplier, offset: scalars, or arrays of the example's shape, from stored values to model values.
        clip: whether model values are clipped to 0..1, for values beyond the train part's range under "minmax".
        spec: where the data came from and how it was split.
        fingerprint: SHA-256 of every stored value, label, factor and the split, in hex; equal for equal data.
        known: the factors in the columns of each part's ``factors``; empty where they are not known.
        features: the columns of x with their names and categories; empty if they have none.
        conditions: the columns to condition on; empty without.
        notes: what was decided or skipped in reading and splitting; ``str(note)`` is a sentence.
        credit: where the data comes from and its licence, where that must be said; or empty.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...]
    multiplier: NDArray[np.floating]
    offset: NDArray[np.floating]
    clip: bool
    spec: DataSpec
    fingerprint: str
    known: tuple[Factor, ...] = ()
    features: tuple[DataColumn, ...] = ()
    conditions: tuple[Condition, ...] = ()
    notes: tuple[Note, ...] = ()
    credit: str = ""

    def __repr__(self) -> str:
        return as_text(*self._summary())

    def _repr_html_(self) -> str:
        return as_html(*self._summary())

    def _summary(self) -> tuple[str, list[tuple[str, object]]]:
        held = " held to 0..1" if self.clip else ""
        scale = "as they are stored" if self.units.identity else f"scaled ({self.spec.scale}){held}"
        names = self.classes if self.classes else [c.name for c in self.features]
        rows: list[tuple[str, object]] = [
            ("examples", ", ".join(f"{len(self.part(p)):,} {p}" for p in PARTS)),
            ("each", f"{' × '.join(map(str, self.shape))} of {self.train.x.dtype}, {scale}"),
            *([("classes" if self.classes else "columns", f"{len(names)}: {', '.join(names)}")] if names else []),
            *([("conditions", ", ".join(self.columns))] if self.conditions else []),
            ("source", self.spec.source),
            ("split", f"validation {self.spec.validation:g}, test {self.spec.test:g}, seed {self.spec.seed}"),
            ("fingerprint", self.fingerprint),
            *([("notes", f"{len(self.notes)}: {self.notes[0]}")] if self.notes else []),
        ]
        return f"data {self.name}", rows

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numbers in each part's ``context``: "age", or "sex=f" and "sex=m" for texts."""
        return tuple(name for condition in self.conditions for name in condition.names)

    @property
    def missing(self) -> bool:
        """Whether any value of any part is missing."""
        return any(has_missing(self.part(p).x) for p in PARTS)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return tuple(self.train.x.shape[1:])

    @property
    def is_image(self) -> bool:
        """Whether an example can be drawn: (height, width), or (height, width, 1 or 3)."""
        return len(self.shape) == 2 or (len(self.shape) == 3 and self.shape[2] in (1, 3))

    def part(self, name: str) -> Split:
        """The part called "train", "validation" or "test".

        Raises:
            DataError: another name.
        """
        if name not in PARTS:
            raise DataError(unknown("split", name, PARTS))
        split: Split = getattr(self, name)
        return split

    def values(self, x: NDArray[np.generic]) -> NDArray[np.float32]:
        """Stored examples as the model sees them, float32."""
        return self.units.values(x)

    @property
    def units(self) -> Units:
        """How examples are stored and how a model sees them, without the examples."""
        return Units(self.shape, self.train.x.dtype == np.uint8, self.multiplier, self.offset, self.clip)

    def extent(self, split: Split) -> tuple[float, float]:
        """Lowest and highest model value of a part, ignoring missing values."""
        found = self.values(np.stack(ends(split.x, 0 if self.multiplier.ndim else None)))
        return float(np.nanmin(found)), float(np.nanmax(found))

    def given(self, rows: Sequence[Sequence[Any]]) -> NDArray[np.float32]:
        """Rows of raw condition values encoded for a conditional model, shape (n, len(columns)).

        Args:
            rows: a value for each of ``conditions``, for instance ``[[45, "f"], [38.5, "m"]]``.

        Raises:
            DataError: rows of another length, or a value that a column does not have.
        """
        return encode_rows(self.conditions, rows)

    def value_range(self) -> tuple[float, float]:
        """Lowest and highest model value of the train and validation parts, as in the data card."""
        low, high = zip(*(self.extent(s) for s in (self.train, self.validation)), strict=True)
        return min(low), max(high)

    @property
    def grey(self) -> bool:
        """Whether any model value of the validation part lies between 0 and 1, which a Bernoulli only scores."""
        values = self.distinct(self.validation)
        return bool(np.any((values > 0) & (values < 1)))

    def distinct(self, split: Split) -> NDArray[np.float32]:
        """The model values that occur in a part: each once for bytes on a single scale, else all, (n, *shape)."""
        if split.x.dtype != np.uint8 or self.multiplier.ndim:
            return self.values(split.x)
        occurs = np.zeros(256, bool)
        occurs[split.x.ravel()] = True
        return self.values(np.flatnonzero(occurs).astype(np.uint8))

    def card(self) -> dict[str, Any]:
        """The data card: counts, shape, range, label balance, factors, columns and fingerprint, ready for JSON.

        The range is that of model values in the train and validation parts, and the mean that in the train part: the
        test part is only counted. "grey" is as `grey`. If missing values are kept, "missing" has their share of the
        train part's values, and their share of each column that has any; "without" has the labels whose examples were
        left out, "notes" what was decided or skipped in reading.
        """
        # In pieces: converting everything to float32 at once would take four times the memory of the bytes.
        pieces = (self.train.x[at : at + 1000] for at in range(0, len(self.train), 1000))
        total = sum(float(np.nansum(self.values(x), dtype=np.float64)) for x in pieces)
        observed = self.train.x.size - (int(np.isnan(self.train.x).sum()) if has_missing(self.train.x) else 0)
        card: dict[str, Any] = {
            "name": self.name,
            "shape": list(self.shape),
            "dtype": str(self.train.x.dtype),
            "counts": {p: len(self.part(p)) for p in PARTS},
            "range": [*self.value_range()],
            "mean": total / observed,
            "classes": list(self.classes),
            "fingerprint": self.fingerprint,
            "grey": self.grey,
        }
        if self.classes:
            card["labels"] = {
                p: np.bincount(y, minlength=len(self.classes)).tolist()
                for p in PARTS
                if (y := self.part(p).y) is not None
            }
        if self.known:
            card["factors"] = {factor.name: len(factor.values) for factor in self.known}
        if self.features:
            card["features"] = [column.name for column in self.features]
        if categories := {c.name: list(c.categories) for c in self.features if c.categories}:
            card["categories"] = categories
        if self.conditions:
            card["columns"] = list(self.columns)
            card["conditions"] = {
                c.column.name: list(c.column.categories) or {"mean": c.mean, "sd": c.sd} for c in self.conditions
            }
        if self.credit:
            card["credit"] = self.credit
        if self.spec.without:
            card["without"] = list(self.spec.without)
        if self.spec.missing == "keep":
            card["missing"] = shares(self.train.x, self.features)
        if self.notes:
            card["notes"] = [note.table() for note in self.notes]
        return card


def split_source(
    source: Source,
    *,
    validation: float = 0.2,
    test: float = 0.2,
    seed: int = 42,
    scale: str | float = "unit",
    missing: str = "refuse",
) -> Data:
    """Split a source. If it has its own test part, that part is kept and ``test`` is not used.

    Where examples belong to groups, shares and numbers below are of groups: none is in two parts.

    Args:
        source: what a reader returned.
        validation: share of the training examples kept for validation, in (0, 1).
        test: share of all examples kept for testing if the source has no test part, in [0, 1); with 0 the test part
            is empty.
        seed: of both splits; 42 is the notebook's.
        scale: "unit" divides whole-byte data by its maximum and leaves other numbers as they are;
            "minmax" scales each column (or all pixels of images together) to 0..1 by the train part's range,
            and clips values of the other parts beyond that range to 0 or 1;
            "none" leaves every value as it is, bytes too, for counts and categories;
            a number divides every value, for instance 255 for bytes in a table.
        missing: "refuse" NaN, or "keep" it as a missing value.

    Raises:
        SpecError: an option of the wrong type or range.
        DataError: too few examples, a class with too few, or shares that leave a part empty; missing values that are
            not kept, and examples, or columns of the train part, in which every value is missing.
    """
    spec = DataSpec(source.name, validation, test, seed, scale, missing)
    seed, scale = spec.seed, spec.scale
    source, notes = _narrowed(source, scale)
    rest = np.arange(len(source.x))
    if source.x_test is None:
        rest, last = _stratified(source, rest, spec.test, seed, "test") if spec.test else (rest, rest[:0])
        kept = _taken(source, last)
    else:
        kept = _Raw(source.x_test, source.y_test, source.factors_test, source.context_test, None)
    first, second = _stratified(source, rest, validation, seed, "validation")
    raw = (_taken(source, first), _taken(source, second), kept)
    x, context = raw[0].x, raw[0].context
    check_missing(source, x, missing)
    multiplier, offset = _scaling(source, x, scale)
    notes += [*_faint(source, raw, scale), *_clipped(raw, scale)]
    counts = [len(part.x) for part in raw]
    digest = hashlib.sha256(f"{counts} {x.shape} {x.dtype} {scale} {source.maximum}".encode())
    for part in raw:
        # The context as it was read, because means and deviations may differ in their last bit between machines.
        for values in part:
            if values is not None:
                digest.update(np.ascontiguousarray(values).data)
    conditions = () if context is None else fit_conditions(source.context_columns, context)
    train, validated, tested = (
        Split(p.x, p.y, p.factors, None if p.context is None else encode(conditions, p.context), p.weight) for p in raw
    )
    return Data(
        source.name,
        train,
        validated,
        tested,
        source.classes,
        multiplier,
        offset,
        scale == "minmax",
        spec,
        digest.hexdigest(),
        source.known,
        source.features,
        conditions,
        (*source.notes, *notes),
        source.credit,
    )


def _narrowed(source: Source, scale: str | float) -> tuple[Source, list[Note]]:
    """A source in single precision, with a note on what that loses; only under "minmax" may it stay as it is."""
    x, x_test = source.x, source.x_test
    if x.dtype != np.float64 or scale == "minmax":
        return source, []
    found = loses_precision(x if x_test is None else np.concatenate([x, x_test]))
    columns: list[int] = np.flatnonzero(found).tolist() if found.ndim else []
    names = [c.name for c in source.features] or [str(i) for i in range(x.shape[-1])]
    before, after = distinct_counts(x[:, columns[0]] if columns else x)
    values: dict[str, str | int] = {"names": listed(names[i] for i in columns) or "x", "before": before, "after": after}
    test = None if x_test is None else x_test.astype(np.float32)
    source = dataclasses.replace(source, x=x.astype(np.float32), x_test=test)
    return source, [Note("rounded", values, 'scale = "minmax"')]


def _faint(source: Source, raw: Sequence[_Raw], scale: str | float) -> list[Note]:
    """Notes on values that can hardly be seen: all the same, or bytes far below the value that stands for 1.

    The test part is ignored.
    """
    found = [ends(part.x, None) for part in raw[:2]]
    low, high = min(float(a) for a, _ in found), max(float(b) for _, b in found)
    if low == high:
        return [Note("constant", {"value": low})]
    if source.x.dtype == np.uint8 and scale == "unit" and source.maximum == 255 and high < FAINT:
        return [Note("faint", {"most": int(high)}, f"scale = {high:g}")]
    return []


def _clipped(raw: Sequence[_Raw], scale: str | float) -> list[Note]:
    """A note on values of the other parts beyond the training part's range, which "minmax" clips."""
    if scale != "minmax":
        return []
    low, high = ends(raw[0].x, 0 if raw[0].x.ndim == 2 else None)
    beyond = sum(int(((part.x < low) | (part.x > high)).sum()) for part in raw[1:])
    size = sum(part.x.size for part in raw[1:])
    return [Note("clipped", {"count": beyond, "size": size}, 'scale = "none"')] if beyond else []


class _Raw(NamedTuple):
    """A part as it was read."""

    x: NDArray[np.generic]
    y: NDArray[np.int64] | None
    factors: NDArray[np.int64] | None
    context: NDArray[np.float64] | None
    weight: NDArray[np.float32] | None


def _taken(source: Source, index: NDArray[np.int64]) -> _Raw:
    y, factors = (None if codes is None else codes[index] for codes in (source.y, source.factors))
    context = None if source.context is None else source.context[index]
    return _Raw(source.x[index], y, factors, context, None if source.weight is None else source.weight[index])


def _stratified(
    source: Source, index: NDArray[np.int64], share: float, seed: int, what: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    from sklearn.model_selection import train_test_split

    if source.group is not None:
        _, place, group = np.unique(source.group[index], return_index=True, return_inverse=True)
        alone = dataclasses.replace(source, group=None)
        _, held = _stratified(alone, index[place], share, seed, what)
        apart = np.isin(group, group[np.isin(index, held)])
        return index[~apart], index[apart]
    labels = None if source.y is None else source.y[index]
    held_out = int(np.ceil(share * len(index)))
    if held_out < 1 or len(index) - held_out < 1:
        raise DataError(f"{source.name}: {len(index)} examples are too few to keep {share:.0%} for {what}")
    if labels is not None:
        counts = np.bincount(labels, minlength=len(source.classes))
        lonely = [i for i, n in enumerate(counts) if n == 1]
        if lonely:
            left = "" if what == "test" or source.x_test is not None else " left beside the test part"
            raise DataError(
                f'{source.name}: class "{source.classes[lonely[0]]}" has a single example{left}, and a '
                f"stratified split needs two; add examples, drop the class, or give the data without labels"
            )
        present = int((counts > 0).sum())
        if held_out < present or len(index) - held_out < present:
            raise DataError(
                f"{source.name}: a {what} share of {share} keeps {held_out} of {len(index)} examples for "
                f"{present} classes; every part needs one of each, so give more data or another share"
            )
    first, second = train_test_split(index, test_size=share, random_state=seed, stratify=labels)
    return first, second


def _scaling(
    source: Source, train: NDArray[np.generic], scale: str | float
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    if scale != "minmax":
        top = source.maximum if train.dtype == np.uint8 and scale == "unit" else 1.0
        if not isinstance(scale, str):
            top = scale
        return np.float32(1 / top) * np.ones((), np.float32), np.zeros((), np.float32)
    axis = 0 if train.ndim == 2 else None
    kind: type[np.floating] = np.float64 if train.dtype == np.float64 else np.float32
    low, high = (np.asarray(end, kind) for end in ends(train, axis))
    span = high - low
    multiplier = np.asarray(1 / np.where(span > 0, span, 1), kind)
    return multiplier, np.asarray(-low * multiplier, kind)

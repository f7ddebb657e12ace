"""Columns that a model is conditioned on: numbers are standardised, text is one-hot encoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.source import DataColumn
from latente.errors import DataError, unknown

MOST_KINDS = 50
"""Most different texts in a condition column: each is an input of its own."""


@dataclass(frozen=True)
class Condition:
    """One condition column, and how it is encoded for a model.

    Attributes:
        column: its name, and the texts it may hold; none for numbers.
        mean, sd: of a column of numbers over the training part (sd divides by n; it is 1 if the column never varies).
    """

    column: DataColumn
    mean: float = 0.0
    sd: float = 1.0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the model's inputs: "age", or "sex=f" and "sex=m"."""
        name = self.column.name
        return tuple(f"{name}={c}" for c in self.column.categories) or (name,)

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """The model's inputs, shape (n, len(names)), for numbers or codes of texts, shape (n,)."""
        if self.column.categories:
            return np.eye(len(self.column.categories), dtype=np.float32)[values.astype(np.int64)]
        return ((values - self.mean) / self.sd).astype(np.float32)[:, None]


def fit_conditions(columns: Sequence[DataColumn], values: NDArray[np.float64]) -> tuple[Condition, ...]:
    """The columns with the means and standard deviations of training values, shape (n, len(columns))."""
    pairs = zip(columns, values.T, strict=True)
    return tuple(Condition(c) if c.categories else Condition(c, *moments(v)) for c, v in pairs)


def moments(values: NDArray[np.floating]) -> tuple[float, float]:
    """Mean and standard deviation (dividing by n) of the observed values among ``values`` (n,), in double precision.

    The deviation is 1 if the values do not vary, or too little for single precision; without values they are (0, 1).
    """
    observed = np.asarray(values, np.float64)[~np.isnan(values)]
    # A constant column may have a deviation of a few rounding errors.
    if not len(observed) or (observed == observed[0]).all():
        return (float(observed[0]) if len(observed) else 0.0), 1.0
    sd = float(observed.std())
    return float(observed.mean()), sd if sd > np.finfo(np.float32).tiny else 1.0


def encode(conditions: Sequence[Condition], values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The model's inputs for values (codes for texts) of shape (n, len(conditions)), column after column."""
    return np.concatenate([c.encode(v) for c, v in zip(conditions, values.T, strict=True)], axis=1)


def encode_rows(conditions: Sequence[Condition], rows: Sequence[Sequence[Any]]) -> NDArray[np.float32]:
    """As `encode`, for rows as a person writes them, for instance ``[[45, "f"], [38.5, "m"]]``.

    Raises:
        DataError: rows of another length, no number where one is needed, or a text that the data does not have.
    """
    names = ", ".join(c.column.name for c in conditions)
    coded = np.empty((len(rows), len(conditions)))
    for i, row in enumerate(rows):
        if isinstance(row, str) or len(row) != len(conditions):
            raise DataError(f"conditions: got {row!r} in row {i + 1}; allowed: one value each of {names or 'none'}")
        for j, (condition, value) in enumerate(zip(conditions, row, strict=True)):
            coded[i, j] = _code(condition.column, value)
    return encode(conditions, coded)


def _code(column: DataColumn, value: Any) -> float:
    if column.categories:
        if str(value) not in column.categories:
            raise DataError(unknown(column.name, value, column.categories))
        return float(column.categories.index(str(value)))
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise DataError(f"{column.name}: got {value!r}; allowed: a finite number")
    return number


def conditions_of(card: Mapping[str, Any]) -> list[Condition]:
    """The condition columns of a data card."""
    return [
        Condition(DataColumn(name), about["mean"], about["sd"])
        if isinstance(about, dict)
        else Condition(DataColumn(name, tuple(about)))
        for name, about in card.get("conditions", {}).items()
    ]

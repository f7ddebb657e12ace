"""What is known of each example beside its values: columns by which a map is coloured, filtered and written out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.split import Data, Split

MOST = 60
"""Columns of a table that are taken; of a wider one the first ones."""


@dataclass(frozen=True)
class Field:
    """One column of examples.

    Attributes:
        key: "label", "factor", "column", "condition", "anomaly" or "uncertainty".
        name: what the data calls it; empty for what latente found itself.
        values: (n,), float32 numbers with NaN where there is none, or uint16 codes of ``names``.
        names: what the codes stand for; None for numbers.
    """

    key: str
    name: str
    values: NDArray[Any]
    names: tuple[str, ...] | None = None

    @property
    def written(self) -> NDArray[Any]:
        """The values as a table has them: the names, or the numbers."""
        return self.values if self.names is None else np.array(self.names, object)[self.values]

    @property
    def about(self) -> dict[str, Any]:
        """All but the values, JSON-able."""
        return {"key": self.key, "name": self.name, "names": None if self.names is None else list(self.names)}


def known(data: Data, parts: list[Split]) -> list[Field]:
    """The fields that the data has, but for the labels: factors, condition columns, and a table's own columns."""
    found = []
    for j, factor in enumerate(data.known):
        codes = _joined(parts, lambda part, j=j: part.factors[:, j])
        found.append(_coded("factor", factor.name, codes, tuple(map(str, factor.values))))
    at = 0
    for condition in data.conditions:
        column, width = condition.column, len(condition.names)
        given = _joined(parts, lambda part, at=at, width=width: part.context[:, at : at + width])
        if column.categories:
            found.append(_coded("condition", column.name, given.argmax(axis=1), column.categories))
        else:
            found.append(_number("condition", column.name, condition.mean + condition.sd * given[:, 0].astype(float)))
        at += width
    for j, feature in enumerate(data.features[:MOST]) if len(data.shape) == 1 else ():
        values = _joined(parts, lambda part, j=j: part.x[:, j]).astype(float)
        whole = feature.categories and not np.isnan(values).any()
        make = _coded("column", feature.name, values, feature.categories) if whole else None
        found.append(make or _number("column", feature.name, values))
    return found


def _joined(parts: list[Split], take: Any) -> NDArray[Any]:
    return np.concatenate([take(part) for part in parts])


def _coded(key: str, name: str, codes: NDArray[Any], names: tuple[str, ...]) -> Field:
    return Field(key, name, codes.astype(np.uint16), tuple(map(str, names)))


def _number(key: str, name: str, values: NDArray[Any]) -> Field:
    return Field(key, name, np.where(np.isfinite(values), values, np.nan).astype(np.float32))

"""The kinds of the columns of a mixed table, and the places of their outputs and features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from latente.errors import SpecError, unknown

Index = NDArray[np.int32]
PLAIN = ("real", "binary", "count", "count:negative-binomial")
LEVELS = ("categorical", "ordinal")
"""Kinds that are written with a number of levels, "categorical:5"."""
KINDS = (*PLAIN, *LEVELS)
CATEGORIES = 65536


@dataclass(frozen=True)
class Layout:
    """Where each column's outputs and features are, column after column.

    Attributes:
        kinds: of each column, one of `KINDS`.
        levels: the number of categories or of ordered levels of each column, else 1.
        sizes: the number of outputs, and of features, of each column: its categories, else 1.
        starts: where its outputs and its features begin.
        order: index that brings values sorted by kind, in the order of `KINDS`, back to the order of the columns.
        categories: for each categorical column the places of its logits, shape (columns, most categories).
        real: which of those exist; rows of fewer categories are padded with their first place.
    """

    kinds: tuple[str, ...]
    levels: tuple[int, ...]
    sizes: tuple[int, ...]
    starts: Index
    order: Index
    categories: Index
    real: NDArray[np.bool_]

    @property
    def outputs(self) -> int:
        """The total number of outputs."""
        return sum(self.sizes)

    @property
    def ordered(self) -> NDArray[np.bool_]:
        """Of each ordinal column the thresholds that it has, shape (columns, most levels − 1)."""
        counts = np.array([self.levels[c] for c in self.columns("ordinal")], np.int32)
        return np.asarray(np.arange(max(counts, default=2) - 1)[None] < counts[:, None] - 1)

    def columns(self, kind: str) -> Index:
        """The columns of a kind."""
        return np.flatnonzero([k == kind for k in self.kinds]).astype(np.int32)

    @property
    def owners(self) -> Index:
        """The column of each output, and of each feature."""
        return np.repeat(np.arange(len(self.sizes), dtype=np.int32), self.sizes)

    @property
    def offsets(self) -> Index:
        """The position of each output, or feature, within its column: its category."""
        return np.arange(self.outputs, dtype=np.int32) - self.starts[self.owners]

    def places(self, kind: str) -> Index:
        """Where the outputs, and the features, of columns of this kind begin."""
        return self.starts[self.columns(kind)]


def parse(columns: Sequence[str], where: str) -> tuple[tuple[str, int], ...]:
    """The kind and the number of categories of each column.

    Args:
        columns: such as ["real", "count", "count:negative-binomial", "binary", "categorical:5"].
        where: their name in messages.

    Raises:
        SpecError: no list, an empty one, or an entry that is none of these.
    """
    if isinstance(columns, str) or not isinstance(columns, Sequence) or not columns:
        raise SpecError(
            f"{where}: got columns = {columns!r}; allowed: a list with, for each column of the table, "
            f'{", ".join(PLAIN)}, categorical:K or ordinal:K, for instance ["real", "count", "categorical:5"]'
        )
    return tuple(_kind(column, f"{where}: columns[{i}]") for i, column in enumerate(columns))


@lru_cache(maxsize=256)
def layout(columns: tuple[tuple[str, int], ...]) -> Layout:
    """The layout of columns that `parse` returned."""
    kinds, levels = zip(*columns, strict=True)
    sizes = tuple(count if kind == "categorical" else 1 for kind, count in columns)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
    by_kind = np.concatenate([np.flatnonzero([k == kind for k in kinds]) for kind in KINDS])
    chosen = np.flatnonzero([k == "categorical" for k in kinds])
    most = np.arange(max((sizes[c] for c in chosen), default=1))
    real = most[None] < np.array([sizes[c] for c in chosen], np.int32)[:, None]
    categories = starts[chosen][:, None] + np.where(real, most[None], 0).astype(np.int32)
    return Layout(kinds, levels, sizes, starts, np.argsort(by_kind).astype(np.int32), categories, real)


def acceptable(kind: str, size: int) -> tuple[str, Callable[[NDArray[np.floating]], NDArray[np.bool_]]]:
    """What a column takes, in words, and a test of which observed values are valid."""

    def whole(v: NDArray[np.floating]) -> NDArray[np.bool_]:
        return np.asarray((v == np.round(v)) & (v >= 0) & np.isfinite(v))

    if kind == "real":
        return "numbers", np.isfinite
    if kind == "binary":
        return "0 and 1", lambda v: np.asarray((v == 0) | (v == 1))
    if kind in LEVELS:
        return f"the whole numbers 0 to {size - 1}", lambda v: whole(v) & (v <= size - 1)
    return "whole numbers of at least 0", whole


def _kind(column: object, where: str) -> tuple[str, int]:
    if column in PLAIN:
        return str(column), 1
    if column == "count:poisson":
        return "count", 1
    if isinstance(column, str):
        kind, colon, number = column.partition(":")
        if colon and kind in LEVELS:
            if number.isascii() and number.isdigit() and 2 <= int(number) <= CATEGORIES:
                return kind, int(number)
            raise SpecError(f"{where}: got {column!r}; allowed: {kind}:K with K from 2 to {CATEGORIES}")
    raise SpecError(unknown(where, column, (*PLAIN, "count:poisson", "categorical:K", "ordinal:K")))

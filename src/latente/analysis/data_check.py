"""What is odd about data before anything is trained: copies, labels that neighbours contradict, columns that leak.

Everything is measured on the parts together, examples as they are stored. What it means, and from where on it matters,
is said by the rules ``LT0xx`` (`latente.analysis.conclusions.data_rules`).
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.images import image_forms
from latente.data.split import PARTS, Data
from latente.evaluation.batching import subsample
from latente.evaluation.metrics.neighbours import nearest

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

MOST = 100_000
"""Examples that are looked at; of more, so many are drawn, each part by its share."""

VALUES = 80_000_000
"""At most so many values are held beside the data's own; of larger examples fewer are looked at."""

WIDEST = 32
"""Images are averaged down to at most this side before their neighbours are sought."""

COMPONENTS = 50
"""Neighbours are sought in so many principal components, which leave noise out; distances are of all values."""

NEIGHBOURS = 10

NEAR = 0.05
"""Near copies are apart by at most this share of the root mean square distance from the mean example, …"""

NEARER = 1 / 3
"""… and by at most this share of the distance to the tenth neighbour: among examples that are all alike, none is a
copy (the ratio of Yoon et al. 2023, of a neighbour further away, so that a few copies do not hide each other)."""

SAME = 0.005
"""Or they are apart by at most this share, and then whatever lies around them, …"""

CHANCE = 0.001
"""… but only where the data has so many dimensions that at most this share of examples has another so near by chance:
of k neighbours of points spread evenly in d dimensions, the nearest lies within a share r of the k-th with a chance of
about k r^d. In few dimensions, as of a table of some columns, near copies must be nearer, and SAME does not count."""

EXAMPLES = 12
"""Copies and labels that are kept to be shown."""

CATEGORIES = 50
"""Columns of at most so many different values count as categories where one tells another."""


@dataclass(frozen=True)
class CopiedPair:
    """Two examples that are copies.

    Attributes:
        first, second: each its part and its row there.
        distance: root mean square difference of their values over the data's own spread: 0 for exact copies.
    """

    first: tuple[str, int]
    second: tuple[str, int]
    distance: float


@dataclass(frozen=True)
class Copies:
    """Examples that are there more than once.

    Attributes:
        exact, near: of the training part, those that repeat an earlier one; none is counted as both.
        exact_across, near_across: of the validation and test parts, those with a copy in the training part.
        train, held_out: examples looked at.
        pairs: some of them: those across parts, then those within the training part, the nearest first of either.
    """

    exact: int
    near: int
    exact_across: int
    near_across: int
    train: int
    held_out: int
    pairs: tuple[CopiedPair, ...] = ()


@dataclass(frozen=True)
class Doubt:
    """A label that neighbours contradict.

    Attributes:
        at: the example's part, and its row there.
        label, other: its own label, and the one that most neighbours have.
        votes: of the ten neighbours, how many have the other.
        neighbours: where they are.
    """

    at: tuple[str, int]
    label: str
    other: str
    votes: int
    neighbours: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Labels:
    """What neighbours say of labels.

    Attributes:
        doubts: the examples whose labels are likely wrong, the surest first.
        agreement: share of examples whose label most neighbours have.
        count: examples looked at.
    """

    doubts: tuple[Doubt, ...]
    agreement: float
    count: int


@dataclass(frozen=True)
class Oddity:
    """Something of one column of a table, or of two.

    Attributes:
        name: what it is called; of two "a, b".
        value: a number that says it: a share, an accuracy, a correlation, or a value of the column.
        count: rows that it is of.
    """

    name: str
    value: float
    count: int = 0


@dataclass(eq=False)
class DataCheck:
    """Measurements of a data set, each made when it is asked for, and once.

    Attributes:
        data: the data set.
        most: how many examples are looked at.
    """

    data: Data
    most: int = MOST
    _rows: dict[str, Indices] = field(init=False)

    def __post_init__(self) -> None:
        size = math.prod(self.data.shape)
        room = min(self.most, max(1000, VALUES // min(size, WIDEST * WIDEST * 3 if self.data.is_image else size)))
        whole = sum(len(self.data.part(p)) for p in PARTS)
        self._rows = {}
        for part in PARTS:
            n = len(self.data.part(part))
            self._rows[part] = np.sort(subsample(n, min(n, math.ceil(room * n / whole)), 0, permuted=True))

    @property
    def sampled(self) -> bool:
        """Whether some examples are left out."""
        return any(len(rows) < len(self.data.part(p)) for p, rows in self._rows.items())

    @property
    def counts(self) -> dict[str, int]:
        """How many examples of each part are looked at."""
        return {part: len(rows) for part, rows in self._rows.items()}

    @property
    def is_table(self) -> bool:
        """Whether examples are rows of columns."""
        return len(self.data.shape) == 1

    @cached_property
    def names(self) -> list[str]:
        """The columns of a table."""
        return [c.name for c in self.data.features] or [str(i) for i in range(self.data.shape[-1])]

    @cached_property
    def parts(self) -> Indices:
        """The part of each example looked at, by its place in `PARTS`."""
        return np.repeat(np.arange(len(PARTS)), [len(self._rows[p]) for p in PARTS])

    @cached_property
    def stored(self) -> NDArray[Any]:
        """The examples looked at, as stored, one after the other, (n, *shape)."""
        return np.concatenate([self.data.part(p).x[self._rows[p]] for p in PARTS])

    @cached_property
    def labels(self) -> Indices | None:
        """Their labels; None without."""
        found = [self.data.part(p).y for p in PARTS]
        if not self.data.classes:
            return None
        return np.concatenate([y[self._rows[p]] for p, y in zip(PARTS, found, strict=True) if y is not None])

    def at(self, index: int) -> tuple[str, int]:
        """Where an example is: its part, and its row there."""
        part = PARTS[int(self.parts[index])]
        before = sum(len(self._rows[p]) for p in PARTS[: PARTS.index(part)])
        return part, int(self._rows[part][index - before])

    @cached_property
    def rows(self) -> Floats:
        """The examples as rows whose distances mean something, (n, d): large images averaged down; columns of a table
        standardised, its categories as ones and zeros; what is missing at the column's mean."""
        x = self.stored
        if not self.is_table:
            if self.data.is_image:
                x = _averaged(x)
            # Images of NaN have a value there that tells of nothing.
            return np.nan_to_num(x.reshape(len(x), -1).astype(np.float32))
        found = []
        for j, column in enumerate(self.data.features or [None] * x.shape[1]):
            values = x[:, j].astype(np.float64)
            if column is not None and 1 < len(column.categories) <= CATEGORIES:
                hot = (values[:, None] == np.arange(len(column.categories))) / math.sqrt(2)
                found.append(hot - hot.mean(axis=0))
                continue
            seen = values[np.isfinite(values)]
            spread = float(seen.std()) if len(seen) else 0.0
            if spread > 0:
                found.append(np.nan_to_num((values - seen.mean()) / spread)[:, None])
        return np.concatenate(found or [np.zeros((len(x), 1))], axis=1).astype(np.float32)

    @cached_property
    def _groups(self) -> Indices:
        """For each example a number that only its exact copies share."""
        x = np.ascontiguousarray(self.stored.reshape(len(self.stored), -1))
        digests = np.array([hashlib.blake2b(row.data, digest_size=16).hexdigest() for row in x])
        return np.unique(digests, return_inverse=True)[1].astype(np.int64)

    @cached_property
    def _near(self) -> tuple[Indices, NDArray[np.float64]]:
        """The ten nearest others of each example, found in the first principal components, and their distances over
        all values, by these in order; both (n, 10), or fewer where there are no ten others."""
        rows = self.rows
        k = min(NEIGHBOURS, len(rows) - 1)
        components = _components(rows)
        index = nearest(components, components, k, same=True).index
        apart = np.empty(index.shape)
        for at in range(0, len(rows), 1000):
            part = slice(at, at + 1000)
            for j in range(k):
                difference = rows[index[part, j]] - rows[part]
                apart[part, j] = np.sqrt(np.einsum("nd,nd->n", difference, difference, dtype=np.float64))
        order = np.argsort(apart, axis=1, kind="stable")
        return np.take_along_axis(index, order, axis=1), np.take_along_axis(apart, order, axis=1)

    @cached_property
    def spread(self) -> float:
        """Root mean square distance from the mean example."""
        return math.sqrt(float(self.rows.var(axis=0, dtype=np.float64).sum()))

    @cached_property
    def copies(self) -> Copies:
        """Exact and near copies within the training part, and of its examples in the others."""
        groups, parts = self._groups, self.parts
        held = parts > 0
        trained = np.zeros(groups.max() + 1, bool)
        trained[groups[~held]] = True
        exact_across = held & trained[groups]
        first = np.unique(groups[~held], return_index=True)[1]
        exact = np.ones(int((~held).sum()), bool)
        exact[first] = False
        near_across, near = np.zeros(len(parts), bool), np.zeros(len(parts), bool)
        pairs: list[CopiedPair] = [*self._exact_pairs(exact_across)]
        if len(parts) > 2 and self.spread > 0:
            index, apart = self._near
            by_chance = (CHANCE / apart.shape[1]) ** (1 / _dimensions(apart))
            limit = np.minimum(NEAR * self.spread, min(NEARER, by_chance) * apart[:, -1])
            if by_chance >= NEARER:
                limit = np.maximum(limit, SAME * self.spread)
            for i, j in zip(*np.nonzero(apart <= limit[:, None]), strict=True):
                other = int(index[i, j])
                if groups[i] == groups[other]:
                    continue
                crosses = bool(held[i]) and not held[other]
                if crosses:
                    near_across[i] = True
                elif not held[i] and not held[other] and other < i:
                    near[i] = True
                else:
                    continue
                pairs.append(CopiedPair(self.at(int(i)), self.at(other), float(apart[i, j] / self.spread)))
        near_across &= ~exact_across
        near[np.flatnonzero(~held)[exact]] = False
        across = sorted((p for p in pairs if p.second[0] == "train" != p.first[0]), key=lambda p: p.distance)
        within = sorted((p for p in pairs if p.first[0] == "train"), key=lambda p: p.distance)
        return Copies(
            int(exact.sum()), int(near.sum()), int(exact_across.sum()), int(near_across.sum()),
            int((~held).sum()), int(held.sum()), tuple(across[:EXAMPLES] + within[:EXAMPLES]),
        )  # fmt: skip

    def _exact_pairs(self, across: NDArray[np.bool_]) -> Iterator[CopiedPair]:
        first: dict[int, int] = {}
        shown = [0, 0]
        for i, group in enumerate(self._groups.tolist()):
            at = first.setdefault(group, i)
            kind = int(across[i])
            if at != i and (kind or self.parts[i] == 0) and shown[kind] < EXAMPLES:
                shown[kind] += 1
                yield CopiedPair(self.at(i), self.at(at), 0.0)

    @cached_property
    def doubts(self) -> Labels | None:
        """Labels that are likely wrong, by confident learning (Northcutt, Jiang & Chuang 2021, arXiv:1911.00068) with
        the shares of labels among each example's ten nearest others as probabilities; None without two labels.

        An example is in doubt where another class reaches that class's usual share, its mean over the examples that
        carry it, and at least eight of ten neighbours, and at most one carries the example's own label. Exact copies
        of it do not vote.
        """
        y = self.labels
        if y is None or len(np.unique(y)) < 2 or len(y) <= NEIGHBOURS or self.spread == 0:
            return None
        index, _ = self._near
        voting = self._groups[index] != self._groups[:, None]
        classes = len(self.data.classes)
        votes = np.zeros((len(y), classes), np.int64)
        for j in range(index.shape[1]):
            np.add.at(votes, (np.flatnonzero(voting[:, j]), y[index[voting[:, j], j]]), 1)
        share = votes / np.maximum(votes.sum(axis=1), 1)[:, None]
        own = share[np.arange(len(y)), y]
        usual = np.array([own[y == c].mean() if (y == c).any() else 1.0 for c in range(classes)])
        other = np.where(np.arange(classes) == y[:, None], -1.0, share).argmax(axis=1)
        most = share[np.arange(len(y)), other]
        wrong = (most >= np.maximum(usual[other], AGREE)) & (own <= OWN) & (votes.sum(axis=1) >= NEIGHBOURS / 2)
        order = sorted(np.flatnonzero(wrong), key=lambda i: (-(most[i] - own[i]), i))
        found = tuple(
            Doubt(
                self.at(int(i)), self.data.classes[y[i]], self.data.classes[other[i]], int(votes[i, other[i]]),
                tuple(self.at(int(j)) for j in index[i][:5]),
            )
            for i in order
        )  # fmt: skip
        return Labels(found, float((share.argmax(axis=1) == y).mean()), len(y))

    @cached_property
    def constant(self) -> list[str]:
        """Columns of a table in which nothing varies."""
        return [n for n, v in self._columns() if len(np.unique(v)) < 2] if self.is_table else []

    @cached_property
    def constant_share(self) -> float:
        """Share of an example's values that are the same in all examples."""
        flat = self.stored.reshape(len(self.stored), -1)
        low, high = (np.asarray(f(flat, axis=0), np.float64) for f in (np.fmin.reduce, np.fmax.reduce))
        return float((~(low < high)).mean())

    @cached_property
    def forms(self) -> Counter[str] | None:
        """How many images of the data's folder have each size and mode; None for other data."""
        folder = Path(self.data.spec.source)
        if not self.data.is_image or not folder.is_dir():
            return None
        return Counter(image_forms(folder).values())

    @cached_property
    def numbered(self) -> list[str]:
        """Columns that number or name the rows: whole numbers or texts, every one another, with hardly a gap."""
        found = []
        # Rows that are there twice have their number twice.
        n = int(self._groups.max()) + 1
        for name, v in self._columns():
            kinds = self._categories.get(name)
            if n < NUMBERED or len(v) < len(self.stored) or len(np.unique(v)) < n:
                continue
            if kinds or (np.all(v == np.rint(v)) and v.max() - v.min() + 1 <= 2 * self._whole):
                found.append(name)
        return found

    @property
    def _whole(self) -> int:
        return sum(len(self.data.part(p)) for p in PARTS)

    @cached_property
    def missing(self) -> list[Oddity]:
        """Columns with missing values and their share, the most first; of other data one entry."""
        absent = np.isnan(self.stored.astype(np.float32)) if self.stored.dtype.kind == "f" else None
        if absent is None or not absent.any():
            return []
        if not self.is_table:
            return [
                Oddity(self.data.name, float(absent.mean()), int(absent.any(axis=tuple(range(1, absent.ndim))).sum()))
            ]
        found = [Oddity(n, float(a.mean()), int(a.sum())) for n, a in zip(self.names, absent.T, strict=True) if a.any()]
        return sorted(found, key=lambda c: -c.value)

    @cached_property
    def edges(self) -> list[Oddity]:
        """Values that pile up at an end of their range: its value and how many are there.

        Of a column with 20 different values or more, its highest or lowest where at least 1% of the rows and ten rows
        are at it, and ten times as many as at the next value; zero, which counts often start at, is left out. Of
        images the highest value, likewise.
        """
        if self.is_table:
            columns = [(n, v) for n, v in self._columns() if n not in self._categories]
        elif self.data.is_image:
            columns = [(self.data.name, self.stored[~np.isnan(self.stored)] if self.missing else self.stored.ravel())]
        else:
            return []
        found = []
        for name, v in columns:
            values, counts = _distinct(v)
            if len(values) < DIFFERENT:
                continue
            ends = [(values[-1], counts[-1], counts[-2])]
            if self.is_table:
                ends.append((values[0], counts[0], counts[1]))
            for value, count, beside in ends:
                if value != 0 and count >= max(10, PILED * len(v)) and count >= 10 * beside:
                    found.append(Oddity(name, float(value), int(count)))
        return found

    @cached_property
    def placeholders(self) -> list[Oddity]:
        """Numbers that may stand for what is missing: an end of a column's range that repeats three times or more and
        lies further from the next value than all other values do from each other."""
        found = []
        for name, v in self._columns() if self.is_table else ():
            values, counts = _distinct(v)
            if name in self._categories or len(values) < 5:
                continue
            for at, beside, rest in ((0, 1, values[1:]), (-1, -2, values[:-1])):
                if counts[at] >= 3 and abs(values[at] - values[beside]) > rest[-1] - rest[0] > 0:
                    found.append(Oddity(name, float(values[at]), int(counts[at])))
        return found

    @cached_property
    def telling(self) -> list[Oddity]:
        """Columns of a table by how well each tells the label alone, the best first: the accuracy, averaged over the
        labels, on the other parts of a tree of at most 20 leaves that is grown on the training part."""
        y = self.labels
        if y is None or not self.is_table or len(np.unique(y)) < 2 or not (self.parts > 0).any():
            return []
        from sklearn.tree import DecisionTreeClassifier

        train = self.parts == 0
        found = []
        for j, name in enumerate(self.names):
            v = self.stored[:, j : j + 1].astype(np.float64)
            tree = DecisionTreeClassifier(max_leaf_nodes=LEAVES, class_weight="balanced", random_state=0)
            right = tree.fit(v[train], y[train]).predict(v[~train]) == y[~train]
            held = y[~train]
            found.append(Oddity(name, float(np.mean([right[held == c].mean() for c in np.unique(held)])), len(held)))
        return sorted(found, key=lambda c: -c.value)

    @cached_property
    def twins(self) -> list[Oddity]:
        """Pairs of columns of which one tells the other: the rank correlation of numbers, where it is at least 0.999
        in size, and 1 for categories whose values go one to one."""
        if not self.is_table:
            return []
        kept = [(n, self.stored[:, j].astype(np.float64)) for j, n in enumerate(self.names) if n not in self.constant]
        found = []
        numbers = [(n, v) for n, v in kept if n not in self._categories and len(np.unique(v)) > 2][:WIDE]
        if len(numbers) > 1:
            ranks = np.stack([_ranks(v) for _, v in numbers])
            with np.errstate(invalid="ignore", divide="ignore"):
                between = np.asarray(np.corrcoef(ranks), np.float64).reshape(len(ranks), len(ranks))
            for i, j in zip(*np.nonzero(np.triu(np.abs(between) >= TWIN, 1)), strict=True):
                found.append(Oddity(f"{numbers[i][0]}, {numbers[j][0]}", float(between[i, j]), len(ranks[0])))
        kinds = [(n, v) for n, v in kept if n in self._categories and 2 <= len(np.unique(v)) <= CATEGORIES]
        for i, (a, v) in enumerate(kinds):
            for b, w in kinds[i + 1 :]:
                both = len(np.unique(v + 1e6 * w))
                if both == len(np.unique(v)) == len(np.unique(w)):
                    found.append(Oddity(f"{a}, {b}", 1.0, len(v)))
        return found

    @property
    def _categories(self) -> dict[str, tuple[str, ...]]:
        return {c.name: c.categories for c in self.data.features if c.categories}

    def _columns(self) -> Iterator[tuple[str, NDArray[np.float64]]]:
        """Each column's name and the values that it has."""
        for j, name in enumerate(self.names if self.is_table else ()):
            v = self.stored[:, j].astype(np.float64)
            v = v[np.isfinite(v)]
            if len(v):
                yield name, v


AGREE, OWN = 0.8, 0.1
"""A label is in doubt where at least this share of the neighbours has another, and at most this one its own."""

NUMBERED = 20
"""Below so many rows, whole numbers that are all different may be chance."""

DIFFERENT, PILED = 20, 0.01
"""Columns of so many different values have ends, where this share of the rows may pile up."""

LEAVES = 20
"""Of the tree that tells the label by one column."""

TWIN = 0.999
"""Rank correlation from which one column tells another."""

WIDE = 500
"""Of more columns, pairs are sought among the first so many."""

_known: dict[tuple[str, int], DataCheck] = {}


def checked(data: Data, most: int = MOST) -> DataCheck:
    """The measurements of a data set; those of the one asked for last are kept."""
    key = (data.fingerprint, most)
    if key not in _known:
        _known.clear()
        _known[key] = DataCheck(data, most)
    return _known[key]


def _averaged(x: NDArray[Any]) -> NDArray[Any]:
    """Images averaged down to at most `WIDEST` a side."""
    side = -(-max(x.shape[1:3]) // WIDEST)
    if side < 2 or min(x.shape[1:3]) < side:
        return x
    n, h, w = len(x), x.shape[1] // side, x.shape[2] // side
    out = np.empty((n, h, w, *x.shape[3:]), np.float32)
    for at in range(0, n, 1000):
        part = x[at : at + 1000, : h * side, : w * side].astype(np.float32)
        out[at : at + 1000] = part.reshape(len(part), h, side, w, side, *x.shape[3:]).mean(axis=(2, 4))
    return out


def _dimensions(apart: NDArray[np.float64]) -> float:
    """In how many dimensions examples lie, from the distances of each to its nearest others, in order (Levina & Bickel
    2005, "Maximum likelihood estimation of intrinsic dimension", eq. 8): the lower quartile over
    the examples, as some lie where few columns vary."""
    ratios = apart[:, -1:] / np.maximum(apart[:, 1:-1], 1e-9 * np.maximum(apart[:, -1:], 1e-300))
    local = 1 / np.maximum(np.log(np.maximum(ratios, 1)).mean(axis=1), 1e-6)
    return max(1.0, float(np.quantile(local, 0.25)))


def _components(rows: Floats) -> Floats:
    """Rows in their first principal components; as they are where they have no more values than that."""
    if rows.shape[1] <= COMPONENTS:
        return rows
    from sklearn.decomposition import PCA

    # From a fixed sample, which is enough for directions of most variance.
    fitted = PCA(COMPONENTS, svd_solver="randomized", random_state=0) if min(rows.shape) > COMPONENTS else None
    if fitted is None:
        return rows
    fitted.fit(rows[subsample(len(rows), 10_000, 0, permuted=True)])
    found: Floats = np.concatenate([fitted.transform(rows[at : at + 5000]) for at in range(0, len(rows), 5000)])
    return found.astype(np.float32)


def _distinct(v: NDArray[Any]) -> tuple[NDArray[Any], Indices]:
    """The different values in order, and how many there are of each."""
    if v.dtype == np.uint8:
        counts = np.bincount(v, minlength=256)
        return np.flatnonzero(counts), counts[counts > 0]
    return np.unique(v, return_counts=True)


def _ranks(v: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.stats import rankdata

    return np.asarray(rankdata(np.where(np.isfinite(v), v, np.nanmedian(v))))

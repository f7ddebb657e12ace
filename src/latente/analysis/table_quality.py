"""How much synthetic rows are like real ones: columns, pairs, a discriminator, what can be learnt from them, copies.

The scores of columns and pairs are those of the library sdmetrics, by their definitions.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.table_schema import TableColumn, TableSchema, learn
from latente.errors import DataError, unknown
from latente.evaluation.metrics.anomaly import auroc
from latente.evaluation.metrics.intervals import Estimate
from latente.evaluation.metrics.neighbours import Memorisation, memorisation, nearest
from latente.language.message import Message, phrase
from latente.language.words import Words
from latente.plain import as_html, as_text

Floats = NDArray[np.float64]

BINS = 10
"""Into so many intervals of equal width numbers fall where they are compared with categories."""
MOST_ROWS = 5000
"""The discriminator, predictions and distances take at most so many rows of each table, drawn by the seed."""
MOST_TARGETS = 6
"""So many columns are predicted where none is named, the first ones."""
LEAST_ROWS = 20
FOLDS = 5


@dataclass(frozen=True)
class ColumnQuality:
    """How much one column is like the real one.

    Attributes:
        name: of the column.
        measure: "KSComplement" of numbers, "TVComplement" of categories.
        score: 0 to 1, which is the same; NaN where either has no value.
        missing: 1 less the difference of the shares of missing cells.
    """

    name: str
    measure: str
    score: float
    missing: float


@dataclass(frozen=True)
class PairQuality:
    """How much the association of two columns is like the real one.

    Attributes:
        first, second: names of the columns.
        measure: "CorrelationSimilarity" of two columns of numbers, else "ContingencySimilarity".
        score: 0 to 1, which is the same; NaN where a correlation is not defined.
    """

    first: str
    second: str
    measure: str
    score: float


@dataclass(frozen=True)
class Usefulness:
    """How well a column is predicted by what was learnt from synthetic rows, on real rows that neither model saw.

    Attributes:
        name: of the column.
        measure: "accuracy", or "R²" of numbers.
        synthetic, real: trained on synthetic rows, and on as many real ones.
        guess: by the most frequent value, or by the mean (an R² of 0 or less).
    """

    name: str
    measure: str
    synthetic: float
    real: float
    guess: float


@dataclass(frozen=True, repr=False)
class QualityCard:
    """How much synthetic rows are like real ones; it shows itself as text and in a notebook as a table.

    Attributes:
        columns: of each column.
        pairs: of each pair of columns.
        discriminator: the AUC by which gradient-boosted trees tell synthetic from real rows that they did not see
            (5 folds), with DeLong's 95% interval; ½ is chance, 1 is told apart always.
        usefulness: of the columns predicted.
        copies: whether synthetic rows lie nearer to ``reference`` rows than real rows do.
        reference: "training" rows where they were given; else "real", half of those.
        rows: how many real and how many synthetic rows were compared.
    """

    columns: tuple[ColumnQuality, ...]
    pairs: tuple[PairQuality, ...]
    discriminator: Estimate
    usefulness: tuple[Usefulness, ...]
    copies: Memorisation
    reference: str
    rows: tuple[int, int]

    @property
    def shapes(self) -> float:
        """The mean score of the columns; NaN without any."""
        return _mean([c.score for c in self.columns])

    @property
    def trends(self) -> float:
        """The mean score of the pairs; NaN without any."""
        return _mean([p.score for p in self.pairs])

    @property
    def overall(self) -> float:
        """The mean of `shapes` and `trends`, as sdmetrics' report has it."""
        return _mean([self.shapes, self.trends])

    def __repr__(self) -> str:
        parts = {"overall": self.overall, "columns": self.shapes, "pairs": self.trends, "AUC": self.discriminator.value}
        return f"QualityCard({', '.join(f'{name} {value:.3f}' for name, value in parts.items())})"

    def __str__(self) -> str:
        return self.text()

    def text(self, language: str = "en") -> str:
        """The card in "en" or "pt"."""
        return as_text(*self._said(Words(language)), most=240)

    def _repr_html_(self) -> str:
        return as_html(*self._said(Words("en")), most=240)

    def _said(self, words: Words) -> tuple[str, list[tuple[str, object]]]:
        title = Message("quality.title", real=self.rows[0], synthetic=self.rows[1])
        return phrase(title, words), [(phrase(a, words), phrase(b, words)) for a, b in self.summary()]

    def summary(self) -> list[tuple[str, str]]:
        """The card as (label, text), messages that know both languages."""
        columns = [(c.name, c.score) for c in self.columns]
        pairs = [(f"{p.first} × {p.second}", p.score) for p in self.pairs]
        missing = [(c.name, c.missing) for c in self.columns]
        auc, near = self.discriminator, self.copies
        found: list[tuple[str, str]] = [
            (Message("quality.overall"), Message("quality.overall_text", score=self.overall)),
            (Message("quality.shapes"), _lowest(columns)),
            (Message("quality.trends"), _lowest(pairs)),
            (Message("quality.missing"), _lowest(missing)),
            (
                Message("quality.told"),
                Message("quality.told_text", value=auc.value, low=auc.low, high=auc.high),
            ),
        ]
        for u in self.usefulness:
            key = "quality.accuracy" if u.measure == "accuracy" else "quality.r2"
            said = Message(key, synthetic=u.synthetic, real=u.real, guess=u.guess)
            found.append((Message("quality.use", name=u.name), said))
        nearer = near.nearer
        said = Message(
            "quality.near_text", value=nearer.value, low=nearer.low, high=nearer.high, copies=near.copies.value,
            usual=near.held_out_copies.value, reference=Message(f"quality.{self.reference}"),
        )  # fmt: skip
        found.append((Message("quality.near"), said))
        found.append((Message("quality.limits"), Message("quality.limits_text")))
        return found


def table_quality(
    real: Any,
    synthetic: Any,
    *,
    train: Any = None,
    schema: TableSchema | None = None,
    target: str | Sequence[str] | None = None,
    seed: int = 0,
) -> QualityCard:
    """How much synthetic rows are like real ones.

    Args:
        real: real rows, best such as the model that made the synthetic ones has not seen.
        synthetic: synthetic rows, of the same columns.
        train: the rows that the model was trained on, for distances and as what a prediction learns from; without them
            ``real`` is halved for either.
        schema: what the columns are; by default it is learnt from ``real``.
        target: columns to predict; by default the first `MOST_TARGETS`.
        seed: of every split and draw.

    Raises:
        DataError: fewer than `LEAST_ROWS` rows of either table, an unknown target; or as `TableSchema.encode`.
    """
    schema = schema or learn(real)
    columns = schema.modelled
    a, b = schema.numbers(real), schema.numbers(synthetic)
    fit = None if train is None else schema.numbers(train)
    for name, rows in (("real", a), ("synthetic", b), ("train", fit)):
        if rows is not None and len(rows) < LEAST_ROWS:
            raise DataError(f"{name}: got {len(rows)} rows; allowed: at least {LEAST_ROWS}, to compare tables")
    names = [c.name for c in columns]
    wanted = names[:MOST_TARGETS] if target is None else [target] if isinstance(target, str) else list(target)
    for name in wanted:
        if name not in names:
            raise DataError(unknown("target", name, names))
    rng = np.random.default_rng(seed)
    halves = rng.permutation(len(a))
    first, second = a[halves[: len(a) // 2]], a[halves[len(a) // 2 :]]
    known, unseen = (first, second) if fit is None else (fit, a)
    known, unseen, made = (_drawn(part, rng) for part in (known, unseen, b))
    size = min(len(known), len(made))
    uses = [_usefulness(columns, names.index(n), made[:size], known[:size], unseen, seed) for n in wanted]
    scale = _Distances(columns, known)
    references = scale.rows(known)
    k = min(2, len(references) - 1)
    near = memorisation(*(nearest(scale.rows(part), references, k).distance for part in (made, unseen)))
    return QualityCard(
        tuple(_column(c, a[:, i], b[:, i]) for i, c in enumerate(columns)),
        tuple(_pair(columns[i], columns[j], a[:, [i, j]], b[:, [i, j]])
              for i, j in itertools.combinations(range(len(columns)), 2)),
        _discriminator(columns, _drawn(a, rng), _drawn(b, rng), seed),
        tuple(uses),
        near,
        "real" if fit is None else "training",
        (len(a), len(b)),
    )  # fmt: skip


def ks_complement(real: Floats, synthetic: Floats) -> float:
    """1 less the largest difference of the two empirical distribution functions; NaN cells are left out.

    Args:
        real, synthetic: numbers, shapes (n,) and (m,). NaN is returned where either has none.
    """
    a, b = (np.sort(v[~np.isnan(v)]) for v in (real, synthetic))
    if not len(a) or not len(b):
        return float("nan")
    every = np.concatenate([a, b])
    below = [np.searchsorted(v, every, side="right") / len(v) for v in (a, b)]
    return float(1 - np.abs(below[0] - below[1]).max())


def tv_complement(real: Floats, synthetic: Floats) -> float:
    """1 less half the sum of the differences of frequencies of codes; NaN cells are left out.

    Args:
        real, synthetic: codes, shapes (n,) and (m,). NaN is returned where either has none.
    """
    a, b = (v[~np.isnan(v)] for v in (real, synthetic))
    return _overlap(a, b) if len(a) and len(b) else float("nan")


def missing_similarity(real: Floats, synthetic: Floats) -> float:
    """1 less the difference of the shares of NaN."""
    return float(1 - abs(np.isnan(real).mean() - np.isnan(synthetic).mean()))


def correlation_similarity(real: Floats, synthetic: Floats) -> float:
    """1 less half the difference of Pearson's correlations of two columns of numbers, shapes (n, 2) and (m, 2).

    Rows with a NaN are left out; NaN where a column does not vary or has fewer than two rows.
    """
    found = []
    for values in (real, synthetic):
        rows = values[~np.isnan(values).any(axis=1)]
        if len(rows) < 2 or (np.ptp(rows, axis=0) == 0).any():
            return float("nan")
        found.append(np.corrcoef(rows - rows.mean(axis=0), rowvar=False)[0, 1])
    return float(1 - abs(found[0] - found[1]) / 2)


def contingency_similarity(real: Floats, synthetic: Floats, numbers: Sequence[bool] = (False, False)) -> float:
    """1 less half the sum of the differences of frequencies of pairs; a missing cell is a value like others.

    Args:
        real, synthetic: two columns each, shapes (n, 2) and (m, 2).
        numbers: which of them hold numbers, which fall into `BINS` intervals of equal width from the lowest to the
            highest real one, the outer two without end.
    """
    a, b = real.copy(), synthetic.copy()
    for j in np.flatnonzero(numbers):
        observed = a[~np.isnan(a[:, j]), j]
        edges = np.histogram_bin_edges(observed, bins=BINS)
        edges[0], edges[-1] = -np.inf, np.inf
        for values in (a, b):
            values[:, j] = np.digitize(values[:, j], edges)
    _, codes = np.unique(np.nan_to_num(np.concatenate([a, b]), nan=-1), axis=0, return_inverse=True)
    found = np.asarray(codes, np.float64).reshape(-1)
    return _overlap(found[: len(a)], found[len(a) :])


def _overlap(a: Floats, b: Floats) -> float:
    values, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
    shares = [np.bincount(part, minlength=len(values)) / len(part) for part in (codes[: len(a)], codes[len(a) :])]
    return float(1 - np.abs(shares[0] - shares[1]).sum() / 2)


def _column(column: TableColumn, real: Floats, synthetic: Floats) -> ColumnQuality:
    measure, score = ("TVComplement", tv_complement) if column.coded else ("KSComplement", ks_complement)
    return ColumnQuality(column.name, measure, score(real, synthetic), missing_similarity(real, synthetic))


def _pair(first: TableColumn, second: TableColumn, real: Floats, synthetic: Floats) -> PairQuality:
    numbers = (not first.coded, not second.coded)
    if all(numbers):
        return PairQuality(first.name, second.name, "CorrelationSimilarity", correlation_similarity(real, synthetic))
    score = contingency_similarity(real, synthetic, numbers)
    return PairQuality(first.name, second.name, "ContingencySimilarity", score)


def _drawn(rows: Floats, rng: np.random.Generator) -> Floats:
    return rows[rng.permutation(len(rows))[:MOST_ROWS]]


def _trees(kind: str, columns: Sequence[TableColumn], seed: int) -> Any:
    """Gradient-boosted trees, which take missing values and categories as they are."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    made = HistGradientBoostingClassifier if kind == "classes" else HistGradientBoostingRegressor
    named = [c.kind == "categorical" and len(c.levels) <= 255 for c in columns]
    return made(
        max_iter=60, min_samples_leaf=10, early_stopping=False, random_state=seed, categorical_features=np.array(named)
    )


def _discriminator(columns: Sequence[TableColumn], real: Floats, synthetic: Floats, seed: int) -> Estimate:
    from sklearn.model_selection import StratifiedKFold

    size = min(len(real), len(synthetic))
    x = np.concatenate([real[:size], synthetic[:size]])
    y = np.repeat([0, 1], size)
    scores = np.empty(len(x))
    for fitted, held in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y):
        model = _trees("classes", columns, seed).fit(x[fitted], y[fitted])
        scores[held] = model.predict_proba(x[held])[:, 1]
    return auroc(scores[y == 0], scores[y == 1])


def _usefulness(
    columns: Sequence[TableColumn], place: int, synthetic: Floats, real: Floats, unseen: Floats, seed: int
) -> Usefulness:
    column = columns[place]
    others = [c for i, c in enumerate(columns) if i != place]
    kind = "classes" if column.coded else "numbers"

    def parts(rows: Floats) -> tuple[Floats, Floats]:
        rows = rows[~np.isnan(rows[:, place])]
        return np.delete(rows, place, axis=1), rows[:, place]

    x_new, y_new = parts(unseen)
    found = []
    for rows in (synthetic, real):
        x, y = parts(rows)
        if len(y_new) == 0 or len(y) == 0 or not others:
            found.append(float("nan"))
            continue
        if len(np.unique(y)) == 1:
            guessed = np.full(len(y_new), y[0])
        else:
            guessed = _trees(kind, others, seed).fit(x, y).predict(x_new)
        found.append(_agreement(kind, y_new, guessed))
    guess = float("nan")
    if len(y_new):
        values, counts = np.unique(parts(real)[1], return_counts=True)
        usual = values[counts.argmax()] if kind == "classes" else parts(real)[1].mean()
        guess = _agreement(kind, y_new, np.full(len(y_new), usual))
    return Usefulness(column.name, "accuracy" if kind == "classes" else "R²", found[0], found[1], guess)


def _agreement(kind: str, true: Floats, guessed: Floats) -> float:
    if kind == "classes":
        return float((true == guessed).mean())
    spread = float(((true - true.mean()) ** 2).sum())
    return float(1 - ((true - guessed) ** 2).sum() / spread) if spread > 0 else float("nan")


class _Distances:
    """Rows as points: numbers standardised by given rows, different categories at distance 1, a missing cell apart."""

    def __init__(self, columns: Sequence[TableColumn], rows: Floats) -> None:
        self.columns = columns
        with np.errstate(invalid="ignore"):
            z = self._transformed(rows)
        observed = ~np.isnan(z)
        count = np.maximum(observed.sum(axis=0), 1)
        self.mean = np.where(observed, z, 0).sum(axis=0) / count
        sd = np.sqrt(np.where(observed, (z - self.mean) ** 2, 0).sum(axis=0) / count)
        self.sd = np.where(sd > 0, sd, 1)

    def _transformed(self, rows: Floats) -> Floats:
        made = [v if c.coded else c.transform.forward(v) for c, v in zip(self.columns, rows.T, strict=True)]
        return np.stack(made, axis=1)

    def rows(self, rows: Floats) -> Floats:
        """Points, shape (n, numbers), of rows of shape (n, columns)."""
        z = (self._transformed(rows) - self.mean) / self.sd
        parts = []
        for i, c in enumerate(self.columns):
            gone = np.isnan(rows[:, i])
            if c.kind in ("categorical", "binary"):
                ones = rows[:, i][:, None] == np.arange(len(c.levels))
                parts.append(ones / np.sqrt(2))
            else:
                parts.append(np.where(gone, 0, z[:, i])[:, None])
            parts.append(gone[:, None].astype(np.float64))
        return np.concatenate(parts, axis=1)


def _mean(values: Sequence[float]) -> float:
    found = [v for v in values if not np.isnan(v)]
    return float(np.mean(found)) if found else float("nan")


def _lowest(scores: Sequence[tuple[str, float]], most: int = 3) -> str:
    known = sorted(((s, n) for n, s in scores if not np.isnan(s)))
    if not known:
        return Message("quality.none")
    lowest = tuple(Message("quality.item", name=name, score=score) for score, name in known[:most])
    return Message("quality.scored", score=_mean([s for s, _ in known]), lowest=lowest)

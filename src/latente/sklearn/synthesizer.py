"""`TableSynthesizer`: rows like those of a table, with its data types, categories, bounds and missing cells."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import jax
import numpy as np
from jax import Array
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from latente.analysis.table_quality import QualityCard, table_quality
from latente.compiling import jit
from latente.data.frames import read_frame
from latente.data.table_schema import TableSchema
from latente.errors import DataError, LatenteWarning, unknown
from latente.evaluation import latent
from latente.evaluation.metrics.checks import whole
from latente.model.autoencoder import Autoencoder
from latente.sklearn.base import ModelEstimator
from latente.spec import ModelSpec

Doubles = NDArray[np.float64]

MOST_TIMES = 20
"""Rows drawn for each one wanted before rejection gives up."""
LEAST_DRAWN = 10_000
"""Rows drawn at least before rejection gives up, and codes weighed at least."""


@dataclass(frozen=True, repr=False)
class Drawn:
    """Synthetic rows, and how they were found.

    Attributes:
        rows: a table like that of `TableSynthesizer.fit`.
        method: "prior" without conditions; "rejection": rows drawn until enough met them; "importance": codes drawn by
            how likely they make the conditions.
        drawn: how many rows, or codes, were drawn to find them.
        effective: how many independent rows they are worth: all of them, but with "importance" at most as many as the
            weights' (Σ w)² / Σ w² (Kong 1992).
    """

    rows: Any
    method: str
    drawn: int
    effective: float

    def __repr__(self) -> str:
        n = len(self.rows)
        return f"Drawn({n:,} rows by {self.method}, worth {self.effective:,.0f} independent ones; {self.drawn:,} drawn)"


class TableSynthesizer(ModelEstimator):
    """Synthetic rows of a table: a model of its columns, from which new rows are drawn.

    Missing cells are learnt too: for each column that has some, a column that says where they are is modelled with the
    others, so that they depend on what they depended on; a synthetic cell is missing where its own is drawn as 1.

    Args:
        prior: the density of codes that rows are drawn from, fitted after training to the codes of the training rows
            (see `latente.Run.with_prior`): a VAE's codes do not fill its own prior. None draws from the model's own.
        model, latent_dim, epochs, kinds, ignore, validation, random_state, verbose, options: as
            `latente.sklearn.base.ModelEstimator` has them.

    Attributes:
        run_, spec_, schema_, n_features_in_, feature_names_in_, n_iter_: as in `ModelEstimator`.
    """

    def __init__(
        self,
        model: str | ModelSpec = "VAE",
        *,
        prior: str | None = "gaussian-mixture",
        latent_dim: int | None = None,
        epochs: int | None = None,
        kinds: Mapping[str, str] | None = None,
        ignore: Any = (),
        image_shape: Any = False,
        validation: float = 0.1,
        random_state: Any = None,
        verbose: bool | None = None,
        **options: Any,
    ) -> None:
        self.prior = prior
        super().__init__(
            model,
            latent_dim=latent_dim,
            epochs=epochs,
            kinds=kinds,
            ignore=ignore,
            image_shape=image_shape,
            validation=validation,
            random_state=random_state,
            verbose=verbose,
            **options,
        )

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn what the columns are, train, and fit the prior.

        Args:
            X: rows of a table.
            y: ignored; a label to be drawn too is a column of the table.
            sample_weight: how much each row counts in the loss, shape (n,).

        Raises:
            ValueError, TypeError: as `latente.sklearn.Autoencoder.fit`.
        """
        self._train(X, None, sample_weight)
        if self.prior is not None:
            self.run_ = self.run_.with_prior(self.prior, seed=self.run_.spec.seed)
        return self

    def _learn(self, x: Any) -> Any:
        rows = super()._learn(x)
        if isinstance(self.schema_, TableSchema):
            self.schema_ = dataclasses.replace(self.schema_, holes=True)
        return rows

    def sample(self, n_samples: int = 1, *, where: Mapping[str, Any] | None = None, random_state: Any = None) -> Any:
        """Synthetic rows, as a table like that of `fit`: the ``rows`` of `draw`, which says more.

        Args:
            n_samples: how many.
            where: conditions, see `draw`.
            random_state: of the draws; by default that of the estimator.

        Raises:
            DataError, SpecError: as `draw`.
        """
        return self.draw(n_samples, where=where, random_state=random_state).rows

    def draw(self, n_samples: int = 1, *, where: Mapping[str, Any] | None = None, random_state: Any = None) -> Drawn:
        """Synthetic rows, and how they were found.

        Rows that meet conditions are drawn by rejection, as long as one in `MOST_TIMES` does; else codes are weighed by
        how likely they make the conditions, and rows are drawn from codes so chosen. Then several rows may come of one
        code, which is warned of where the rows are worth fewer than ``n`` independent ones.

        Args:
            n_samples: how many.
            where: for columns by name, a value; a list of values, any of which will do; a tuple (lowest, highest),
                either None for no end; or None for a missing cell.
            random_state: of the draws; by default that of the estimator.

        Raises:
            DataError: an unknown column, a value that it cannot have, or conditions that no row meets.
            SpecError: ``n_samples`` is no whole number above 0.
        """
        check_is_fitted(self, "run_")
        n = whole("n_samples", n_samples, 1)
        rng = np.random.default_rng(self._seed(random_state))
        conditions = [_condition(self.schema_, name, given) for name, given in (where or {}).items()]
        if not conditions:
            return Drawn(self._rows(self._values_of(self._codes(n, rng), rng)), "prior", n, float(n))
        return self._rejected(n, conditions, rng) or self._weighed(n, conditions, rng)

    def quality(
        self, real: Any, synthetic: Any = None, *, target: str | Sequence[str] | None = None, random_state: Any = None
    ) -> QualityCard:
        """How much synthetic rows are like real ones (see `latente.analysis.table_quality.table_quality`).

        Args:
            real: rows, best such as `fit` has not seen: what is compared with them then tells what the model learnt,
                and distances to the training rows tell copies.
            synthetic: rows that were sampled; by default as many as ``real`` has are drawn.
            target: columns to predict; by default the first few.
            random_state: of draws and splits; by default that of the estimator.

        Raises:
            DataError: as `table_quality`.
        """
        check_is_fitted(self, "run_")
        if not isinstance(self.schema_, TableSchema):
            raise DataError("quality: the rows are images; allowed: rows of a table")
        plain = dataclasses.replace(self.schema_, holes=False)
        if synthetic is None:
            synthetic = self.sample(read_frame(real).rows, random_state=random_state)
        data = self.run_.data
        train = self._rows(data.values(data.train.x))
        seed = self._seed(random_state)
        return table_quality(real, synthetic, train=train, schema=plain, target=target, seed=seed)

    def _codes(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        return latent.sample_codes(self.run_.generator, n, seed=int(rng.integers(2**31)))

    def _values_of(self, codes: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """A row drawn at each code, as model values."""
        return latent.draw(self.run_.model, codes, None, seed=int(rng.integers(2**31)))

    def _rejected(self, n: int, conditions: Sequence[_Condition], rng: np.random.Generator) -> Drawn | None:
        """Rows by rejection; None where too few meet the conditions."""
        kept: list[NDArray[np.float32]] = []
        found = drawn = 0
        most = max(MOST_TIMES * n, LEAST_DRAWN)
        while found < n:
            if drawn >= most:
                return None
            rate = max(found, 1) / drawn if drawn else 0.5
            size = min(most - drawn, max(1000, math.ceil(1.2 * (n - found) / rate)))
            values = self._values_of(self._codes(size, rng), rng)
            values = values[_met(self.schema_, conditions, values)]
            kept.append(values)
            found, drawn = found + len(values), drawn + size
        return Drawn(self._rows(np.concatenate(kept)[:n]), "rejection", drawn, float(n))

    def _weighed(self, n: int, conditions: Sequence[_Condition], rng: np.random.Generator) -> Drawn:
        """Rows of codes that are drawn by their weights; ranges by rejection among these."""
        count = max(MOST_TIMES * n, LEAST_DRAWN)
        codes = self._codes(count, rng)
        points = [c for c in conditions if c.options is not None]
        by_option = {c.place: self._log_probs(codes, c) for c in points}
        log_weight = sum((np.logaddexp.reduce(v, axis=1) for v in by_option.values()), np.zeros(count))
        weight = np.exp(log_weight - log_weight.max())
        effective = float(weight.sum() ** 2 / (weight**2).sum())
        kept: list[NDArray[np.float32]] = []
        found = tries = 0
        while found < n and tries < MOST_TIMES:
            chosen = rng.choice(count, size=max(n, 1000), p=weight / weight.sum())
            values = self._values_of(codes[chosen], rng)
            for c in points:
                assert c.options is not None
                share = np.exp(by_option[c.place][chosen] - by_option[c.place][chosen].max(axis=1, keepdims=True))
                share = np.cumsum(share, axis=1) / share.sum(axis=1, keepdims=True)
                option = (rng.random(len(chosen))[:, None] > share).sum(axis=1)
                values[:, c.place] = np.array(c.options)[np.minimum(option, len(c.options) - 1)]
                if c.hole is not None and c.hole != c.place:
                    values[:, c.hole] = 0
            values = values[_met(self.schema_, [c for c in conditions if c.options is None], values)]
            kept.append(values)
            found, tries = found + len(values), tries + 1
        if found < n:
            raise DataError(
                f"where: {found} of {tries * max(n, 1000):,} rows drawn meet the conditions, and {n} are wanted; widen "
                "the ranges or ask for fewer rows"
            )
        worth = min(float(n), effective)
        if worth < n:
            warnings.warn(
                f"the {n} rows that meet the conditions are worth {worth:.0f} independent ones: they come of few codes",
                LatenteWarning,
                stacklevel=4,
            )
        return Drawn(self._rows(np.concatenate(kept)[:n]), "importance", count, worth)

    def _log_probs(self, codes: NDArray[np.float32], condition: _Condition) -> Doubles:
        """log p of each option of a condition at each code, shape (codes, options)."""
        model = self.run_.model
        assert condition.options is not None
        found = []
        for option in condition.options:
            x = np.full((len(codes), *model.shape), np.nan, np.float32)
            x[:, condition.place] = option
            if condition.hole is not None and condition.hole != condition.place:
                x[:, condition.hole] = 0
            found.append(latent.batched(_log_prob_of, model, codes, x)[:, 0])
        return np.stack(found, axis=1).astype(np.float64)


@dataclass(frozen=True)
class _Condition:
    """What a column must be.

    Attributes:
        place: the column of the model's values: its own, or for a missing cell the one that says so.
        hole: the column that says where its cells are missing; None if it has none.
        options: model values, any of which will do; None for a range.
        range: lowest and highest number, of those that `TableSchema.numbers` gives; None for values.
    """

    place: int
    hole: int | None
    options: tuple[float, ...] | None
    range: tuple[float, float] | None = None


def _condition(schema: Any, name: str, given: Any) -> _Condition:
    if not isinstance(schema, TableSchema):
        raise DataError("where: the rows are images; allowed: conditions on the columns of a table")
    modelled = [c.name for c in schema.modelled]
    if name not in modelled:
        raise DataError(unknown("column of where", name, [c.name for c in schema.columns if c.modelled]))
    place = modelled.index(name)
    hole = modelled.index(f"{name} is missing") if f"{name} is missing" in modelled else None
    if isinstance(given, tuple):
        column = schema.modelled[place]
        if len(given) != 2 or column.kind in ("binary", "categorical"):
            what = "a value, or a list of values" if column.coded else "(lowest, highest)"
            raise DataError(f"where: {name}: got {given!r}; allowed: {what}")
        ends = [math.nan if v is None else schema.number(name, v) for v in given]
        return _Condition(place, hole, None, (_or(ends[0], -math.inf), _or(ends[1], math.inf)))
    values = list(given) if isinstance(given, list | set | frozenset) else [given]
    if not values:
        raise DataError(f"where: {name}: got no values; allowed: at least one")
    if any(_is_missing(v) for v in values):
        if len(values) > 1 or hole is None:
            why = "along with other values" if hole is not None else "for no cell of it was missing"
            raise DataError(f"where: {name}: cannot be missing {why}; leave it out")
        return _Condition(hole, hole, (1.0,))
    return _Condition(place, hole, tuple(schema.code(name, v) for v in values))


def _or(value: float, otherwise: float) -> float:
    return otherwise if math.isnan(value) else value


def _is_missing(value: Any) -> bool:
    import pandas as pd

    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _met(schema: Any, conditions: Sequence[_Condition], values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which rows of model values meet all conditions, once they are what their columns can hold."""
    fine = np.ones(len(values), bool)
    if not conditions or not len(values):
        return fine
    numbers = schema.snapped(values)
    for c in conditions:
        if c.hole is not None:
            fine &= (values[:, c.hole] >= 0.5) == (c.hole == c.place)
        if c.range is not None:
            fine &= (numbers[:, c.place] >= c.range[0]) & (numbers[:, c.place] <= c.range[1])
        else:
            wanted = np.full((len(c.options or ()), values.shape[1]), np.nan)
            wanted[:, c.place] = c.options
            fine &= np.isin(numbers[:, c.place], schema.snapped(wanted)[:, c.place])
    return fine


@jit
def _log_prob_of(model: Autoencoder, z: Array, x: Any) -> Array:
    return jax.vmap(lambda z, x: model.likelihood.log_prob_observed(model.decode(z), x))(z, x)[:, None]

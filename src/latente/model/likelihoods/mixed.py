"""The likelihood of tables with columns of different kinds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.data.conditions import moments
from latente.errors import DataError, SpecError
from latente.model.likelihoods.base import Likelihood, likelihoods
from latente.model.likelihoods.columns import Layout, acceptable, layout, parse
from latente.model.likelihoods.counts import (
    LOG_DISPERSION_BOUND,
    check_counts,
    draw_negative_binomial,
    log_mean_of,
    raw_of_mean,
)
from latente.model.likelihoods.gaussian import LOG_SIGMA_BOUND
from latente.model.likelihoods.numeric import HALF_LOG_2_PI, negative_binomial_log_prob, poisson_log_prob
from latente.model.nets import bounded
from latente.registry import learnt

FAINTEST = 1e-3
NEVER = -1e30
"""The logit of categories that a column does not have: finite, so that no gradient is NaN."""
GAP = 1e-4
"""The least distance of two thresholds: no level has a probability of zero."""


@likelihoods.register("mixed", source="Nazábal et al. 2020, arXiv:1807.03653 (heterogeneous data)")
class Mixed(Likelihood):
    """A separate density or probability for each column of a flat example.

    ``columns`` is a list with one entry per column, of shape (columns,) in all:

    - "real": a Gaussian around the decoder's output, with one learnt σ per column, log σ in (−6, 6), both for the
      standardised column: minus the training part's mean, over its standard deviation;
    - "binary": 0 or 1, a Bernoulli;
    - "count": a Poisson (also "count:poisson"), or "count:negative-binomial", with one learnt θ per column; an output
      of 0 is the training part's mean count;
    - "categorical:K": one of 0, 1, …, K − 1, a softmax;
    - "ordinal:K": one of 0, 1, …, K − 1 in order: P(x ≤ k) = sigmoid(c_k − output), with learnt thresholds c₀ < c₁ < …
      per column (McCullagh 1980, JRSS B 42), which start where an output of 0 has the training part's frequencies.

    The encoder sees real and ordinal columns standardised, binary ones as they are, log(1 + x) of counts, and one-hot
    categories.
    Means, samples and log-probabilities are in the data's own units. Log-densities and log-probabilities add up, as
    for any mixed table: the sum is in nats, but depends on the units of the real columns.

    Attributes:
        center: what an output of 0 stands for in each column, shape (columns,): the mean of a real one, the raw log of
            the mean of counts, else 0; of an ordinal one the mean that the encoder's input is centred by.
        spread: what an output of 1 adds in each column: the standard deviation of a real one, else 1; of an ordinal one
            the deviation that the encoder's input is divided by.
        thresholds: of each ordinal column the first threshold, and the raw distances to the next: each is `GAP` +
            softplus; shape (columns, most levels − 1); None without such columns.
    """

    columns: Sequence[str] = eqx.field(static=True, default=(), converter=lambda c: tuple(c) if type(c) is list else c)
    log_sigma: Array | None = learnt()
    log_dispersion: Array | None = learnt()
    center: Array | None = learnt()
    spread: Array | None = learnt()
    thresholds: Array | None = learnt()

    support: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    same_support: ClassVar[bool] = False
    standardises: ClassVar[bool] = True

    def __check_init__(self) -> None:
        parse(self.columns, likelihoods.name_of(self))

    @property
    def layout(self) -> Layout:
        """Where each column's outputs and features are."""
        return layout(parse(self.columns, likelihoods.name_of(self)))

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        if shape != (len(self.columns),):
            raise SpecError(
                f"{likelihoods.name_of(self)}: got {len(self.columns)} columns for examples of shape {shape}; "
                "allowed: a table, with one entry for each of its columns"
            )

    def init(self, shape: tuple[int, ...], *, key: Array) -> Self:
        """With log σ and log θ at zero, and no standardisation yet (see `start`).

        Raises:
            SpecError: examples are not flat, or have another number of columns.
        """
        self._check_shape(shape)
        real, negative_binomial = (len(self.layout.columns(k)) for k in ("real", "count:negative-binomial"))
        units: dict[str, Any] = {k: jnp.asarray(v) for k, v in self.legacy_arrays().items()}
        return replace(
            self,
            log_sigma=jnp.zeros(real),
            log_dispersion=jnp.zeros(negative_binomial),
            **units,
            thresholds=self._first_thresholds(None),
        )

    def _first_thresholds(self, rows: NDArray[np.float32] | None) -> Array | None:
        """Where an output of 0 has the frequencies of rows, (n, columns), half a count added to each; or equal ones."""
        at = self.layout
        raw = np.zeros(at.ordered.shape, np.float32)
        for i, c in enumerate(at.columns("ordinal")):
            codes = np.zeros(0, np.int64) if rows is None else rows[~np.isnan(rows[:, c]), c].astype(np.int64)
            shares = np.bincount(codes, minlength=at.levels[c]) + 0.5
            below = np.cumsum(shares)[:-1] / shares.sum()
            cuts = np.log(below / (1 - below))
            raw[i, : len(cuts)] = [cuts[0], *np.log(np.expm1(np.maximum(np.diff(cuts) - GAP, GAP)))]
        return jnp.asarray(raw) if len(raw) else None

    def legacy_arrays(self) -> dict[str, NDArray[np.float32]]:
        """No standardisation, as in older versions."""
        count = len(self.columns)
        return {"center": np.zeros(count, np.float32), "spread": np.ones(count, np.float32)}

    def start(self, values: Callable[[], NDArray[np.float32]]) -> Self:
        """With the center, spread and thresholds of the training part's observed values."""
        units, rows = self.legacy_arrays(), values()
        for i, kind in enumerate(self.layout.kinds):
            mean, sd = moments(rows[:, i])
            if kind in ("real", "ordinal"):
                units["center"][i], units["spread"][i] = mean, sd
            elif kind.startswith("count"):
                units["center"][i] = raw_of_mean(jnp.float32(mean))
        thresholds = None if self.thresholds is None else self._first_thresholds(rows)
        return replace(
            self, center=jnp.asarray(units["center"]), spread=jnp.asarray(units["spread"]), thresholds=thresholds
        )

    def fixed_arrays(self) -> tuple[Array, ...]:
        """The center and the spread."""
        assert self.center is not None
        assert self.spread is not None
        return jax.lax.stop_gradient((self.center, self.spread))

    def poisson_values(self) -> NDArray[np.intp]:
        """Its "count" columns."""
        return np.flatnonzero([kind == "count" for kind in self.layout.kinds])

    def category_counts(self, shape: tuple[int, ...]) -> NDArray[np.intp]:
        """The K of its categorical columns."""
        at = self.layout
        return np.array([n if k == "categorical" else 0 for k, n in zip(at.kinds, at.sizes, strict=True)], np.intp)

    def fill_value(self) -> Array:
        """The mean of real and ordinal columns, else 0."""
        centred = np.array([kind in ("real", "ordinal") for kind in self.layout.kinds])
        return jnp.where(centred, self.fixed_arrays()[0], 0)

    def outputs(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Flat, column after column: one number each, or one logit for each category."""
        return (self.layout.outputs,)

    def features_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Flat, column after column: one number each, or one for each category."""
        return (self.layout.outputs,)

    def features(self, x: Array) -> Array:
        """Standardised numbers, zeros and ones, log(1 + count), and one-hot categories."""
        at = self.layout
        kinds = np.array(at.kinds)[at.owners]
        values, counts = (
            ((x - self.fill_value()) / self.fixed_arrays()[1])[at.owners],
            np.char.startswith(kinds, "count"),
        )
        numbers = jnp.where(counts, jnp.log1p(jnp.where(counts, values, 0)), values)
        return jnp.where(kinds == "categorical", (jnp.round(values) == at.offsets).astype(x.dtype), numbers)

    def residual(self, x: Array, mean: Array) -> Array:
        """Real and ordinal columns over their spread, binary ones as they are, counts as log(1 + x), categories 0 or 1
        if wrong.
        """
        kinds = np.array(self.layout.kinds)
        counts = np.char.startswith(kinds, "count")
        logs = [jnp.log1p(jnp.where(counts, v, 0)) for v in (mean, x)]
        numbers = jnp.where(counts, logs[0] - logs[1], (mean - x) / self.fixed_arrays()[1])
        wrong = jnp.where(jnp.isnan(x), jnp.nan, jnp.round(mean) != jnp.round(x))
        return jnp.where(kinds == "categorical", wrong, numbers)

    def _logits(self, outputs: Array) -> Array:
        """Logits of the categorical columns, shape (columns, most categories)."""
        return jnp.where(self.layout.real, outputs[self.layout.categories], NEVER)

    def _units(self) -> tuple[Array, Array]:
        """The center and the spread of the real columns."""
        center, spread = (v[self.layout.columns("real")] for v in self.fixed_arrays())
        return center, spread

    def cuts(self) -> Array:
        """The thresholds, shape (ordinal columns, most levels − 1)."""
        assert self.thresholds is not None
        first, more = self.thresholds[:, :1], GAP + jax.nn.softplus(self.thresholds[:, 1:])
        return jnp.cumsum(jnp.concatenate([first, more], axis=1), axis=1)

    def _ordinal_log_probs(self, outputs: Array, x: Array) -> Array:
        """log P(c_{k−1} < y ≤ c_k) of a logistic y around the output: of each ordinal column, by differences that lose
        no digits, σ(b) − σ(a) = σ(b) σ(−a) (1 − exp(a − b)).
        """
        at = self.layout
        columns = at.columns("ordinal")
        if self.thresholds is None:
            return jnp.zeros(0, outputs.dtype)
        last = np.array([at.levels[c] - 1 for c in columns], np.int32)
        index = jnp.round(x[columns]).astype(jnp.int32)
        cuts = self.cuts()
        above, below = (
            jnp.take_along_axis(cuts, jnp.clip(place, 0, last - 1)[:, None], axis=1)[:, 0]
            for place in (index, index - 1)
        )
        output, first, top = outputs[at.places("ordinal")], index <= 0, index >= last
        gap = jnp.where(first | top, 1, above - below)
        return (
            jnp.where(top, 0, jax.nn.log_sigmoid(above - output))
            + jnp.where(first, 0, jax.nn.log_sigmoid(output - below))
            + jnp.where(first | top, 0, jnp.log(-jnp.expm1(-gap)))
        )

    def _log_means(self, outputs: Array, kind: str) -> Array:
        at = self.layout
        return log_mean_of(outputs[at.places(kind)] + self.fixed_arrays()[0][at.columns(kind)])

    def _log_sigma(self) -> Array:
        assert self.log_sigma is not None
        return bounded(self.log_sigma, LOG_SIGMA_BOUND)

    def _log_dispersion(self) -> Array:
        assert self.log_dispersion is not None
        return bounded(self.log_dispersion, LOG_DISPERSION_BOUND)

    def _ordered(self, by_kind: Sequence[Array]) -> Array:
        """Values sorted by kind, brought to the order of the columns."""
        return jnp.concatenate(by_kind)[self.layout.order]

    def log_probs(self, outputs: Array, x: Array) -> Array:
        """Those of each column, shape (columns,)."""
        at = self.layout
        log_sigma = self._log_sigma()
        center, spread = self._units()
        standard = (x[at.columns("real")] - center) / spread
        scaled = (standard - outputs[at.places("real")]) * jnp.exp(-log_sigma)
        logit, bit = outputs[at.places("binary")], x[at.columns("binary")]
        rate, overdispersed = (self._log_means(outputs, k) for k in ("count", "count:negative-binomial"))
        counts = x[at.columns("count:negative-binomial")]
        logits = self._logits(outputs)
        index = jnp.round(x[at.columns("categorical")]).astype(jnp.int32)
        chosen = jnp.take_along_axis(logits, index[:, None], axis=1)[:, 0]
        return self._ordered(
            [
                -0.5 * scaled**2 - log_sigma - HALF_LOG_2_PI - jnp.log(spread),
                bit * logit - jax.nn.softplus(logit),
                poisson_log_prob(rate, x[at.columns("count")]),
                negative_binomial_log_prob(overdispersed, self._log_dispersion(), counts),
                chosen - jax.nn.logsumexp(logits, axis=1),
                self._ordinal_log_probs(outputs, x),
            ]
        )

    def bias(self, mean: Array) -> Array:
        """The outputs with these means; for categories, whose mean says nothing, equal logits, and for ordinal columns,
        whose thresholds start at the training part's frequencies, 0.
        """
        self._check_shape(mean.shape)
        at = self.layout
        bits = jnp.clip(mean[at.columns("binary")], FAINTEST, 1 - FAINTEST)
        outputs = jnp.zeros(at.outputs, mean.dtype)
        center, spread = self._units()
        outputs = outputs.at[at.places("real")].set((mean[at.columns("real")] - center) / spread)
        outputs = outputs.at[at.places("binary")].set(jnp.log(bits / (1 - bits)))
        for kind in ("count", "count:negative-binomial"):
            raw = raw_of_mean(mean[at.columns(kind)]) - self.fixed_arrays()[0][at.columns(kind)]
            outputs = outputs.at[at.places(kind)].set(raw)
        return outputs

    def mean(self, outputs: Array) -> Array:
        """Expected values: of a binary column the probability of 1, of a categorical one the most probable category."""
        at = self.layout
        center, spread = self._units()
        return self._ordered(
            [
                center + spread * outputs[at.places("real")],
                jax.nn.sigmoid(outputs[at.places("binary")]),
                *(jnp.exp(self._log_means(outputs, kind)) for kind in ("count", "count:negative-binomial")),
                jnp.argmax(self._logits(outputs), axis=1).astype(outputs.dtype),
                self._levels_passed(outputs, jax.nn.sigmoid),
            ]
        )

    def _levels_passed(self, outputs: Array, passed: Callable[[Array], Array]) -> Array:
        """Of each ordinal column the sum of ``passed(output − threshold)`` over its thresholds."""
        at = self.layout
        if self.thresholds is None:
            return jnp.zeros(0, outputs.dtype)
        beyond = passed(outputs[at.places("ordinal")][:, None] - self.cuts())
        return jnp.sum(jnp.where(at.ordered, beyond, 0), axis=1)

    def variance(self, outputs: Array) -> Array:
        """Of each column in its own unit; of a categorical one the chance that it is not its most probable category."""
        at = self.layout
        logit = outputs[at.places("binary")]
        rate, overdispersed = (jnp.exp(self._log_means(outputs, k)) for k in ("count", "count:negative-binomial"))
        return self._ordered(
            [
                (self._units()[1] * jnp.exp(self._log_sigma())) ** 2,
                jax.nn.sigmoid(logit) * jax.nn.sigmoid(-logit),
                rate,
                overdispersed + overdispersed**2 * jnp.exp(-self._log_dispersion()),
                1 - jnp.max(jax.nn.softmax(self._logits(outputs), axis=1), axis=1, initial=0),
                self._ordinal_variance(outputs),
            ]
        )

    def _ordinal_variance(self, outputs: Array) -> Array:
        """E[y²] is the sum of (2k + 1) P(y > k) over the levels k."""
        at = self.layout
        if self.thresholds is None:
            return jnp.zeros(0, outputs.dtype)
        beyond = jax.nn.sigmoid(outputs[at.places("ordinal")][:, None] - self.cuts())
        chance = jnp.where(at.ordered, beyond, 0)
        return jnp.sum((2 * np.arange(at.ordered.shape[1]) + 1) * chance, axis=1) - jnp.sum(chance, axis=1) ** 2

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """Real numbers, zeros and ones, counts, and category numbers."""
        at = self.layout
        keys = jr.split(key, 5)
        # A key of its own, so that tables without ordinal columns draw what they always drew.
        ordinal = at.places("ordinal")
        noisy = outputs.at[ordinal].add(jr.logistic(jr.fold_in(key, 5), ordinal.shape, outputs.dtype))
        mean, logit = outputs[at.places("real")], outputs[at.places("binary")]
        rate, overdispersed = (self._log_means(outputs, k) for k in ("count", "count:negative-binomial"))
        center, spread = self._units()
        drawn = [
            center + spread * (mean + jnp.exp(self._log_sigma()) * jr.normal(keys[0], mean.shape, mean.dtype)),
            jr.bernoulli(keys[1], jax.nn.sigmoid(logit)),
            # Their loops take long to compile, even for no columns.
            jr.poisson(keys[2], jnp.exp(rate)) if rate.size else rate,
            draw_negative_binomial(overdispersed, self._log_dispersion(), key=keys[3])
            if overdispersed.size
            else overdispersed,
            jr.categorical(keys[4], self._logits(outputs), axis=1),
            self._levels_passed(noisy, lambda beyond: beyond > 0),
        ]
        return self._ordered([d.astype(outputs.dtype) for d in drawn])

    def check(self, values: NDArray[np.floating], shape: tuple[int, ...]) -> None:
        """Refuse a column with values that its kind does not take; NaN, a missing value, is ignored.

        Args:
            values: whole examples, shape (n, columns).
            shape: of one example.

        Raises:
            DataError: naming the column, counted from 0, the value found and those allowed.
        """
        name = likelihoods.name_of(self)
        if values.shape[1:] != shape:
            raise DataError(f"{name}: got values of shape {values.shape}; allowed: whole examples, (n, *{shape})")
        for i, (kind, size) in enumerate(zip(self.layout.kinds, self.layout.levels, strict=True)):
            words, fine = acceptable(kind, size)
            observed = values[:, i][~np.isnan(values[:, i])]
            odd = observed[~fine(observed)]
            if len(odd):
                raise DataError(
                    f'{name}: column {i} is "{self.columns[i]}" and takes {words}, and the data has {float(odd[0]):g}; '
                    "give the column another kind, or the data as it was, unscaled"
                )
            if kind.startswith("count"):
                where = f'{name}: column {i} is "{self.columns[i]}" and'
                check_counts(where, observed, 'give it the kind "real", which is standardised')

"""The likelihood of data in which whether a value is missing depends on the value itself (not-MIWAE)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.data.conditions import moments
from latente.errors import SpecError
from latente.model.likelihoods.base import Likelihood, likelihoods
from latente.model.likelihoods.bernoulli import Bernoulli
from latente.model.likelihoods.gaussian import Gaussian
from latente.model.likelihoods.mixed import NEVER, Mixed
from latente.model.nets import bounded
from latente.registry import learnt
from latente.spec import Part, part

REACH, STEP = 6.0, 0.25
"""Standard deviations to either side of a Gaussian's mean over which it is summed, and between two places. The sum of
a Gaussian times a logistic of slope s a standard deviation is off by a factor of exp(−2π²/(s · STEP)): 10⁻⁷ for 5."""

BOUND = 10.0
"""A learnt intercept or slope lies in (−10, 10), by a scaled tanh: no column is missing without exception."""


@likelihoods.register(
    "self-masked", source="Ipsen et al. 2021, arXiv:2006.12871, eqs. 3 and 8 (not-MIWAE, self-masking)"
)
class SelfMasked(Likelihood):
    """Another likelihood, and the chance that each value is missing, which depends on the value: p(x, s | z).

    A value x is seen with probability sigmoid(a + b u), where u is x minus the training part's mean over its standard
    deviation, and a and b are learnt for each value of an example; a category has a learnt number of its own instead of
    b u. Given a code the values are independent, so that a missing one is integrated out under its own likelihood
    rather than drawn as in the paper: exactly where it is binary or a category, else by a sum over a grid.

    Whether it or plain missing at random is the case, no data can tell without assumptions: here they are the form of
    the likelihood, of the code and of the sigmoid. A model without ``missing = true`` does not use it.

    ``of`` is the likelihood of the values: "gaussian", "bernoulli", or "mixed" without counts.
    """

    of: Part = eqx.field(static=True, default="gaussian", converter=lambda of: _fixed(of))
    inner: Likelihood = eqx.field(init=False)
    intercept: Array | None = learnt()
    slope: Array | None = learnt()
    of_category: Array | None = learnt()
    center: Array | None = learnt()
    spread: Array | None = learnt()

    support: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    same_support: ClassVar[bool] = False
    standardises: ClassVar[bool] = True

    def __post_init__(self) -> None:
        inner = likelihoods.make(_part(self.of))
        name = 'likelihood "self-masked"'
        if not isinstance(inner, Gaussian | Bernoulli | Mixed):
            allowed = '"gaussian", "bernoulli" or "mixed"'
            raise SpecError(f"{name}: got of = {part(_part(self.of))[0]!r}; allowed: {allowed}")
        if isinstance(inner, Mixed) and any(kind.startswith("count") for kind in inner.layout.kinds):
            raise SpecError(
                f'{name}: a missing count is not summed over; give the column the kind "real", or take "mixed" itself'
            )
        self.inner = inner

    @property
    def observes(self) -> bool:
        """As its likelihood."""
        return self.inner.observes

    def init(self, shape: tuple[int, ...], *, key: Array) -> Self:
        """With a chance of one half that a value is missing, whatever it is."""
        most = int(self.inner.category_counts(shape).max())
        made: Self = eqx.tree_at(
            lambda s: (s.inner, s.intercept, s.slope, s.of_category, s.center, s.spread),
            self,
            (
                self.inner.init(shape, key=key),
                *(jnp.zeros(shape), jnp.zeros(shape), jnp.zeros((most, *shape))),
                *(jnp.zeros(shape), jnp.ones(shape)),
            ),
            is_leaf=lambda leaf: leaf is None,
        )
        return made

    def start(self, values: Callable[[], NDArray[np.float32]]) -> Self:
        """With each value's share of training examples in which it is seen, and the mean and deviation of those."""
        rows = values()
        seen = (~np.isnan(rows)).sum(axis=0)
        share = (seen + 0.5) / (len(rows) + 1)
        center, spread = np.zeros(rows.shape[1:], np.float32), np.ones(rows.shape[1:], np.float32)
        for place in np.argwhere(self._numeric(rows.shape[1:]) | (self._levels(rows.shape[1:]) > 2)):
            center[*place], spread[*place] = moments(rows[:, *place])
        made: Self = eqx.tree_at(
            lambda s: (s.inner, s.intercept, s.center, s.spread),
            self,
            (
                self.inner.start(values),
                jnp.asarray(np.clip(np.log(share / (1 - share)), 1 - BOUND, BOUND - 1), jnp.float32),
                jnp.asarray(center),
                jnp.asarray(spread),
            ),
        )
        return made

    def fixed_arrays(self) -> tuple[Array, ...]:
        """Those of its likelihood, the mean and the deviation."""
        assert self.center is not None
        assert self.spread is not None
        return (*self.inner.fixed_arrays(), *jax.lax.stop_gradient((self.center, self.spread)))

    def _numeric(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Which values are Gaussian."""
        if isinstance(self.inner, Mixed):
            return np.array([kind == "real" for kind in self.inner.layout.kinds])
        return np.full(shape, isinstance(self.inner, Gaussian))

    def _levels(self, shape: tuple[int, ...]) -> NDArray[np.intp]:
        """How many values each one can take; 0 where it is Gaussian."""
        levels = self.inner.layout.levels if isinstance(self.inner, Mixed) else (2,)
        return np.where(self._numeric(shape), 0, np.maximum(levels, 2))

    def residual(self, x: Any, mean: Any) -> Any:
        """As its likelihood."""
        return self.inner.residual(x, mean)

    def outputs(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """As its likelihood."""
        return self.inner.outputs(shape)

    def category_counts(self, shape: tuple[int, ...]) -> NDArray[np.intp]:
        """As its likelihood."""
        return self.inner.category_counts(shape)

    def features(self, x: Array) -> Array:
        """As its likelihood."""
        return self.inner.features(x)

    def fill_value(self) -> Array | float:
        """As its likelihood."""
        return self.inner.fill_value()

    def features_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """As its likelihood."""
        return self.inner.features_shape(shape)

    def observe(self, x: Array, *, key: Array) -> Array:
        """As its likelihood."""
        return self.inner.observe(x, key=key)

    def bias(self, mean: Array) -> Array:
        """As its likelihood."""
        return self.inner.bias(mean)

    def log_probs(self, outputs: Array, x: Array) -> Array:
        """log p of each value, as its likelihood; nothing is said of which are missing."""
        return self.inner.log_probs(outputs, x)

    def log_prob(self, outputs: Array, x: Array) -> Array:
        """log p(x | z) of an example, as its likelihood; nothing is said of which values are missing."""
        return self.inner.log_prob(outputs, x)

    def log_prob_observed(self, outputs: Array, x: Array) -> Array:
        """log p of the values of x that are not NaN, and of which they are; a scalar."""
        seen = ~jnp.isnan(x)
        filled = jnp.where(seen, x, self.fill_value())
        values, log_p = self.places(outputs, x.shape)
        hidden = jax.nn.logsumexp(log_p + jax.nn.log_sigmoid(-self.logit(values)), axis=0)
        of_mask = jnp.where(seen, jax.nn.log_sigmoid(self.logit(filled)), hidden)
        return self.inner.log_prob_observed(outputs, x) + jnp.sum(of_mask)

    def mean(self, outputs: Array) -> Array:
        """E[x | z], whether it is missing or not."""
        return self.inner.mean(outputs)

    def variance(self, outputs: Array) -> Array | None:
        """Var[x | z], whether it is missing or not."""
        return self.inner.variance(outputs)

    def when_missing(self) -> Likelihood:
        """p(x | z) times the chance that x is missing, normalised."""
        return Hidden(self)

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """One draw from p(x | z); no value is missing."""
        return self.inner.sample(outputs, key=key)

    def check(self, values: NDArray[np.floating], shape: tuple[int, ...]) -> None:
        """As its likelihood."""
        self.inner.check(values, shape)

    def logit(self, x: Array) -> Array:
        """The logit of the chance that a value is seen, for values of shape (…, *shape)."""
        assert self.intercept is not None
        assert self.slope is not None
        assert self.of_category is not None
        *_, center, spread = self.fixed_arrays()
        found = bounded(self.intercept, BOUND) + bounded(self.slope, BOUND) * (x - center) / spread
        counts = self.category_counts(self.intercept.shape).reshape(self.intercept.shape)
        if not counts.any():
            return found
        # Only a mixed table has categories: its examples are flat.
        is_it = jnp.round(x)[..., None, :] == jnp.arange(len(self.of_category))[:, None]
        chosen = jnp.sum(jnp.where(is_it, bounded(self.of_category, BOUND), 0), axis=-2)
        return jnp.where(counts > 0, bounded(self.intercept, BOUND) + chosen, found)

    def places(self, outputs: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """Values that stand for the distribution of each value given a code, and the logs of their shares: all that a
        discrete one takes, and a grid about the mean of a Gaussian; both of shape (places, *shape)."""
        numeric = self._numeric(shape)
        counts = self._levels(shape)
        steps = np.arange(-REACH, REACH + STEP / 2, STEP) if numeric.any() else np.zeros(0)
        total = max(len(steps), int(counts.max()))
        grid = np.full(total, NEVER)
        shares = np.exp(-0.5 * steps**2)
        grid[: len(steps)] = np.log(shares / max(shares.sum(), 1))
        column = (-1, *[1] * len(shape))
        at = jnp.asarray(np.pad(steps, (0, total - len(steps))), outputs.dtype).reshape(column)
        number = np.arange(total).reshape(column)
        variance = self.inner.variance(outputs)
        assert variance is not None
        spread = jnp.sqrt(variance)
        exact = [
            self.inner.log_probs(outputs, jnp.full(shape, float(v))).reshape(shape) for v in range(int(counts.max()))
        ]
        log_p = jnp.full((total, *shape), NEVER)
        if exact:
            log_p = log_p.at[: len(exact)].set(jnp.stack(exact))
        log_p = jnp.where(number < counts, log_p, NEVER)
        values = jnp.where(numeric, self.inner.mean(outputs) + at * spread, jnp.minimum(number, counts - 1))
        return values, jnp.where(numeric, jnp.asarray(grid, outputs.dtype).reshape(column), log_p)


class Hidden(Likelihood):
    """p(x | z) of a value that is missing, where being missing depends on the value.

    Attributes:
        mechanism: how.
    """

    mechanism: SelfMasked

    support: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    def _places(self, outputs: Array) -> tuple[Array, Array]:
        """`SelfMasked.places`, with the logs of their shares among missing values."""
        assert self.mechanism.intercept is not None
        values, log_p = self.mechanism.places(outputs, self.mechanism.intercept.shape)
        return values, jax.nn.log_softmax(log_p + jax.nn.log_sigmoid(-self.mechanism.logit(values)), axis=0)

    def log_probs(self, outputs: Array, x: Array) -> Array:
        """log p of each value."""
        shape = x.shape
        values, log_p = self.mechanism.places(outputs, shape)
        total = jax.nn.logsumexp(log_p + jax.nn.log_sigmoid(-self.mechanism.logit(values)), axis=0)
        own = self.mechanism.inner.log_probs(outputs, x).reshape(shape)
        return own + jax.nn.log_sigmoid(-self.mechanism.logit(x)) - total

    def mean(self, outputs: Array) -> Array:
        """Its mean; of a category the most probable one."""
        values, log_p = self._places(outputs)
        expected = jnp.sum(jnp.exp(log_p) * values, axis=0)
        return jnp.where(self._named(), jnp.argmax(log_p, axis=0), expected)

    def variance(self, outputs: Array) -> Array:
        """Its variance; of a category the chance that it is not the most probable one."""
        values, log_p = self._places(outputs)
        share = jnp.exp(log_p)
        about = jnp.sum(share * values, axis=0)
        spread = jnp.sum(share * (values - about) ** 2, axis=0)
        return jnp.where(self._named(), 1 - jnp.max(share, axis=0), spread)

    def _named(self) -> NDArray[np.bool_]:
        assert self.mechanism.intercept is not None
        shape = self.mechanism.intercept.shape
        return (self.mechanism.category_counts(shape) > 0).reshape(shape)

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """One draw; of a Gaussian from the grid, and within its step uniformly, which adds 0.5% to the variance."""
        values, log_p = self._places(outputs)
        which, within = jr.split(key)
        chosen = jr.categorical(which, log_p, axis=0)
        drawn = jnp.take_along_axis(values, chosen[None], axis=0)[0]
        variance = self.mechanism.variance(outputs)
        assert variance is not None
        step = STEP * jnp.sqrt(variance) * jr.uniform(within, drawn.shape, minval=-0.5, maxval=0.5)
        return jnp.where(self.mechanism._numeric(drawn.shape), drawn + step, drawn)


def _fixed(of: Any) -> Any:
    """A part as it can be hashed: a table as its sorted pairs, lists as tuples."""
    if isinstance(of, Mapping):
        return tuple((key, tuple(v) if isinstance(v, list) else v) for key, v in sorted(of.items()))
    return of


def _part(of: Any) -> Part:
    """What `_fixed` was made of."""
    return dict(of) if isinstance(of, tuple) else of

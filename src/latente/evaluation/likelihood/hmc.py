"""Chains between a distribution that can be drawn from and p(z | x), by Hamiltonian Monte Carlo: one compiled program.

What they are for is in `latente.evaluation.likelihood.annealing`.
"""

from __future__ import annotations

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.compiling import jit
from latente.model.autoencoder import Autoencoder
from latente.model.priors import Prior

TARGET = 0.65
"""Share of proposals that step sizes are moved to accept (Beskos et al. 2013; Wu et al. 2017)."""

RATE = 0.2
"""log ε moves by so much of the difference from `TARGET`, after every step of the pilot chains."""

PILOTS = 4

JITTER = 0.2
"""Each move's ε is drawn uniformly within ±20%, for no orbit closes in the same number of leaps then."""

SPREAD = 64
"""Draws that an encoder's spread is taken from, to scale the moves."""

ROOM = 2048
"""Distributions that a program has room for at least."""


def sigmoid_ladder(steps: int, steep: float = 4.0) -> NDArray[np.float64]:
    """Inverse temperatures 0 = β_0 < … < β_steps = 1, closest at both ends (Wu et al. 2017, section 5)."""
    t = 1 / (1 + np.exp(-steep * np.linspace(-1, 1, steps + 1)))
    ladder: NDArray[np.float64] = (t - t[0]) / (t[-1] - t[0])
    return ladder


class Ladder(eqx.Module):
    """Inverse temperatures β_0 = 0 to β_steps = 1, with room for more, so that one program serves any number."""

    betas: Array
    steps: Array

    @classmethod
    def of(cls, steps: int) -> Ladder:
        """Of so many steps."""
        room = max(ROOM, 1 << steps.bit_length())
        betas = np.ones(room, np.float32)
        betas[: steps + 1] = sigmoid_ladder(steps)
        return cls(jnp.asarray(betas), jnp.int32(steps))


class _State(eqx.Module):
    """A chain: its code, and log-densities with gradients there, of the start and of what the target adds to it."""

    z: Array
    base: Array
    extra: Array
    base_slope: Array
    extra_slope: Array


class _Path(eqx.Module):
    """The way from one distribution to the other for one example: log f_β = base + β · extra.

    From the prior, extra is log p(x | z); from the encoder's posterior it is log p(x, z) − log q(z | x).
    """

    model: Autoencoder
    prior: Prior
    x: Array
    context: Array | None
    outputs: Array
    spread: Array
    encoded: bool = eqx.field(static=True)

    def base(self, z: Array) -> Array:
        return self.model.posterior.log_prob(self.outputs, z) if self.encoded else self.prior.log_prob(z)

    def extra(self, z: Array) -> Array:
        found = self.model.log_prob(z, self.x, self.context)
        return found + self.prior.log_prob(z) - self.base(z) if self.encoded else found

    def first(self, key: Array) -> Array:
        if self.encoded:
            return self.model.posterior.sample(self.outputs, key=key)
        return self.prior.sample(self.model.code_size, key=key)

    def at(self, z: Array) -> _State:
        base, base_slope = jax.value_and_grad(self.base)(z)
        extra, extra_slope = jax.value_and_grad(self.extra)(z)
        return _State(z, base, extra, base_slope, extra_slope)

    def scale(self, beta: Array) -> Array:
        """Of each latent's moves: from 1, the prior's, to the encoder's spread, as precisions add up."""
        if self.encoded:
            return self.spread
        return 1 / jnp.sqrt(1 + beta * (1 / self.spread**2 - 1))


def _move(path: _Path, state: _State, beta: Array, step: Array, leaps: int, key: Array) -> tuple[_State, Array]:
    """One Hamiltonian move that leaves f_β as it is, and the probability that it was accepted."""
    d = len(state.z)
    drawn = jr.uniform(key, (d + 2,), minval=jnp.nextafter(jnp.float32(-1), jnp.float32(0)))
    momentum = math.sqrt(2) * jax.scipy.special.erfinv(drawn[:d])
    size = step * (1 + JITTER * drawn[d]) * path.scale(beta)

    def slope(s: _State) -> Array:
        return s.base_slope + beta * s.extra_slope

    def energy(s: _State, v: Array) -> Array:
        return s.base + beta * s.extra - 0.5 * jnp.sum(v**2)

    def leap(carry: tuple[_State, Array], last: Array) -> tuple[tuple[_State, Array], None]:
        s, v = carry
        s = path.at(s.z + size * v)
        return (s, v + jnp.where(last, 0.5, 1.0) * size * slope(s)), None

    last = jnp.arange(leaps) == leaps - 1
    (proposed, v), _ = jax.lax.scan(leap, (state, momentum + 0.5 * size * slope(state)), last)
    change = energy(proposed, v) - energy(state, momentum)
    chance = jnp.where(jnp.isfinite(change), jnp.exp(jnp.minimum(change, 0)), 0.0)
    accepted = 0.5 * (1 + drawn[d + 1]) < chance
    return jax.tree.map(lambda new, old: jnp.where(accepted, new, old), proposed, state), chance


@jit
def anneal(
    model: Autoencoder,
    x: Array,
    context: Array | None,
    keys: Array,
    exact: Array | None,
    ladder: Ladder,
    chains: int,
    leaps: int,
    start: str,
) -> tuple[Array, Array | None, Array]:
    """log weights of the forward chains, shape (n, chains); of the reverse ones from the codes ``exact``; and the
    share of moves accepted, shape (n,). One program for every number of steps up to the ladder's room."""
    prior = model.prior.given(model)

    def one(x: Array, context: Array | None, key: Array, exact: Array | None) -> tuple[Array, Array | None, Array]:
        outputs = model.encode(x, context)
        of_spread, of_pilots, of_first, of_chains = jr.split(key, 4)
        spread = jnp.ones(model.code_size)
        if model.posterior.kind != "point":
            draws = jax.vmap(lambda k: model.posterior.sample(outputs, key=k))(jr.split(of_spread, SPREAD))
            spread = jnp.clip(jnp.std(draws, axis=0), 1e-3, 1e3)
        path = _Path(model, prior, x, context, outputs, spread, start == "posterior")
        sizes = _pilot(path, ladder, leaps, of_pilots)
        first = jax.vmap(path.first)(jr.split(of_first, chains))
        up = jnp.ones(chains, bool)
        if exact is not None:
            first = jnp.concatenate([first, jnp.broadcast_to(exact, first.shape)])
            up = jnp.arange(2 * chains) < chains
        log_w, chances = _walk(path, ladder, sizes, leaps, first, up, of_chains)
        return log_w[:chains], None if exact is None else log_w[chains:], jnp.mean(chances[:chains])

    return jax.vmap(one)(x, context, keys, exact)


def _pilot(path: _Path, ladder: Ladder, leaps: int, key: Array) -> Array:
    """A step size for every rung of the ladder, from `PILOTS` chains that are then forgotten; shape (room,)."""

    def rung(number: Array, carry: tuple[_State, Array, Array]) -> tuple[_State, Array, Array]:
        states, log_step, sizes = carry
        many = jr.split(jr.fold_in(key, number), PILOTS)
        step, beta = jnp.exp(log_step), ladder.betas[number]
        states, chance = jax.vmap(lambda s, k: _move(path, s, beta, step, leaps, k))(states, many)
        return states, log_step + RATE * (jnp.mean(chance) - TARGET), sizes.at[number].set(step)

    begin = jax.vmap(path.at)(jax.vmap(path.first)(jr.split(key, PILOTS)))
    blank = jnp.zeros(len(ladder.betas))
    sizes: Array
    _, _, sizes = jax.lax.fori_loop(1, ladder.steps + 1, rung, (begin, jnp.log(1.0 / leaps) * jnp.ones(()), blank))
    return sizes


def _walk(
    path: _Path, ladder: Ladder, sizes: Array, leaps: int, first: Array, up: Array, key: Array
) -> tuple[Array, Array]:
    """The log weights of chains from their ``first`` codes, and their mean chances of acceptance; shape (chains,).

    Those that go ``up`` weigh each rung before they move on it; those that come down move on it before they weigh it.
    """

    def rung(number: Array, carry: tuple[_State, Array, Array]) -> tuple[_State, Array, Array]:
        states, log_w, chances = carry

        def one(state: _State, up: Array, k: Array) -> tuple[_State, Array, Array]:
            at = jnp.where(up, number, ladder.steps + 1 - number)
            beta = ladder.betas[at]
            moved, chance = _move(path, state, beta, sizes[at], leaps, k)
            return moved, (beta - ladder.betas[at - 1]) * jnp.where(up, state.extra, moved.extra), chance

        states, more, chance = jax.vmap(one)(states, up, jr.split(jr.fold_in(key, number), len(up)))
        return states, log_w + more, chances + chance

    zero = jnp.zeros(len(up))
    _, log_w, chances = jax.lax.fori_loop(1, ladder.steps + 1, rung, (jax.vmap(path.at)(first), zero, zero))
    return log_w, chances / ladder.steps


@jit
def simulate(model: Autoencoder, context: Array | None, keys: Array) -> tuple[Array, Array]:
    """Codes from the prior and examples from p(x | z), one a key."""
    prior = model.prior.given(model)

    def one(context: Array | None, key: Array) -> tuple[Array, Array]:
        of_code, of_example = jr.split(jr.fold_in(key, 1))
        z = prior.sample(model.code_size, key=of_code)
        return z, model.likelihood.sample(model.decode(z, context), key=of_example)

    return jax.vmap(one)(context, keys)

"""An autoregressive prior over the tokens of quantised codes."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.model.coder import Coder
from latente.model.flows.made import MaskedDense, spread
from latente.model.nets import Dense, activation
from latente.model.options import as_tuple, whole, widths
from latente.model.posteriors import posteriors
from latente.model.posteriors.quantised import Quantised
from latente.model.priors.base import Prior, priors
from latente.model.priors.fitted import FittedPrior
from latente.registry import learnt


class MaskedTokens(eqx.Module):
    """Tokens (n,) to logits (n, entries): row i depends only on the tokens before the i-th.

    Each token is embedded by a learnt table (entries, width); MADE's masked layers (Germain et al. 2015,
    arXiv:1502.03509) treat an embedding as a group of one degree, and a readout shared by all positions gives the
    logits, with separate biases for each position.
    """

    table: Array
    layers: tuple[MaskedDense, ...]
    direct: MaskedDense
    last: MaskedDense
    readout: Dense
    bias: Array

    def __init__(self, tokens: int, entries: int, width: int, hidden: tuple[int, ...], *, key: Array) -> None:
        # The first position depends on nothing: with one token there is nothing for hidden units to see.
        inner = [spread(h, 1, tokens - 1) for h in hidden] if tokens > 1 else []
        groups = tuple(t for t in range(1, tokens + 1) for _ in range(width))
        degrees = [groups, *inner]
        *keys, table, direct, last, readout = jr.split(key, len(inner) + 4)
        self.table = jr.normal(table, (entries, width))
        pairs = zip(degrees, degrees[1:], keys, strict=False)
        self.layers = tuple(MaskedDense(i, o, strict=False, key=k) for i, o, k in pairs)
        self.direct = MaskedDense(groups, groups, strict=True, key=direct)
        self.last = MaskedDense(degrees[-1], groups, strict=True, key=last)
        self.readout = Dense(width, entries, key=readout)
        self.bias = jnp.zeros((tokens, entries))

    def __call__(self, tokens: Array) -> Array:
        """(n,) integers to (n, entries) logits."""
        act = activation("silu")
        inputs = jnp.ravel(self.table[tokens])
        hidden = inputs
        for layer in self.layers:
            hidden = act(layer(hidden))
        features = jnp.reshape(self.direct(inputs) + self.last(hidden), (len(self.bias), -1))
        return jax.vmap(self.readout)(features) + self.bias


class Embedded(Prior):
    """A prior over tokens whose draws are codes from a posterior's codebook."""

    prior: AutoregressivePrior
    posterior: Quantised

    space: ClassVar[str] = "codebook"

    def log_prob(self, z: Array) -> Array:
        """log p of tokens, as in `AutoregressivePrior.log_prob`."""
        return self.prior.log_prob(z)

    def sample(self, code_size: int, *, key: Array) -> Array:
        """The code of tokens drawn from the prior."""
        return self.posterior.lookup(self.prior.sample(code_size, key=key))


@priors.register(
    "autoregressive", source="van den Oord et al. 2017, arXiv:1711.00937, section 3.3; Germain et al. 2015"
)
class AutoregressivePrior(FittedPrior):
    """p(t) = Π_i p(t_i | t_<i) over ``tokens`` whole numbers from 0 to ``codes`` − 1, exactly.

    One masked network computes all conditionals at once: ``hidden`` widths, tokens embedded in ``width`` numbers.
    """

    tokens: int = eqx.field(static=True, default=1)
    codes: int = eqx.field(static=True, default=2)
    hidden: tuple[int, ...] = eqx.field(static=True, default=(256,), converter=as_tuple)
    width: int = eqx.field(static=True, default=32)
    net: MaskedTokens | None = learnt()

    space: ClassVar[str] = "codebook"

    def __check_init__(self) -> None:
        part = 'prior "autoregressive"'
        for option, value, least in (("tokens", self.tokens, 1), ("codes", self.codes, 2), ("width", self.width, 1)):
            whole(part, option, value, least)
        widths(part, self.hidden)

    def empty(self, code_size: int, *, key: Array) -> Self:
        """With a new network."""
        return replace(self, net=MaskedTokens(self.tokens, self.codes, self.width, self.hidden, key=key))

    def given(self, model: Coder) -> Prior:
        """With draws that are codes from the model's codebook.

        Raises:
            SpecError: the model's posterior has no tokens.
        """
        if not isinstance(model.posterior, Quantised):
            raise SpecError(
                f'prior "autoregressive" does not go with {posteriors.name_of(model.posterior)}: its codes are no '
                "tokens of a codebook"
            )
        return Embedded(self, model.posterior)

    def log_prob(self, z: Array) -> Array:
        """log p of token indices, shape (tokens,), in nats."""
        assert self.net is not None  # filled in by empty
        t = z.astype(jnp.int32)
        log_p = jax.nn.log_softmax(self.net(t))
        return jnp.sum(jnp.take_along_axis(log_p, t[:, None], axis=1))

    def sample(self, code_size: int, *, key: Array) -> Array:
        """Token indices, shape (tokens,), with one pass for each."""
        net = self.net
        assert net is not None

        def step(t: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
            place, key = at
            return t.at[place].set(jr.categorical(key, net(t)[place]).astype(t.dtype)), None

        places = (jnp.arange(self.tokens), jr.split(key, self.tokens))
        return jax.lax.scan(step, jnp.zeros(self.tokens, jnp.int32), places)[0]

"""Discriminators of codes and of examples, trained against the model."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.nets import MLP, activation
from latente.model.options import number
from latente.objective.objectives.base import Opponent
from latente.objective.objectives.codes import posterior_draws, prior_draws, weighted_mean
from latente.objective.terms import Batch


def check_opponent(part: str, hidden: Any, act: str, learning_rate: Any) -> None:
    """Refuse invalid options of an opponent: its widths, its activation and its learning rate.

    Args:
        part: for messages, for instance ``objective "wae-gan"``.
        hidden, act, learning_rate: the options.

    Raises:
        SpecError: naming the part, what was given and what is allowed.
    """
    fine = isinstance(hidden, tuple) and len(hidden) > 0
    if not fine or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in hidden):
        raise SpecError(
            f"{part}: got hidden = {hidden!r}; allowed: a list of at least one layer width, for instance [256, 256]"
        )
    activation(act)
    number(part, "learning_rate", learning_rate, low=0, above=True)


def cross_entropy(positive: Array, negative: Array, weight: Array) -> Array:
    """½ E −log D(positive) + ½ E −log(1 − D(negative)) from logits of shape (n,), in nats; ln 2 is chance; a scalar."""
    return 0.5 * weighted_mean(jax.nn.softplus(-positive) + jax.nn.softplus(negative), weight)


class CodeCritic(Opponent):
    """A discriminator between codes drawn from the prior and codes of examples (Makhzani et al. 2015)."""

    net: MLP

    def logit(self, z: Array) -> Array:
        """log D(z) / (1 − D(z)), with D the probability that a code (code_size,) is from the prior; a scalar."""
        return self.net(z)[0]

    def loss(self, model: Autoencoder, batch: Batch) -> Array:
        """`cross_entropy` between the prior's codes and the batch's."""
        logit = jax.vmap(self.logit)
        drawn = prior_draws(model.prior.given(model), model.code_size, batch.keys)
        return cross_entropy(logit(drawn), logit(posterior_draws(model, batch)), batch.weight)


class ImageCritic(Opponent):
    """A discriminator between examples and decoded codes (Larsen et al. 2016).

    It is a fully connected network: it takes examples of any shape, and the context of a conditional model.
    """

    net: MLP

    def judge(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        """For one example: log D / (1 − D), with D the probability that it is real, a scalar; and the last hidden
        layer, shape (width,)."""
        act = activation(self.net.activation)
        hidden = jnp.ravel(x) if context is None else jnp.concatenate([jnp.ravel(x), context])
        for layer in self.net.layers[:-1]:
            hidden = act(layer(hidden))
        return self.net.layers[-1](hidden)[0], hidden

    def loss(self, model: Autoencoder, batch: Batch) -> Array:
        """Cross-entropy: a half for examples, a quarter each for reconstructions and for decoded draws of the prior."""

        def logits(z: Array) -> Array:
            made = jax.vmap(model.mean)(z, batch.context)
            logit: Array = jax.vmap(self.judge)(made, batch.context)[0]
            return logit

        real = jax.vmap(self.judge)(batch.x, batch.context)[0]
        rebuilt = logits(posterior_draws(model, batch))
        drawn = logits(prior_draws(model.prior.given(model), model.code_size, batch.keys))
        both = cross_entropy(real, rebuilt, batch.weight) + cross_entropy(real, drawn, batch.weight)
        return 0.5 * both

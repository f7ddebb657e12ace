"""VAE/GAN: reconstructions are compared in a hidden layer of a discriminator of images."""

from __future__ import annotations

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.nets import MLP
from latente.model.options import as_tuple, number
from latente.objective.divergences import rate
from latente.objective.objectives.base import Objective, Opponent, needs_density, no_opponent, objectives, refuse
from latente.objective.objectives.codes import frozen, has_arrays, prior_draws
from latente.objective.objectives.critics import ImageCritic, check_opponent
from latente.objective.terms import Batch, Terms


@objectives.register("vae-gan", source="Larsen et al. 2016, arXiv:1512.09300")
class VAEGAN(Objective):
    """VAE/GAN: the encoder minimises β KL + F, the decoder γ F + G; the loss is the sum of both.

    F is ½ ‖D_l(x) − D_l(x̃)‖², the error of the reconstruction x̃ in the last hidden layer of a discriminator D, that is
    −log N(D_l(x); D_l(x̃), I) up to a constant. G is −log D, half for x̃ and half for decoded draws from the prior; it
    does not saturate where D is certain. No gradient of the encoder's loss reaches the decoder, none of the decoder's
    reaches the encoder or the prior, and none reaches D, which has its own loss and Adam (``learning_rate``). The term
    ``reconstruction``, −log p(x | z), is reported but not minimised.
    """

    gamma: float = eqx.field(static=True, default=1.0)
    beta: float = eqx.field(static=True, default=1.0)
    hidden: tuple[int, ...] = eqx.field(static=True, default=(256, 128), converter=as_tuple)
    activation: str = eqx.field(static=True, default="elu")
    learning_rate: float = eqx.field(static=True, default=1e-4)

    def __check_init__(self) -> None:
        number('objective "vae-gan"', "gamma", self.gamma, low=0)
        number('objective "vae-gan"', "beta", self.beta, low=0)
        check_opponent('objective "vae-gan"', self.hidden, self.activation, self.learning_rate)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """One code per example, and one from the prior."""
        if not isinstance(opponent, ImageCritic):
            raise no_opponent(self)
        judge, fixed = frozen(opponent).judge, frozen(model)
        prior = model.prior.given(model)
        stop = jax.lax.stop_gradient
        drawn = stop(prior_draws(prior, model.code_size, batch.keys))

        def one(x: Array, context: Array | None, key: Array, of_prior: Array) -> tuple[Array, ...]:
            outputs = model.encode(x, context)
            z, log_q = model.posterior.draw(outputs, key=key)
            kl = rate(model.posterior, prior, outputs, z, log_q)
            _, target = judge(x, context)
            # The same reconstruction twice: once with a gradient to the encoder only, once to the decoder only.
            _, encoded = judge(fixed.mean(z, context), context)
            logit, made = judge(model.mean(stop(z), context), context)
            other, _ = judge(model.mean(of_prior, context), context)
            for_encoder = 0.5 * jnp.sum((target - encoded) ** 2)
            for_decoder = 0.5 * jnp.sum((target - made) ** 2)
            fool = 0.5 * (jax.nn.softplus(-logit) + jax.nn.softplus(-other))
            loss = self.beta * kl + for_encoder + self.gamma * for_decoder + fool
            return loss, -fixed.log_prob(stop(z), x, context), kl, for_decoder, fool

        loss, reconstruction, kl, feature, fool = jax.vmap(one)(batch.x, batch.context, batch.keys, drawn)
        return Terms(loss, reconstruction, kl, {"feature": feature, "adversarial": fool})

    def weights(self) -> dict[str, float]:
        """No reconstruction: the error in the opponent's features replaces it, for both the encoder and the decoder."""
        return {"kl": float(self.beta), "feature": 1.0 + self.gamma, "adversarial": 1.0}

    def check(self, model: Autoencoder) -> None:
        """Needs a density, a prior, and a likelihood with nothing but a mean: the rest of it would not be trained."""
        needs_density(self, model)
        if has_arrays(model.likelihood) or math.prod(model.likelihood.outputs(model.shape)) != math.prod(model.shape):
            raise refuse(
                self,
                model.likelihood,
                "it compares decoded means only, so nothing would train the rest that this likelihood learns; "
                "take one with nothing but a mean, such as a Gaussian of fixed sigma",
            )
        if model.likelihood.observes:
            raise refuse(
                self,
                model.likelihood,
                "the opponent would tell drawn zeros and ones from decoded means at a glance; take it without drawing "
                '(binarise = "none")',
            )
        if model.missing:
            raise SpecError(
                'objective "vae-gan" does not go with missing = true: its opponent needs whole examples; '
                'take missing = false, or objective "elbo"'
            )

    def opponent(self, model: Autoencoder, *, key: Array) -> Opponent:
        """A discriminator of examples, with the context if the model is conditioned."""
        sizes = (math.prod(model.shape) + model.context_size, *self.hidden, 1)
        return ImageCritic(MLP(sizes, self.activation, key=key), learning_rate=self.learning_rate)

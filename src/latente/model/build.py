"""Build an `Autoencoder` from a `ModelSpec`: make its parts, check that they go together, and initialise them."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.likelihoods import likelihoods
from latente.model.nets import activation
from latente.model.networks import networks
from latente.model.networks.base import Plan
from latente.model.posteriors import Posterior, posteriors
from latente.model.priors import Prior, priors
from latente.model.priors.fitted import FittedPrior
from latente.spec import ModelSpec


def build(spec: ModelSpec, shape: tuple[int, ...], *, key: Array, context: int = 0, classes: int = 0) -> Autoencoder:
    """A new model for examples of ``shape``; its weights depend on ``key`` alone.

    Args:
        spec: which parts.
        shape: of one example.
        key: of the weights.
        context: the size of the context vector that it is conditioned on.
        classes: the number of labels of its classifier; 0 for no classifier.

    Raises:
        SpecError: a part or an option is unknown, or parts do not go together.
    """
    activation(spec.activation)
    network = networks.make(spec.network)
    keys = jr.split(key, 6)
    likelihood = likelihoods.make(spec.likelihood).init(shape, key=keys[4])
    posterior = posteriors.make(spec.posterior).init(spec.latent_dim, key=keys[2])
    code_size = posterior.code_size(spec.latent_dim)
    features = likelihood.features_shape(shape)
    if spec.missing:
        reason = likelihood.missing_unsupported(shape)
        if reason:
            raise SpecError(f"{likelihoods.name_of(likelihood)} does not go with missing = true: {reason}")
        features = (int(np.prod(features)) + int(np.prod(shape)),)
    prior = priors.make(spec.prior)
    _check_pair(posterior, prior, context)
    prior = prior.init(code_size, features, key=keys[3])
    up = Plan(features, posterior.size(spec.latent_dim), spec.hidden, spec.activation, context)
    third = Plan(features, classes, spec.hidden, spec.activation)
    down = Plan(likelihood.outputs(shape), code_size, spec.hidden, spec.activation, context)
    return Autoencoder(
        encoder=network.build("encoder", up, key=keys[0]),
        decoder=network.build("decoder", down, key=keys[1]),
        posterior=posterior,
        prior=prior,
        likelihood=likelihood,
        classifier=network.build("encoder", third, key=keys[5]) if classes else None,
        shape=shape,
        latent_dim=spec.latent_dim,
        code_size=code_size,
        context_size=context,
        missing=spec.missing,
    )


def start(
    spec: ModelSpec,
    model: Autoencoder,
    values: Callable[[], NDArray[np.float32]],
    mean: Callable[[], Array],
    examples: Callable[[], Array],
    *,
    key: Array,
) -> Autoencoder:
    """A new model at the point where training starts: standardisation, output bias, and parts that start from data.

    Args:
        spec, model: what `build` took and returned.
        values: returns all training examples, model values (n, *shape); called only if needed.
        mean: returns the training examples' mean, of the example's shape; likewise.
        examples: returns a sample of training examples, model values (n, *shape); likewise.
        key: for what the parts draw.

    Raises:
        SpecError: ``output_bias`` with a network or likelihood that does not support it.
    """
    model = eqx.tree_at(lambda m: m.likelihood, model, model.likelihood.start(values))
    if spec.output_bias:
        model = with_bias(spec, model, mean())
    started: Autoencoder = eqx.tree_at(lambda m: m.prior, model, model.prior.start(model, examples, key=key))
    return started


def with_bias(spec: ModelSpec, model: Autoencoder, mean: Array) -> Autoencoder:
    """A model whose decoder's output bias gives this mean, of the example's shape.

    Raises:
        SpecError: the network or the likelihood does not support it.
    """
    decoder = networks.make(spec.network).with_bias(model.decoder, model.likelihood.bias(mean))
    moved: Autoencoder = eqx.tree_at(lambda m: m.decoder, model, decoder)
    return moved


def _check_pair(posterior: Posterior, prior: Prior, context: int) -> None:
    q, p = posteriors.name_of(posterior), priors.name_of(prior)
    if prior.space not in ("any", posterior.space):
        raise SpecError(
            f"{p} does not go with {q}: its codes live in {prior.space} space, the posterior's in "
            f"{posterior.space} space; take prior {_compatible_priors(posterior)}"
        )
    reason = prior.unsupported(posterior)
    if reason is not None:
        raise SpecError(f"{p} does not go with {q}: {reason}")
    if context and not prior.conditional:
        raise SpecError(f"{p} does not go with a model conditioned on labels or columns; take another prior")


def _compatible_priors(posterior: Posterior) -> str:
    """The priors that go with a posterior, with their default options."""
    made = {name: priors.make(name) for name in priors}
    good = [
        name
        for name, p in made.items()
        if p.space == posterior.space and p.unsupported(posterior) is None and not isinstance(p, FittedPrior)
    ]
    return " or ".join(f'"{name}"' for name in good)

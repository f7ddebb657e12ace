"""From a `ModelSpec` to an `Autoencoder`: its parts made, checked against each other, and started from a key."""

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
from latente.model.networks import Network, networks
from latente.model.networks.base import Net, Plan
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
        context: how many numbers of context it is conditioned on.
        classes: how many labels its classifier tells apart; 0 for no classifier.

    Raises:
        SpecError: a part or an option is unknown, or parts that make no sense together.
    """
    activation(spec.activation)
    network = networks.make(spec.network)
    keys = jr.split(key, 6)
    likelihood = likelihoods.make(spec.likelihood).init(shape, key=keys[4])
    posterior = posteriors.make(spec.posterior).init(spec.latent_dim, key=keys[2])
    code_size = posterior.code_size(spec.latent_dim)
    features = likelihood.features_shape(shape)
    if spec.missing:
        reason = likelihood.joint(shape)
        if reason:
            raise SpecError(f"{likelihoods.name_of(likelihood)} does not go with missing = true: {reason}")
        features = (int(np.prod(features)) + int(np.prod(shape)),)
    prior = priors.make(spec.prior)
    _check_pair(posterior, prior, context)
    prior = prior.init(code_size, features, key=keys[3])
    up = Plan(features, posterior.size(spec.latent_dim), spec.hidden, spec.activation, context)
    down = Plan(likelihood.outputs(shape), code_size, spec.hidden, spec.activation, context)
    return Autoencoder(
        encoder=network.made("encoder", up, key=keys[0]),
        decoder=network.made("decoder", down, key=keys[1]),
        posterior=posterior,
        prior=prior,
        likelihood=likelihood,
        classifier=_classifier(network, features, classes, spec, key=keys[5]) if classes else None,
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
    """A new model moved to where training should start: units, output bias, and parts that begin at data.

    Args:
        spec, model: what `build` made.
        values: makes all training examples, model values (n, *shape); called where it is needed.
        mean: makes the training examples' mean, of the example's shape; likewise.
        examples: makes some training examples, model values (n, *shape); likewise.
        key: of what the parts draw.

    Raises:
        SpecError: ``output_bias`` with a network or likelihood that cannot have it.
    """
    model = eqx.tree_at(lambda m: m.likelihood, model, model.likelihood.start(values))
    if spec.output_bias:
        model = with_bias(spec, model, mean())
    started: Autoencoder = eqx.tree_at(lambda m: m.prior, model, model.prior.start(model, examples, key=key))
    return started


def with_bias(spec: ModelSpec, model: Autoencoder, mean: Array) -> Autoencoder:
    """A model whose decoder starts from examples of this mean, of the example's shape.

    Raises:
        SpecError: the network or the likelihood cannot have it.
    """
    decoder = networks.make(spec.network).biased(model.decoder, model.likelihood.bias(mean))
    moved: Autoencoder = eqx.tree_at(lambda m: m.decoder, model, decoder)
    return moved


def _classifier(network: Network, features: tuple[int, ...], classes: int, spec: ModelSpec, *, key: Array) -> Net:
    return network.made("encoder", Plan(features, classes, spec.hidden, spec.activation), key=key)


def _check_pair(posterior: Posterior, prior: Prior, context: int) -> None:
    ours, theirs = posteriors.name_of(posterior), priors.name_of(prior)
    if prior.space not in ("any", posterior.space):
        raise SpecError(
            f"{theirs} does not go with {ours}: its codes live in {prior.space} space, the posterior's in "
            f"{posterior.space} space; take prior {_fitting(posterior)}"
        )
    reason = prior.objection(posterior)
    if reason is not None:
        raise SpecError(f"{theirs} does not go with {ours}: {reason}")
    if context and not prior.conditional:
        raise SpecError(f"{theirs} does not go with a model conditioned on labels or columns; take another prior")


def _fitting(posterior: Posterior) -> str:
    """The priors that go with a posterior, at their default options."""
    made = {name: priors.make(name) for name in priors}
    good = [
        name
        for name, p in made.items()
        if p.space == posterior.space and p.objection(posterior) is None and not isinstance(p, FittedPrior)
    ]
    return " or ".join(f'"{name}"' for name in good)

"""M2: semi-supervised learning with the label as a latent variable."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.options import number
from latente.objective.divergences import rate
from latente.objective.objectives.base import Objective, Opponent, needs_density, objectives
from latente.objective.terms import Batch, Terms


def log_class_probabilities(model: Autoencoder, x: Array) -> Array:
    """log q(y | x) of each class for one example, shape (classes,).

    Raises:
        SpecError: the model has no classifier.
    """
    if model.classifier is None:
        raise SpecError('this model has no classifier; one trained with objective "m2" has')
    return jax.nn.log_softmax(model.classifier(model.features(x)))


def context_of(model: Autoencoder, x: Array, context: Array | None) -> Array | None:
    """The context of one example: the given one, or else, if the model has a classifier, its most likely class,
    one-hot."""
    if context is not None or model.classifier is None:
        return context
    return jax.nn.one_hot(jnp.argmax(log_class_probabilities(model, x)), model.context_size)


@objectives.register("m2", source="Kingma et al. 2014, arXiv:1406.5298 (M2)")
class M2(Objective):
    """The negative bound on log p(x, y) for labelled examples, plus α · −log q(y | x), and on log p(x) for others.

    Without a label, all classes are summed over with weights q(y | x): no class is sampled, and the loss is an upper
    bound on −log p(x). ``kl`` is the rate of both latents: E KL(q(z | x, y) ‖ p(z)), plus KL(q(y | x) ‖ p(y)), which
    for a known label is −log p(y); p(y) is uniform. So the loss is reconstruction + kl + α classification. ``alpha``
    weights each labelled example: the paper's 0.1 · N times the mean over labelled examples is 0.1 · N / (number of
    labelled examples) here. Labels are used in training steps only, not in validation or evaluation.
    """

    alpha: float = eqx.field(static=True, default=1.0)

    classifies: ClassVar[bool] = True
    bound: ClassVar[bool] = True

    def __check_init__(self) -> None:
        number('objective "m2"', "alpha", self.alpha, low=0)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """Every class of every example, with one code each; labels are unknown if ``batch.label`` is None, and for an
        example whose label is no class, such as −1."""
        prior = model.prior.given(model)
        classes = model.context_size
        labels = jnp.full(batch.weight.shape, -1) if batch.label is None else batch.label

        def one(x: Array, label: Array, key: Array) -> tuple[Array, Array, Array]:
            def of_class(y: Array) -> tuple[Array, Array]:
                # The same noise for each class, so that only the class differs.
                outputs = model.encode(x, y)
                z, log_q = model.posterior.draw(outputs, key=key)
                return -model.log_prob(z, x, y), rate(model.posterior, prior, outputs, z, log_q)

            log_q = log_class_probabilities(model, x)
            distortions, rates = jax.vmap(of_class)(jnp.eye(classes))
            known = (label >= 0) & (label < classes)
            share = jnp.where(known, jax.nn.one_hot(label, classes), jnp.exp(log_q))
            of_label = jnp.where(known, 0.0, jnp.exp(log_q) @ log_q) + jnp.log(classes)
            classification = jnp.where(known, -log_q[label], 0.0)
            return share @ distortions, share @ rates + of_label, classification

        reconstruction, kl, classification = jax.vmap(one)(batch.x, labels, batch.keys)
        loss = reconstruction + kl + self.alpha * classification
        return Terms(loss, reconstruction, kl, {"classification": classification})

    def weights(self) -> dict[str, float]:
        """The ELBO, and α times the classification of labelled examples."""
        return {"reconstruction": 1.0, "kl": 1.0, "classification": float(self.alpha)}

    def check(self, model: Autoencoder) -> None:
        """Needs a posterior with a density, a prior, and a classifier of the classes that it is conditioned on."""
        needs_density(self, model)
        if model.classifier is None or model.context_size < 2:
            raise SpecError(
                f'objective "m2" does not go with a model of {model.context_size} classes'
                f"{'' if model.classifier is not None else ' and no classifier'}: it needs labels of at least two "
                'classes; give data with labels, or take objective "elbo"'
            )

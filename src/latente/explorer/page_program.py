"""The layer programs that the page's own script carries out (forward.js), and what their outputs mean."""

from __future__ import annotations

from collections.abc import Callable

from latente.errors import SpecError
from latente.export import layer_program
from latente.export.layer_program import Program
from latente.model.autoencoder import Autoencoder
from latente.model.likelihoods.bernoulli import Bernoulli
from latente.model.likelihoods.gaussian import Gaussian


def encoder(model: Autoencoder) -> Program:
    """From an example's model values to its mean code, followed by its log-variances where it has them.

    Raises:
        SpecError: a part of the model that no layer program holds.
    """
    return _held(layer_program.encoder, model)


def decoder(model: Autoencoder) -> Program:
    """From a code to E[x | z].

    Raises:
        SpecError: a part of the model that no layer program holds.
    """
    return _held(layer_program.decoder, model)


def tells_nats(model: Autoencoder) -> bool:
    """Whether the page computes −log p(x | z) by itself: from what its decoder has before the last step."""
    likelihood = model.likelihood
    # Exact types: what is derived from one may compute something else.
    plain = type(likelihood) in (Bernoulli, Gaussian) and likelihood.outputs(model.shape)[0] == 1
    return plain and not model.missing


def _held(make: Callable[[Autoencoder], Program], model: Autoencoder) -> Program:
    try:
        return make(model)
    except SpecError as error:
        raise SpecError(
            f"a page as one file: {error}; explore this run with the server (latente explore without --export)"
        ) from None

"""The layer programs that the page's own script carries out (forward.js), and what their outputs mean."""

from __future__ import annotations

from latente.errors import SpecError
from latente.export import layer_program
from latente.export.layer_program import Program
from latente.model.autoencoder import Autoencoder
from latente.model.likelihoods import Likelihood
from latente.model.likelihoods.bernoulli import Bernoulli
from latente.model.likelihoods.gaussian import Gaussian
from latente.model.nets import MLP
from latente.model.posteriors.dirac import Dirac
from latente.model.posteriors.gaussian import DiagonalGaussian


def encoder(model: Autoencoder) -> Program:
    """From an example's model values to its mean code, followed by its log-variances where it has them.

    Raises:
        SpecError: a network or posterior that the page does not compute.
    """
    if model.missing or model.context_size or type(model.likelihood).features is not Likelihood.features:
        raise SpecError(
            "a page as one file cannot hold a model that is given more than the example's values (a context, a mask); "
            "explore this run with the server (latente explore without --export)"
        )
    if type(model.encoder) is not MLP:
        raise _refused("network", model.encoder, "mlp")
    # Exact types, here and below: what is derived from one may compute something else.
    posterior = model.posterior
    if type(posterior) is not DiagonalGaussian and (type(posterior) is not Dirac or posterior.top_k is not None):
        raise _refused("posterior", posterior, "gaussian, dirac without top_k")
    return layer_program.encoder(model)


def decoder(model: Autoencoder) -> Program:
    """From a code to E[x | z]; the last step alone turns the likelihood's parameters into the mean.

    Raises:
        SpecError: a network or likelihood that the page does not compute.
    """
    if type(model.decoder) is not MLP:
        raise _refused("network", model.decoder, "mlp")
    likelihood = model.likelihood
    if type(likelihood) not in (Bernoulli, Gaussian) or likelihood.outputs(model.shape)[0] != 1:
        raise _refused("likelihood", likelihood, "bernoulli, gaussian with one sigma for all values")
    return layer_program.decoder(model)


def _refused(kind: str, part: object, allowed: str) -> SpecError:
    return SpecError(
        f"a page as one file cannot hold the {kind} {type(part).__name__}; allowed: {allowed}; "
        "explore this run with the server (latente explore without --export)"
    )

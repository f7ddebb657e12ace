"""A model as a short list of steps that the page's own script carries out.

A program maps a flat vector to a flat vector. Its steps:

=============  =============================================================================================
``dense``      x ↦ xW + b; W of shape (inputs, outputs)
``activation`` one of `ACTIVATIONS`, value by value
``moments``    the encoder's outputs as means, then log-variances bounded by a scaled tanh
=============  =============================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.likelihoods import Likelihood
from latente.model.likelihoods.bernoulli import Bernoulli
from latente.model.likelihoods.gaussian import Gaussian
from latente.model.nets import MLP
from latente.model.posteriors.dirac import Dirac
from latente.model.posteriors.gaussian import LOG_VARIANCE_BOUND, DiagonalGaussian

Floats = NDArray[np.float32]


ACTIVATIONS = ("linear", "relu", "tanh", "sigmoid", "elu", "gelu", "silu", "softplus")
"""What the page's script computes (forward.js)."""


@dataclass
class Program:
    """Steps as JSON-able tables; a dense step names its arrays in ``arrays``."""

    inputs: int
    outputs: int
    steps: list[dict[str, Any]] = field(default_factory=list)
    arrays: dict[str, Floats] = field(default_factory=dict)

    def table(self) -> dict[str, Any]:
        """Everything but the arrays, ready for JSON."""
        return {"inputs": self.inputs, "outputs": self.outputs, "steps": self.steps}


def encoder(model: Autoencoder) -> Program:
    """From an example's model values to its mean code, followed by its log-variances where it has them.

    Raises:
        SpecError: a network or posterior that has no steps yet.
    """
    if model.missing or model.context_size or type(model.likelihood).features is not Likelihood.features:
        raise SpecError(
            "a page as one file cannot hold a model that is given more than the example's values (a context, a mask); "
            "explore this run with the server (latente explore without --export)"
        )
    program = _network(model.encoder, "encoder")
    posterior = model.posterior
    # Exact types, here and below: what is derived from one may compute something else.
    if type(posterior) is DiagonalGaussian:
        program.steps.append({"op": "moments", "bound": LOG_VARIANCE_BOUND})
    elif type(posterior) is Dirac and posterior.top_k is None:
        program.steps.append({"op": "activation", "name": posterior.activation})
    else:
        raise _refused("posterior", posterior, "gaussian, dirac without top_k")
    return program


def decoder(model: Autoencoder) -> Program:
    """From a code to E[x | z]; the last step alone turns the likelihood's parameters into the mean.

    Raises:
        SpecError: a network or likelihood that has no steps yet.
    """
    program = _network(model.decoder, "decoder")
    if type(model.likelihood) is Bernoulli:
        program.steps.append({"op": "activation", "name": "sigmoid"})
    elif type(model.likelihood) is Gaussian:
        program.steps.append({"op": "activation", "name": "linear"})
    else:
        raise _refused("likelihood", model.likelihood, "bernoulli, gaussian")
    return program


def _network(net: object, name: str) -> Program:
    if type(net) is not MLP or net.activation not in ACTIVATIONS:
        raise _refused("network", net, "mlp")
    layers = net.layers
    program = Program(int(layers[0].weight.shape[0]), int(layers[-1].weight.shape[1]))
    for number, layer in enumerate(layers):
        weight, bias = f"{name}.{number}.weight", f"{name}.{number}.bias"
        program.arrays[weight] = np.asarray(layer.weight, np.float32)
        program.arrays[bias] = np.asarray(layer.bias, np.float32)
        program.steps.append({"op": "dense", "weight": weight, "bias": bias})
        if number < len(layers) - 1:
            program.steps.append({"op": "activation", "name": net.activation})
    return program


def _refused(kind: str, part: object, allowed: str) -> SpecError:
    return SpecError(
        f"a page as one file cannot hold the {kind} {type(part).__name__}; allowed: {allowed}; "
        "explore this run with the server (latente explore without --export)"
    )

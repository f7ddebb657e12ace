"""A model as a short list of steps, which whoever reads it carries out: a page's script, PyTorch, Keras, ONNX.

A program maps rows of numbers to rows of numbers. Its steps, each a table with its name under ``op``:

================  ==========================================================================================
``dense``         x ↦ xW + b along the last axis; W of shape (inputs, outputs)
``convolution``   of images (height, width, channels), with ``pads`` of zeros [[above, below], [left, right]] and a
                  ``stride``; W of shape (kernel, kernel, inputs, outputs), not turned round
``activation``    one of `ACTIVATIONS`, value by value
``function``      one of `FUNCTIONS`, value by value
``bounded``       bound · tanh(x / bound)
``affine``        x · multiplier + offset, two arrays
``slice``         from ``start`` to ``stop`` of the last axis
``take``          the entries ``index`` of the last axis
``reshape``       to ``shape``; −1 is whatever is left
``transpose``     the axes after the rows in the order ``axes``, of which the first is 1
``enlarge``       every pixel twice in both directions, cut to ``size``
``softmax``       along the last axis
``largest``       the place of the largest along the last axis, which goes
``sum``           along the last axis, which goes
``length_one``    rows divided by their length; below a length of 10⁻⁶ the first unit vector
``hot``           1 at the largest of the last axis, 0 elsewhere
``top``           all but the ``k`` largest of a row become 0
``nearest``       the sum over ``books`` of the row (rows, width) nearest to what the books before left of x
``equal``         1 where the rounded x is ``value``, an array, else 0
``observed``      1 where a value is there, 0 where it is NaN
``filled``        NaN replaced by ``value``, an array
``context``       what a conditional model is given, appended to the last axis, for images as constant channels
``join``          what each of ``branches``, lists of steps, makes of x, one after the other along the last axis
``multiply``      their product
``add``           their sum
``moments``       the first half as it is, the second ``bounded``: means, then log-variances
================  ==========================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.likelihoods import Likelihood
from latente.model.likelihoods.bernoulli import Bernoulli
from latente.model.likelihoods.gaussian import Gaussian
from latente.model.likelihoods.laplace import Laplace
from latente.model.nets import ACTIVATIONS as NAMED
from latente.model.nets import MLP, Dense
from latente.model.networks.convolutional import Conv, ConvDecoder, ConvEncoder, Residual
from latente.model.networks.gated import GatedMLP
from latente.model.posteriors.dirac import Dirac
from latente.model.posteriors.full_gaussian import FullGaussian
from latente.model.posteriors.gaussian import LOG_VARIANCE_BOUND, DiagonalGaussian

Floats = NDArray[np.float32]
Step = dict[str, Any]
Steps = list[Step]

ACTIVATIONS = tuple(NAMED)
"""Those between layers; ``gelu`` is the form with tanh, as in `latente.model.nets`."""
FUNCTIONS = ("exp", "log1p", "round", "langevin")
"""``round``: halves to even numbers. ``langevin``: coth x − 1 / x."""


@dataclass
class Program:
    """Steps as JSON-able tables, and the arrays that they name.

    Attributes:
        inputs, outputs: how many numbers a row has before and after.
        steps: as the module says.
        arrays: float32, by name.
    """

    inputs: int
    outputs: int
    steps: Steps = field(default_factory=list)
    arrays: dict[str, Floats] = field(default_factory=dict)

    def table(self) -> dict[str, Any]:
        """Everything but the arrays, ready for JSON."""
        return {"inputs": self.inputs, "outputs": self.outputs, "steps": self.steps}

    def keep(self, name: str, array: Any) -> str:
        """The name, under which the array is kept from now on."""
        self.arrays[name] = np.asarray(array, np.float32)
        return name


def encoder(model: Autoencoder) -> Program:
    """From an example's model values, made flat, to its mean code; for the Gaussian posterior, then log-variances.

    Raises:
        SpecError: a part of the model that has no steps.
    """
    if model.classifier is not None:
        raise SpecError("a model with a classifier of its own (objective m2) cannot be written as a list of layers")
    program = Program(math.prod(model.shape), model.code_size)
    program.steps += _features(program, model)
    program.steps += _network(program, model.encoder, "encoder", model.likelihood.features_shape(model.shape))
    program.steps += _code(program, model)
    if type(model.posterior) is DiagonalGaussian:
        program.outputs *= 2
    return program


def decoder(model: Autoencoder) -> Program:
    """From a code to E[x | z] as model values, made flat; the steps after the network make the mean of its outputs.

    Raises:
        SpecError: a part of the model that has no steps.
    """
    program = Program(model.code_size, math.prod(model.shape))
    program.steps += _network(program, model.decoder, "decoder", ())
    program.steps += _mean(program, model.likelihood, model.shape)
    return program


def _network(program: Program, net: object, name: str, shape: tuple[int, ...]) -> Steps:
    # Exact types, here and below: what is derived from one may compute something else.
    if type(net) is MLP:
        return _between(net, [_dense(program, layer, f"{name}.{i}") for i, layer in enumerate(net.layers)])
    if type(net) is GatedMLP:
        hidden = zip(net.values, net.gates, strict=True)
        gated = [
            {
                "op": "multiply",
                "branches": [
                    [_dense(program, value, f"{name}.values.{i}"), _activation(net.activation)],
                    [_dense(program, gate, f"{name}.gates.{i}"), _activation("sigmoid")],
                ],
            }
            for i, (value, gate) in enumerate(hidden)
        ]
        return [*gated, _dense(program, net.last, f"{name}.last")]
    if type(net) is ConvEncoder:
        return _downwards(program, net, name, shape)
    if type(net) is ConvDecoder:
        return _upwards(program, net, name)
    raise _refused("network", net, "mlp, gated-mlp, conv, residual")


def _between(net: MLP, layers: Steps) -> Steps:
    """An activation after each layer but the last."""
    return [step for layer in layers[:-1] for step in (layer, _activation(net.activation))] + layers[-1:]


def _dense(program: Program, layer: Dense, name: str) -> Step:
    weight, bias = (program.keep(f"{name}.{k}", getattr(layer, k)) for k in ("weight", "bias"))
    return {"op": "dense", "weight": weight, "bias": bias}


def _convolution(program: Program, layer: Conv, name: str, size: tuple[int, int]) -> Step:
    weight, bias = (program.keep(f"{name}.{k}", getattr(layer, k)) for k in ("weight", "bias"))
    kernel, stride = len(layer.weight), layer.stride
    lacking = [max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in size]
    pads = [[n // 2, n - n // 2] for n in lacking]
    return {"op": "convolution", "weight": weight, "bias": bias, "stride": stride, "pads": pads}


def _residual(program: Program, block: Residual, name: str, size: tuple[int, int]) -> Step:
    act = _activation(block.activation)
    wide, narrow = (_convolution(program, getattr(block, k), f"{name}.{k}", size) for k in ("wide", "narrow"))
    return {"op": "add", "branches": [[], [act, wide, act, narrow]]}


def _downwards(program: Program, net: ConvEncoder, name: str, shape: tuple[int, ...]) -> Steps:
    size, steps = (shape[0], shape[1]), [_reshape(*shape[:2], shape[2] if len(shape) == 3 else 1)]
    for level, (down, blocks) in enumerate(zip(net.downs, net.blocks, strict=True)):
        steps += [_convolution(program, down, f"{name}.downs.{level}", size), _activation(net.activation)]
        size = (-(-size[0] // 2), -(-size[1] // 2))
        steps += [_residual(program, b, f"{name}.blocks.{level}.{i}", size) for i, b in enumerate(blocks)]
    return [*steps, _reshape(-1), _dense(program, net.last, f"{name}.last")]


def _upwards(program: Program, net: ConvDecoder, name: str) -> Steps:
    steps = [_dense(program, net.first, f"{name}.first"), _activation(net.activation), _reshape(*net.sizes[0], -1)]
    for level, (blocks, up) in enumerate(zip(net.blocks, net.ups, strict=True)):
        steps += [_residual(program, b, f"{name}.blocks.{level}.{i}", net.sizes[level]) for i, b in enumerate(blocks)]
        size = net.sizes[level + 1]
        steps.append({"op": "enlarge", "size": list(size)})
        steps.append(_convolution(program, up, f"{name}.ups.{level}", size))
        if level + 1 < len(net.ups):
            steps.append(_activation(net.activation))
    # Channels are (parameter, colour); a likelihood has its parameters first.
    return [*steps, _reshape(*net.sizes[-1], net.shape[0], -1), {"op": "transpose", "axes": [3, 1, 2, 4]}, _reshape(-1)]


def _features(program: Program, model: Autoencoder) -> Steps:
    """What the encoder sees of an example."""
    if model.missing or model.context_size or type(model.likelihood).features is not Likelihood.features:
        raise SpecError(
            "a model that is given more than the example's values (a context, a mask) cannot be written as a list of "
            "layers"
        )
    return []


def _code(program: Program, model: Autoencoder) -> Steps:
    """The mean code of the encoder's outputs."""
    posterior = model.posterior
    if type(posterior) is DiagonalGaussian:
        return [{"op": "moments", "bound": LOG_VARIANCE_BOUND}]
    if type(posterior) is FullGaussian:
        return [_slice(0, model.code_size)]
    if type(posterior) is Dirac:
        top = [] if posterior.top_k is None else [{"op": "top", "k": posterior.top_k}]
        return [_activation(posterior.activation), *top]
    raise _refused("posterior", posterior, "gaussian, full-gaussian, dirac")


def _mean(program: Program, likelihood: Likelihood, shape: tuple[int, ...]) -> Steps:
    """E[x | z] of the decoder's outputs, which are flat: all of the first parameter, then all of the next."""
    found = _MEANS.get(type(likelihood))
    if found is None:
        raise _refused("likelihood", likelihood, "bernoulli, gaussian, laplace")
    n = math.prod(shape)
    first = [] if math.prod(likelihood.outputs(shape)) == n else [_slice(0, n)]
    return [*first, *found(program, likelihood)]


def _location(program: Program, likelihood: Likelihood) -> Steps:
    return [_activation("linear")]


_MEANS: dict[type[Likelihood], Callable[[Program, Any], Steps]] = {
    Bernoulli: lambda program, likelihood: [_activation("sigmoid")],
    Gaussian: _location,
    Laplace: _location,
}


def _activation(name: str) -> Step:
    return {"op": "activation", "name": name}


def _slice(start: int, stop: int) -> Step:
    return {"op": "slice", "start": start, "stop": stop}


def _reshape(*shape: int) -> Step:
    return {"op": "reshape", "shape": list(shape)}


def _refused(kind: str, part: object, allowed: str) -> SpecError:
    return SpecError(f"the {kind} {type(part).__name__} cannot be written as a list of layers; allowed: {allowed}")


def used(steps: Sequence[Step]) -> set[str]:
    """The names of all operations in steps, those of branches included."""
    inner = (used(branch) for step in steps for branch in step.get("branches", ()))
    return {step["op"] for step in steps}.union(*inner)

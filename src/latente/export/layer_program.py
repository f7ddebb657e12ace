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
``standard``      (x − center) / spread, two arrays
``slice``         from ``start`` to ``stop`` of the last axis
``take``          the entries ``index`` of the last axis
``reshape``       to ``shape``; −1 is whatever is left
``transpose``     the axes after the rows in the order ``axes``, of which the first is 1
``enlarge``       every pixel twice in both directions, cut to ``size``
``softmax``       along the last axis
``largest``       the place of the largest along the last axis, which goes
``sum``           along the last axis, which goes
``length_one``    rows of ``size`` numbers divided by their length; below a length of 10⁻⁶ the first unit vector
``hot``           1 at the largest of the ``size`` numbers of the last axis, 0 elsewhere
``top``           all but the ``k`` largest of a row become 0
``nearest``       the sum over ``books`` of the row (rows, width) nearest to what the books before left of x
``equal``         1 where the rounded x is ``value``, an array, else 0
``observed``      1 where a value is there, 0 where it is NaN
``filled``        NaN replaced by ``value``, an array
``context``       what a conditional model is given, appended to the last axis; with ``image`` as constant channels
``join``          what each of ``branches``, lists of steps, makes of x, one after the other along the last axis
``multiply``      their product
``add``           their sum
``moments``       the first half as it is, the second ``bounded``: means, then log-variances
================  ==========================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.likelihoods import Likelihood
from latente.model.likelihoods.bernoulli import Bernoulli
from latente.model.likelihoods.categorical import Categorical
from latente.model.likelihoods.columns import KINDS
from latente.model.likelihoods.continuous_bernoulli import ContinuousBernoulli
from latente.model.likelihoods.counts import LOG_MEAN_BOUND
from latente.model.likelihoods.gaussian import Gaussian
from latente.model.likelihoods.laplace import Laplace
from latente.model.likelihoods.mixed import NEVER, Mixed
from latente.model.likelihoods.negative_binomial import NegativeBinomial
from latente.model.likelihoods.poisson import Poisson
from latente.model.likelihoods.self_masked import SelfMasked
from latente.model.likelihoods.zero_inflated_negative_binomial import ZeroInflatedNegativeBinomial
from latente.model.nets import ACTIVATIONS as NAMED
from latente.model.nets import MLP, Dense
from latente.model.networks.convolutional import Conv, ConvDecoder, ConvEncoder, Residual
from latente.model.networks.gated import GatedMLP
from latente.model.posteriors.dirac import Dirac
from latente.model.posteriors.fsq import FiniteScalar
from latente.model.posteriors.full_gaussian import FullGaussian
from latente.model.posteriors.gaussian import LOG_VARIANCE_BOUND, DiagonalGaussian
from latente.model.posteriors.gumbel import GumbelSoftmax
from latente.model.posteriors.vmf import VonMisesFisher
from latente.model.posteriors.vq import ResidualQuantised, VectorQuantised

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
    conditional = model.context_size > 0
    shape = model.likelihood.features_shape(model.shape)
    program.steps += _network(program, model.encoder, "encoder", shape, conditional)
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
    program.steps += _network(program, model.decoder, "decoder", (), model.context_size > 0)
    program.steps += _mean(program, model.likelihood, model.shape)
    return program


def _network(program: Program, net: object, name: str, shape: tuple[int, ...], conditional: bool) -> Steps:
    given: Steps = [{"op": "context", "image": False}] if conditional else []
    # Exact types, here and below: what is derived from one may compute something else.
    if type(net) is MLP:
        layers = [_dense(program, layer, f"{name}.{i}") for i, layer in enumerate(net.layers)]
        return [*given, *_between(net, layers)]
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
        return [*given, *gated, _dense(program, net.last, f"{name}.last")]
    if type(net) is ConvEncoder:
        return _downwards(program, net, name, shape, conditional)
    if type(net) is ConvDecoder:
        return [*given, *_upwards(program, net, name)]
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


def _downwards(program: Program, net: ConvEncoder, name: str, shape: tuple[int, ...], conditional: bool) -> Steps:
    size, steps = (shape[0], shape[1]), [_reshape(*shape[:2], shape[2] if len(shape) == 3 else 1)]
    steps += [{"op": "context", "image": True}] if conditional else []
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
    """What the encoder sees of an example: its likelihood's features, then where a value is there if any may lack."""
    steps = _seen(program, model.likelihood, model.shape)
    if not model.missing:
        return steps
    fill = np.broadcast_to(np.asarray(model.likelihood.fill_value(), np.float32), model.shape).reshape(-1)
    filled = {"op": "filled", "value": program.keep("features.fill", fill)}
    return [{"op": "join", "branches": [[filled, *steps], [{"op": "observed"}]]}]


def _seen(program: Program, likelihood: Likelihood, shape: tuple[int, ...]) -> Steps:
    if type(likelihood) is SelfMasked:
        return _seen(program, likelihood.inner, shape)
    if type(likelihood) is Mixed:
        return _mixed_features(program, likelihood)
    if type(likelihood) in (Poisson, NegativeBinomial, ZeroInflatedNegativeBinomial):
        return [_function("log1p")]
    if type(likelihood) is Categorical and likelihood.values == "whole":
        value = program.keep("features.classes", np.arange(likelihood.categories))
        return [_reshape(-1, 1), {"op": "equal", "value": value}, _reshape(-1)]
    if type(likelihood).features in (Likelihood.features, Categorical.features):
        return []
    raise _refused("likelihood", likelihood, LIKELIHOODS)


def _mixed_features(program: Program, likelihood: Mixed) -> Steps:
    at = likelihood.layout
    center, spread = likelihood.fixed_arrays()
    pieces: list[tuple[Any, Steps]] = []
    for kind in KINDS:
        columns = at.columns(kind)
        places: NDArray[Any] = at.places(kind)
        if kind == "categorical":
            places = np.flatnonzero(np.array(at.kinds)[at.owners] == "categorical")
            value = program.keep("features.classes", at.offsets[places])
            steps = [_take(at.owners[places]), {"op": "equal", "value": value}]
        elif kind in ("real", "ordinal"):
            kept = {k: program.keep(f"features.{kind}.{k}", v[columns]) for k, v in _named(center, spread)}
            steps = [_take(columns), {"op": "standard", **kept}]
        else:
            steps = [_take(columns), *([] if kind == "binary" else [_function("log1p")])]
        pieces.append((places, steps))
    return _joined(pieces)


def _named(center: Any, spread: Any) -> list[tuple[str, Any]]:
    return [("center", center), ("spread", spread)]


def _joined(pieces: Sequence[tuple[Any, Steps]]) -> Steps:
    """The pieces that there are, each with the places where its numbers belong, brought to that order."""
    found = [(places, steps) for places, steps in pieces if len(places)]
    order = np.argsort(np.concatenate([places for places, _ in found]), kind="stable")
    return [{"op": "join", "branches": [steps for _, steps in found]}, _take(order)]


POSTERIORS = "gaussian, full-gaussian, dirac, von-mises-fisher, gumbel-softmax, fsq, vq, rvq"


def _code(program: Program, model: Autoencoder) -> Steps:
    """The mean code of the encoder's outputs."""
    posterior, size = model.posterior, model.code_size
    if type(posterior) is DiagonalGaussian:
        return [{"op": "moments", "bound": LOG_VARIANCE_BOUND}]
    if type(posterior) is FullGaussian:
        return [_slice(0, size)]
    if type(posterior) is Dirac:
        top = [] if posterior.top_k is None else [{"op": "top", "k": posterior.top_k}]
        return [_activation(posterior.activation), *top]
    if type(posterior) is VonMisesFisher:
        return [_slice(0, size), {"op": "length_one", "size": size}]
    if type(posterior) is GumbelSoftmax:
        step: Step = {"op": "hot", "size": posterior.classes} if posterior.hard else {"op": "softmax"}
        return [_reshape(-1, posterior.classes), step, _reshape(-1)]
    if type(posterior) is FiniteScalar:
        steps = np.tile(np.array(posterior.levels) - 1.0, size // len(posterior.levels))
        return [
            _activation("tanh"),
            _affine(program, "code.digits", steps / 2, steps / 2),
            _function("round"),
            _affine(program, "code.grid", 2 / steps, -np.ones(size)),
        ]
    if type(posterior) in (VectorQuantised, ResidualQuantised):
        assert isinstance(posterior, VectorQuantised)
        books = [program.keep(f"code.book.{i}", book) for i, book in enumerate(np.asarray(posterior.book))]
        return [_reshape(-1, posterior.width), {"op": "nearest", "books": books}, _reshape(-1)]
    raise _refused("posterior", posterior, POSTERIORS)


LIKELIHOODS = (
    "bernoulli, continuous-bernoulli, gaussian, laplace, categorical, poisson, negative-binomial, "
    "zero-inflated-negative-binomial, mixed, self-masked"
)


def _mean(program: Program, likelihood: Likelihood, shape: tuple[int, ...]) -> Steps:
    """E[x | z] of the decoder's outputs, which are flat: all of the first parameter, then all of the next."""
    n = math.prod(shape)
    first = [] if math.prod(likelihood.outputs(shape)) == n else [_slice(0, n)]
    log_mean: Steps = [{"op": "bounded", "bound": LOG_MEAN_BOUND}, _function("exp")]
    kind = type(likelihood)
    if kind is SelfMasked:
        assert isinstance(likelihood, SelfMasked)
        return _mean(program, likelihood.inner, shape)
    if kind is Mixed:
        assert isinstance(likelihood, Mixed)
        return _mixed_mean(program, likelihood)
    if kind is Bernoulli:
        return [*first, _activation("sigmoid")]
    if kind in (Gaussian, Laplace):
        return [*first, _activation("linear")]
    if kind is ContinuousBernoulli:
        half = np.array([0.5])
        return [_affine(program, "mean.half", half, 0 * half), _function("langevin"),
                _affine(program, "mean.middle", half, half)]  # fmt: skip
    if kind in (Poisson, NegativeBinomial):
        return [*first, *log_mean]
    if kind is ZeroInflatedNegativeBinomial:
        counted = [_slice(n, 2 * n), _affine(program, "mean.counted", -np.ones(1), np.zeros(1)), _activation("sigmoid")]
        return [{"op": "multiply", "branches": [[_slice(0, n), *log_mean], counted]}]
    if kind is Categorical:
        assert isinstance(likelihood, Categorical)
        by_value: Steps = [_reshape(likelihood.categories, n), {"op": "transpose", "axes": [2, 1]}]
        if likelihood.values == "whole":
            return [*by_value, {"op": "largest"}]
        levels = np.linspace(0, 1, likelihood.categories)
        weighed = _affine(program, "mean.levels", levels, 0 * levels)
        return [*by_value, {"op": "softmax"}, weighed, {"op": "sum"}]
    raise _refused("likelihood", likelihood, LIKELIHOODS)


def _mixed_mean(program: Program, likelihood: Mixed) -> Steps:
    at = likelihood.layout
    center, spread = (np.asarray(a) for a in likelihood.fixed_arrays())
    pieces: list[tuple[Any, Steps]] = []
    for kind in KINDS:
        columns, places = at.columns(kind), at.places(kind)
        steps = [_take(places)]
        if not len(columns):
            continue
        if kind == "real":
            steps.append(_affine(program, "mean.real", spread[columns], center[columns]))
        elif kind == "binary":
            steps.append(_activation("sigmoid"))
        elif kind == "categorical":
            there = at.real.reshape(-1)
            steps = [
                _take(at.categories.reshape(-1)),
                _affine(program, "mean.there", there, np.where(there, 0, NEVER)),
                *(_reshape(*at.real.shape), {"op": "largest"}),
            ]
        elif kind == "ordinal":
            cuts, there = np.asarray(likelihood.cuts()), at.ordered
            steps = [
                _take(np.repeat(places, cuts.shape[1])),
                _affine(program, "mean.cuts", np.ones(cuts.size), -cuts.reshape(-1)),
                _activation("sigmoid"),
                _affine(program, "mean.levels", there.reshape(-1), np.zeros(cuts.size)),
                *(_reshape(*cuts.shape), {"op": "sum"}),
            ]
        else:
            steps.append(_affine(program, f"mean.{kind}", np.ones(len(columns)), center[columns]))
            steps += [{"op": "bounded", "bound": LOG_MEAN_BOUND}, _function("exp")]
        pieces.append((columns, steps))
    return _joined(pieces)


def _affine(program: Program, name: str, multiplier: Any, offset: Any) -> Step:
    kept = [program.keep(f"{name}.{k}", v) for k, v in (("multiplier", multiplier), ("offset", offset))]
    return {"op": "affine", "multiplier": kept[0], "offset": kept[1]}


def _take(index: Any) -> Step:
    return {"op": "take", "index": [int(i) for i in index]}


def _function(name: str) -> Step:
    return {"op": "function", "name": name}


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

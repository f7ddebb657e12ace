"""Codes that are kept with a run, if asked, so that its map can be drawn where its data is not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.compiling import jit
from latente.data.split import PARTS, Data
from latente.data.units import span_of
from latente.evaluation import latent
from latente.memory import arrays_at_once
from latente.model.autoencoder import Autoencoder
from latente.model.posteriors.fsq import FiniteScalar
from latente.model.posteriors.gaussian import DiagonalGaussian
from latente.model.posteriors.gumbel import GumbelSoftmax
from latente.model.posteriors.quantised import Quantised
from latente.model.posteriors.vq import VectorQuantised
from latente.model.priors.normal import StandardNormal
from latente.objective import divergences
from latente.spec import ModelSpec

Floats = NDArray[np.float32]
Arrays = Mapping[str, NDArray[Any]]

SCORED = 2000
"""Training examples at most whose scores say what is usual."""
QUANTILES = 101
KINDS = {"mean": "f4", "log_variance": "f4", "label": "i4", "context": "f4", "token": "u2", "score": "f4"}
"""What is kept of every example, and its type."""


@dataclass(frozen=True)
class KeptCodes:
    """What is known of every example of a data set by its code.

    Attributes:
        of_examples: arrays by kind and part, each with a row an example: ``mean.train``, the codes, shape (n,
            code_size); ``log_variance.train`` of a diagonal Gaussian posterior, the same shape; ``label.train``, class
            numbers, shape (n,); ``context.train``, what a conditional model is given with each, shape (n, size);
            ``token.train``, of codes that are entries of `book_of`, which; ``score.train``, what `surprise` gives,
            shape (n,). The first and the last are there always.
        scores: quantiles, from the lowest to the highest, of what `surprise` gives for training examples, shape (101,),
            nats.
        errors: the same of root mean squared errors, in model values.
        ends: the 0.5th and 99.5th percentile of each column of a table, in the data's own units, shape (2, columns).
        dark: whether images are drawn on black: their borders are nearer to the lowest value.
    """

    of_examples: Arrays
    scores: NDArray[np.float64]
    errors: NDArray[np.float64]
    ends: NDArray[np.float64] | None
    dark: bool

    def get(self, kind: str, part: str) -> NDArray[Any] | None:
        """An array of `of_examples`; None where it is not kept."""
        return self.of_examples.get(f"{kind}.{part}")

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All of it by name, for `parsed`."""
        ends = {} if self.ends is None else {"ends": self.ends}
        return {**self.of_examples, "scores": self.scores, "errors": self.errors, **ends}


def parsed(arrays: Arrays, about: Mapping[str, Any], card: Mapping[str, Any]) -> KeptCodes:
    """What `KeptCodes.arrays` made of it, checked.

    Args:
        arrays: by name.
        about: with ``dark``.
        card: of the data.

    Raises:
        KeyError, ValueError: it is no such thing.
    """
    found = {name: a for name, a in arrays.items() if name.partition(".")[0] in KINDS}
    widths: dict[str, tuple[int, ...]] = {}
    for name, array in found.items():
        kind, _, part = name.partition(".")
        widths.setdefault(kind, array.shape[1:])
        if array.dtype != np.dtype(KINDS[kind]) or len(array) != card["counts"][part]:
            raise ValueError(f"{name} is {array.dtype}{list(array.shape)}")
        if array.shape[1:] != widths[kind] or array.ndim != (1 if kind in ("label", "score") else 2):
            raise ValueError(f"{name} is {array.dtype}{list(array.shape)}")
        if kind == "label" and (array.min(initial=0) < 0 or array.max(initial=0) >= len(card["classes"])):
            raise ValueError(f"{name} has numbers of no class")
    for part in PARTS:
        found[f"mean.{part}"], found[f"score.{part}"]
    if "log_variance" in widths and widths["log_variance"] != widths["mean"]:
        raise ValueError("its spreads are of other codes")
    scores, errors = arrays["scores"], arrays["errors"]
    if any(a.shape != (QUANTILES,) or a.dtype != np.float64 for a in (scores, errors)):
        raise ValueError("its scores are of another form")
    ends = arrays.get("ends")
    if ends is not None and (ends.shape != (2, *card["shape"]) or ends.dtype != np.float64):
        raise ValueError("its ends of columns are of another form")
    return KeptCodes(found, scores, errors, ends, bool(about["dark"]))


def kept_codes(model: Autoencoder, spec: ModelSpec, data: Data) -> KeptCodes:
    """The codes of every example of a data set.

    Args:
        model: a trained one.
        spec: what it is.
        data: what it was trained on.
    """
    kept: dict[str, NDArray[Any]] = {}
    contexts = {name: latent.context_of(model, spec, data, data.part(name)) for name in PARTS if len(data.part(name))}
    for name, context in contexts.items():
        part = data.part(name)
        pairs = list(_pairs(data, part.x, context))
        if type(model.posterior) is DiagonalGaussian:
            both = np.concatenate([latent.batched(moments, model, *pair) for pair in pairs])
            kept[f"mean.{name}"], kept[f"log_variance.{name}"] = both[:, 0], both[:, 1]
        else:
            kept[f"mean.{name}"] = np.concatenate([latent.encode(model, *pair) for pair in pairs])
        if book_of(model) is not None:
            kept[f"token.{name}"] = np.concatenate([latent.batched(entries, model, *pair) for pair in pairs])
        kept[f"score.{name}"] = np.concatenate([latent.batched(surprise, model, *pair) for pair in pairs])
        if part.y is not None:
            kept[f"label.{name}"] = part.y
        if context is not None:
            kept[f"context.{name}"] = context
    for empty in [name for name in PARTS if name not in contexts]:
        kept |= {f"{k.partition('.')[0]}.{empty}": a[:0] for k, a in list(kept.items()) if k.endswith(".train")}
    typed = {k: np.ascontiguousarray(a, KINDS[k.partition(".")[0]]) for k, a in kept.items()}
    scores, errors = usual_scores(model, data, contexts["train"])
    return KeptCodes(typed, scores, errors, ends_of(data), is_dark(data))


def usual_scores(
    model: Autoencoder, data: Data, context: Floats | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Quantiles of `surprise` and of root mean squared errors over some `SCORED` training examples, shape (101,) each.

    ``context`` is what a conditional model is given with all training examples.
    """
    pairs = list(_pairs(data, data.train.x, context, max(1, len(data.train) // SCORED)))
    scores = np.concatenate([latent.batched(surprise, model, *pair) for pair in pairs])
    errors = [np.sqrt(((x - latent.reconstruct(model, x, c)) ** 2).reshape(len(x), -1).mean(axis=1)) for x, c in pairs]
    at = np.linspace(0, 1, QUANTILES)
    return np.quantile(scores, at).astype(np.float64), np.quantile(np.concatenate(errors), at).astype(np.float64)


def ends_of(data: Data) -> NDArray[np.float64] | None:
    """As `KeptCodes.ends`; None of what is no table with named columns."""
    if data.is_image or len(data.shape) != 1 or not data.features:
        return None
    found: NDArray[np.float64] = np.nanquantile(np.asarray(data.train.x, np.float64), [0.005, 0.995], axis=0)
    return found


def is_dark(data: Data) -> bool:
    """Whether the borders of training images are nearer to black than to white."""
    low, high = data.value_range()
    if not data.is_image:
        return low < (low + high) / 2
    low, high = span_of(low, high)
    pairs = _pairs(data, data.train.x, None, max(1, len(data.train) // SCORED))
    edges = [x.reshape(len(x), *data.shape)[:, [0, -1]] for x, _ in pairs]
    return bool(np.concatenate(edges).mean() < (low + high) / 2)


def _pairs(
    data: Data, x: NDArray[Any], context: Floats | None, stride: int = 1
) -> Iterator[tuple[Floats, Floats | None]]:
    """Model values of stored examples, or of every so many, and what they are given with, some at a time."""
    size = stride * arrays_at_once(math.prod(data.shape), 5 * latent.BATCH)
    for at in range(0, len(x), size):
        rows = slice(at, at + size, stride)
        yield data.values(x[rows]), None if context is None else context[rows]


@jit
def moments(model: Autoencoder, x: Array, context: Array | None) -> Array:
    """Mean codes and log-variances of model values x with a diagonal Gaussian posterior, shape (n, 2, code_size)."""
    posterior = model.posterior
    assert isinstance(posterior, DiagonalGaussian)
    return jax.vmap(lambda one, given: jnp.stack(posterior.moments(model.encode(one, given))))(x, context)


@jit
def surprise(model: Autoencoder, x: Array, context: Array | None) -> Array:
    """How unlike the training data model values x are: −log p(x | z) at the mean code, plus the KL where it is known;
    nats, shape (n,)."""
    posterior = model.posterior

    def one(x: Array, given: Array | None) -> Array:
        outputs = model.encode(x, given)
        score = -model.log_prob(posterior.mean(outputs), x, given)
        if type(posterior) is DiagonalGaussian and type(model.prior) is StandardNormal:
            score = score + divergences.kl(posterior, model.prior, outputs)
        return score

    return jax.vmap(one)(x, context)


def book_of(model: Autoencoder) -> Floats | None:
    """The vectors that a quantised or categorical code is made of, shape (levels, entries, width); None of any other.

    A latent's ``width`` numbers are the sum over the levels of one vector of each.
    """
    posterior = model.posterior
    if isinstance(posterior, VectorQuantised):
        return np.asarray(posterior.book, np.float32)
    if type(posterior) is FiniteScalar:
        return np.asarray(jax.vmap(posterior.lookup)(jnp.arange(posterior.entries())[:, None]))[None]
    if type(posterior) is GumbelSoftmax and posterior.hard:
        return np.eye(posterior.classes, dtype=np.float32)[None]
    return None


@jit
def entries(model: Autoencoder, x: Array, context: Array | None) -> Array:
    """Which entries of `book_of` the codes of model values x are made of, shape (n, latents · levels): latent after
    latent, the entries of its levels side by side."""
    posterior = model.posterior

    def one(x: Array, given: Array | None) -> Array:
        outputs = model.encode(x, given)
        if isinstance(posterior, Quantised):
            return posterior.indices(outputs)
        assert isinstance(posterior, GumbelSoftmax)
        return jnp.argmax(posterior.mean(outputs).reshape(-1, posterior.classes), axis=-1)

    return jax.vmap(one)(x, context)

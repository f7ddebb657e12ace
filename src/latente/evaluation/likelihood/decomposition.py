"""The ELBO in its parts: distortion, and the rate as mutual information, total correlation and dimension-wise KL.

Chen et al. 2018, arXiv:1802.04942, eq. 2 (after Hoffman & Johnson 2016): of N examples, and with the aggregate
posterior q(z) = (1/N) Σ_n q(z | x_n),

    E KL(q(z | x_n) ‖ p(z)) = I(n; z) + KL(q(z) ‖ Π_j q(z_j)) + Σ_j KL(q(z_j) ‖ p(z_j)).

Every code is held against the posterior of every example: nothing is left out or estimated from a batch, and q(z) is
exact. What is estimated is the mean over codes, by one draw or more an example.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.compiling import jit
from latente.errors import SpecError
from latente.evaluation.batching import (
    BLOCK,
    MEMORY,
    OnBatch,
    batches,
    codes_at_once,
    encoded_at_once,
    enough,
    filled,
    joined,
    widest,
)
from latente.evaluation.likelihood import importance
from latente.evaluation.metrics.checks import whole
from latente.language.message import Message
from latente.model.autoencoder import Autoencoder
from latente.model.posteriors import Posterior, posteriors
from latente.model.priors.normal import StandardNormal
from latente.objective.divergences import is_closed, kl_by_latent
from latente.objective.objectives.beta_tc import HasMarginals
from latente.training.examples import Examples, Scale

ROWS = 2048
"""At most so many codes are held against the posteriors together."""

LIVE = 4
"""Arrays as large as all pairs of a step that it holds at its worst moment (a test measures)."""

CEILING = 0.5
"""Within so many nats of log N the mutual information is at its ceiling."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Decomposition:
    """The negative ELBO of each example in parts, in nats, each of shape (n,); means over the draws.

    ``mutual_information`` + ``aggregate_kl`` is log q(z | x) − log p(z), whose mean is the rate; ``aggregate_kl`` is
    ``total_correlation`` + the sum of ``dimension_kl``.

    Attributes:
        distortion: −log p(x | z).
        rate: KL(q(z | x) ‖ p(z)): in closed form where there is one, else from the draws.
        mutual_information: log q(z | x) − log q(z); between an example's number and its code, at most log n on average.
        aggregate_kl: log q(z) − log p(z); its mean is KL(q(z) ‖ p(z)), the aggregate posterior's distance to the prior.
        total_correlation: log q(z) − Σ_j log q(z_j); None where no latent's own density is known.
        dimension_kl: log q(z_j) − log p(z_j), shape (n, latents); None also where the prior's latents depend on each
            other.
        information: log q(z_j | x) − log q(z_j), shape (n, latents), of which the mean is what latent j alone tells of
            the example; None where no latent's own density is known.
    """

    distortion: Floats
    rate: Floats
    mutual_information: Floats
    aggregate_kl: Floats
    total_correlation: Floats | None
    dimension_kl: Floats | None
    information: Floats | None

    @property
    def ceiling(self) -> float:
        """log n, which the mutual information cannot pass."""
        return math.log(len(self.rate))

    def warnings(self) -> tuple[Message, ...]:
        """One for whoever uses the numbers, where the mutual information is at its ceiling."""
        if self.mutual_information.mean() < self.ceiling - CEILING:
            return ()
        return (Message("warning.ceiling", examples=len(self.rate), ceiling=self.ceiling),)


def unsupported(model: Autoencoder) -> Message | None:
    """Why a model's rate has no such parts, in one clause; None where it has."""
    if model.classifier is not None:
        return Message("reason.split_labels")
    reason = importance.unsupported(model)
    if reason is None and not model.posterior.evaluates:
        return Message("reason.split_posterior", posterior=posteriors.name_of(model.posterior))
    return reason


def decompose(
    model: Autoencoder,
    scale: Scale,
    examples: Examples,
    *,
    samples: int = 1,
    seed: int = 0,
    memory: int = MEMORY,
    on_batch: OnBatch | None = None,
) -> Decomposition:
    """The parts of every example, the aggregate posterior being that of exactly these examples.

    Work grows with the square of their number, memory does not. Of a conditional model the posteriors are those given
    each example's own context, and the prior is that without.

    Args:
        model, scale, examples: what to take apart. Data that the likelihood binarises is binarised as `nll` does with
            the same seed.
        samples: codes drawn for each example.
        seed: of the draws.
        memory: bytes that one step may take.
        on_batch: called with (codes done, of how many).

    Raises:
        SpecError: a wrong number, or a model whose rate has no such parts.
    """
    whole("samples", samples, 1)
    if reason := unsupported(model):
        raise SpecError(f"the ELBO is not split: {reason}")
    n = len(examples)
    outputs, distortion, closed, codes = _codes(model, scale, examples, samples, seed, memory)
    rows, columns = _blocks(model.posterior, outputs, codes, memory)
    number = samples * n
    parts = []
    for at, index in filled(number, rows, on_batch):
        z, own = jnp.asarray(codes.reshape(number, -1)[index]), outputs[index % n]
        found = (*_pairs(model.posterior, z, own, outputs, columns), _log_prior(model, z))
        parts.append([None if a is None else np.asarray(a, np.float64)[: number - at] for a in found])
    own_q, aggregate, own_latents, marginals, prior = (_means(p, samples) for p in zip(*parts, strict=True))
    assert own_q is not None and aggregate is not None and prior is not None
    total = dimension = information = None
    if own_latents is not None and marginals is not None:
        total = aggregate - marginals.sum(axis=1)
        information = own_latents - marginals
        if isinstance(model.prior, StandardNormal):
            normal = -0.5 * (codes.astype(np.float64) ** 2 + math.log(2 * math.pi))
            dimension = marginals - normal.mean(axis=0)
    rate = own_q - prior if closed is None else closed
    return Decomposition(distortion, rate, own_q - aggregate, aggregate - prior, total, dimension, information)


def _means(parts: tuple[Floats | None, ...], samples: int) -> Floats | None:
    """Over the draws of each example, of blocks of values that go draw by draw; None where there are none."""
    known = [p for p in parts if p is not None]
    if not known:
        return None
    whole = np.concatenate(known)
    found: Floats = whole.reshape(samples, -1, *whole.shape[1:]).mean(axis=0)
    return found


def _codes(
    model: Autoencoder, scale: Scale, examples: Examples, samples: int, seed: int, memory: int
) -> tuple[Array, Floats, Floats | None, NDArray[np.float32]]:
    """Encoder outputs (n, size); mean distortion (n,); the closed KL (n,) or None; and the codes (samples, n, d)."""
    n = len(examples)
    size = encoded_at_once(model, examples, min(n, codes_at_once(model, memory)))
    found = [_encoded(model, scale, batch, keys, samples) for _, batch, keys in batches(examples, size, seed)]
    outputs, distortion, closed, codes = joined(found, n)
    assert outputs is not None and distortion is not None and codes is not None
    double = None if closed is None else closed.astype(np.float64)
    return jnp.asarray(outputs), distortion.astype(np.float64), double, np.swapaxes(codes, 0, 1)


@jit
def _encoded(
    model: Autoencoder, scale: Scale, examples: Examples, keys: Array, samples: int
) -> tuple[Array, Array, Array | None, Array]:
    batch = examples.batch(model, scale, keys, jnp.ones(len(examples)))
    outputs = jax.vmap(model.encode)(batch.x, batch.context)

    def draw(total: Array, number: Array) -> tuple[Array, Array]:
        drawn = jax.vmap(lambda key: jr.fold_in(key, number))(keys)
        z = jax.vmap(lambda out, key: model.posterior.sample(out, key=key))(outputs, drawn)
        return total - jax.vmap(model.log_prob)(z, batch.x, batch.context), z

    distortion, z = jax.lax.scan(draw, jnp.zeros(len(keys)), jnp.arange(samples))
    closed = None
    if is_closed(model.posterior, model.prior):
        closed = jax.vmap(lambda out: jnp.sum(kl_by_latent(model.posterior, model.prior, out)))(outputs)
    return outputs, distortion / samples, closed, jnp.swapaxes(z, 0, 1)


@jit
def _log_prior(model: Autoencoder, z: Array) -> Array:
    return jax.vmap(model.prior.given(model).log_prob)(z)


def _blocks(posterior: Posterior, outputs: Array, codes: NDArray[np.float32], memory: int) -> tuple[int, int]:
    """How many codes are held against how many posteriors at once."""

    def pair(posterior: Posterior, out: Array, z: Array) -> object:
        marginals = posterior.log_prob_by_latent(out, z) if isinstance(posterior, HasMarginals) else None
        return posterior.log_prob(out, z), marginals

    width = widest(pair, (posterior,), outputs[0], jnp.asarray(codes[0, 0]))
    memory = enough(memory, LIVE * width)
    pairs = int(min(memory // LIVE, BLOCK) // width)
    columns = max(1, min(len(outputs), math.isqrt(pairs)))
    return max(1, min(ROWS, codes.shape[0] * codes.shape[1], pairs // columns)), columns


@jit
def _pairs(
    posterior: Posterior, z: Array, own: Array, outputs: Array, columns: int
) -> tuple[Array, Array, Array | None, Array | None]:
    """Of codes (b, d): log q(z | x) of their own examples; log q(z), of the mixture of all ``outputs``; and both for
    each latent by itself, shape (b, latents), where that is known. The mixture is summed block by block."""
    n = len(outputs)
    known = isinstance(posterior, HasMarginals)

    def densities(outputs: Array, z: Array) -> tuple[Array, ...]:
        joint = posterior.log_prob(outputs, z)
        return (joint, posterior.log_prob_by_latent(outputs, z)) if isinstance(posterior, HasMarginals) else (joint,)

    def add(carry: tuple[tuple[Array, Array], ...], block: Array) -> tuple[tuple[tuple[Array, Array], ...], None]:
        index = block * columns + jnp.arange(columns)
        some = outputs[jnp.minimum(index, n - 1)]
        found = jax.vmap(lambda one: jax.vmap(lambda out: densities(out, one))(some))(z)
        summed = []
        for (top, total), log_q in zip(carry, found, strict=True):
            real = jnp.reshape(index < n, (1, columns) + (1,) * (log_q.ndim - 2))
            log_q = jnp.where(real, log_q, -jnp.inf)
            higher = jnp.maximum(top, log_q.max(axis=1))
            safe = jnp.where(jnp.isneginf(higher), 0.0, higher)
            more = jnp.exp(log_q - safe[:, None]).sum(axis=1)
            summed.append((higher, total * jnp.exp(top - safe) + more))
        return tuple(summed), None

    mine = jax.vmap(densities)(own, z)
    begin = tuple((jnp.full_like(a, -jnp.inf), jnp.zeros_like(a)) for a in mine)
    blocks = jnp.arange((n + columns - 1) // columns)
    sums, _ = jax.lax.scan(add, begin, blocks)
    mixed = [top + jnp.log(total) - math.log(n) for top, total in sums]
    return mine[0], mixed[0], mine[1] if known else None, mixed[1] if known else None

"""Whether a model uses its latents: active units, the KL of each, the aggregate posterior's distance to the prior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.compiling import jit
from latente.evaluation.batching import MEMORY, batches, codes_at_once, encoded_at_once, filled, joined
from latente.evaluation.evaluate import Metric
from latente.language.message import Message
from latente.model.autoencoder import Autoencoder
from latente.objective.divergences import is_closed, kl_by_latent
from latente.objective.kernels import SCALES, Kernel
from latente.objective.objectives.codes import prior_draws
from latente.objective.objectives.mmd import kernel_for
from latente.spec import ModelSpec, part
from latente.training.examples import Examples, Scale

PAIRED = 5000
"""At most so many codes enter the MMD, for its work grows with their square."""

THRESHOLD = 0.01
"""δ of Burda et al. 2016, section 5.2: a latent whose posterior mean varies by less over the data is unused."""

WIDER = 1.2
"""How much wider than the prior codes are whose difference from it counts."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Usage:
    """What each latent of a model does over some examples.

    Attributes:
        variances: of its posterior mean over the examples, shape (code_size,), in double precision; variance_errors
            their standard errors.
        kl: KL(q(z_j | x) ‖ p(z_j)) of each example, nats, shape (n, code_size); None where the KL is no sum over
            latents in closed form.
        codes: one draw from each example's posterior, shape (n, code_size).
        prior: as many draws from the prior, shape (n, code_size); None without one.
    """

    variances: Floats
    variance_errors: Floats
    kl: Floats | None
    codes: NDArray[np.float32]
    prior: NDArray[np.float32] | None


def usage(model: Autoencoder, scale: Scale, examples: Examples, *, seed: int = 0, memory: int = MEMORY) -> Usage:
    """What each latent does over the examples; always the same draws.

    Args:
        model: with a posterior density.
        scale, examples: what it encodes.
        seed: of the draws.
        memory: bytes that one step may take.
    """
    n = len(examples)
    size = encoded_at_once(model, examples, min(n, codes_at_once(model, memory)))
    found = [_used(model, scale, batch, keys) for _, batch, keys in batches(examples, size, seed)]
    means, kl, codes, prior = joined(found, n)
    assert means is not None and codes is not None
    by_latent = kl is not None and kl.shape[1] == model.code_size
    apart = (means.astype(np.float64) - means.astype(np.float64).mean(axis=0)) ** 2
    return Usage(
        apart.mean(axis=0),
        apart.std(axis=0) / np.sqrt(n),
        kl.astype(np.float64) if kl is not None and by_latent else None,
        codes,
        prior,
    )


@jit
def _used(
    model: Autoencoder, scale: Scale, examples: Examples, keys: Array
) -> tuple[Array, Array | None, Array, Array | None]:
    batch = examples.batch(model, scale, keys, jnp.ones(len(examples)))
    outputs = jax.vmap(model.encode)(batch.x, batch.context)
    drawn = jax.vmap(lambda key: jr.fold_in(key, 0))(keys)
    codes = jax.vmap(lambda out, key: model.posterior.sample(out, key=key))(outputs, drawn)
    prior = closed = None
    if model.prior.space != "any":
        prior = prior_draws(model.prior.given(model), model.code_size, keys)
    if is_closed(model.posterior, model.prior):
        closed = jax.vmap(lambda out: kl_by_latent(model.posterior, model.prior, out))(outputs)
    return jax.vmap(model.posterior.mean)(outputs), closed, codes, prior


def wider(prior: NDArray[np.float32]) -> NDArray[np.float32]:
    """Draws as those of a prior, shape (n, code_size), a fifth farther from their middle: a difference of a known size,
    against which others are held."""
    middle = prior.mean(axis=0)
    # Moved on by one, so that no draw is held against itself.
    return np.roll(middle + WIDER * (prior - middle), 1, axis=0)


def aggregate_mmd(model: Autoencoder, codes: NDArray[np.float32], prior: NDArray[np.float32]) -> Metric:
    """MMD² of the aggregate posterior and the prior, from a draw of each an example, with its standard error.

    The U-statistic of Gretton et al. 2012 (JMLR 13, eq. 3): unbiased, so that it may fall below zero, with the kernel
    of `latente.objective.objectives.mmd` (a sum of inverse multiquadrics; a value of k lies between 0 and 7). The
    standard error is that of its first-order term (Serfling 1980, section 5.5.1).

    Args:
        model: says how far codes typically are.
        codes, prior: as many of each, at least two, shape (n, code_size); the first `PAIRED` count.
    """
    codes, prior = codes[:PAIRED], prior[:PAIRED]
    n = len(codes)
    kernel = kernel_for(model, "imq", SCALES)
    rows = max(1, min(n, MEMORY // (16 * n * codes.shape[1])))
    sums = []
    for at, index in filled(n, rows):
        block = _kernel_sums(kernel, jnp.asarray(codes), jnp.asarray(prior), jnp.asarray(index))
        sums.append(np.asarray(block, np.float64)[:, : n - at])
    within_codes, within_prior, from_codes, from_prior = np.concatenate(sums, axis=1)
    own = float(kernel.of_squared(jnp.zeros(())))
    inner = (within_codes - own) / (n - 1) + (within_prior - own) / (n - 1)
    # Of each example's share: h(i) = E k(a_i, a) + E k(b_i, b) − E k(a_i, b) − E k(a, b_i).
    each = inner - (from_codes + from_prior) / n
    return Metric(float(each.mean()), float(2 * each.std(ddof=1) / np.sqrt(n)))


@jit
def _kernel_sums(kernel: Kernel, codes: Array, prior: Array, index: Array) -> Array:
    """Sums of k from some elements of each sample over all of its own and all of the other, shape (4, len(index))."""
    a, b = codes[index], prior[index]
    pairs = ((a, codes), (b, prior), (a, prior), (b, codes))
    return jnp.stack([kernel.between(x, y).sum(axis=1) for x, y in pairs])


@dataclass(frozen=True)
class Diagnosis:
    """How many latents are unused, and what to try.

    Attributes:
        latents: how many there are.
        unused: which vary by less than the threshold, in order.
        remedies: what to try, a clause each; empty where all are used.
    """

    latents: int
    unused: tuple[int, ...]
    remedies: tuple[Message, ...]

    @property
    def active(self) -> int:
        """How many are used."""
        return self.latents - len(self.unused)

    @property
    def summary(self) -> Message:
        """How many are unused."""
        if not self.unused:
            return Message("warning.used", latents=self.latents)
        if self.active == 0:
            return Message("warning.unused_all", latents=self.latents)
        return Message("warning.unused", unused=len(self.unused), latents=self.latents)

    @property
    def advice(self) -> Message:
        """The same, with what to try."""
        return Message("warning.try", summary=self.summary, remedies=self.remedies) if self.remedies else self.summary


def diagnose(variances: NDArray[np.floating], spec: ModelSpec, threshold: float = THRESHOLD) -> Diagnosis:
    """Which latents are unused, and what to try in a model of that spec.

    Args:
        variances: of each latent's posterior mean over the data, shape (latents,).
        spec: the model's, whose objective and size say which remedies are left.
        threshold: see `THRESHOLD`.
    """
    unused = tuple(int(j) for j in np.flatnonzero(~(np.asarray(variances) > threshold)))
    latents = len(np.asarray(variances))
    return Diagnosis(latents, unused, _remedies(spec, latents - len(unused)) if unused else ())


def _remedies(spec: ModelSpec, active: int) -> tuple[Message, ...]:
    objective, options = part(spec.objective)
    found = []
    if objective == "elbo":
        beta = options.get("beta", 1.0)
        end = beta.get("end", 1.0) if isinstance(beta, Mapping) else beta
        found.append(Message("warning.remedy.beta", beta=float(end)))
        if not isinstance(beta, Mapping):
            found.append(Message("warning.remedy.warmup"))
    found.append(Message("warning.remedy.more_free_bits" if objective == "free-bits" else "warning.remedy.free_bits"))
    if active > 0:
        found.append(Message("warning.remedy.fewer", active=active))
    found.append(Message("warning.remedy.decoder"))
    return tuple(found)

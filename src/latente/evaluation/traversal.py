"""Traversals: what a decoder draws while one latent at a time moves and the others stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.errors import SpecError

Floats = NDArray[np.floating[Any]]
Decode = Callable[[NDArray[np.float32]], Floats]


@dataclass(frozen=True)
class Traversal:
    """A grid of decoded codes.

    Attributes:
        latents: which latents move, shape (moving,).
        at: where each goes, shape (moving, steps).
        images: E[x | z], shape (base codes, moving, steps, *shape).
        change: how much each latent changes the image: the root mean square, over base codes, steps and values, of
            the difference from that latent's mean image; shape (moving,). 0 for a latent that the decoder ignores.
    """

    latents: NDArray[np.int64]
    at: Floats
    images: Floats
    change: NDArray[np.float64]


def traverse(decode: Decode, base: Floats, at: Floats, *, latents: Sequence[int] | None = None) -> Traversal:
    """Decode base codes with one latent at a time put to each of its steps.

    Args:
        decode: from codes (n, latent_dim) to images (n, *shape); called once.
        base: the codes to start from, shape (b, latent_dim).
        at: the steps of each latent, shape (latent_dim, steps), as `posterior_steps` gives.
        latents: which ones move, in this order; all where None.

    Raises:
        SpecError: shapes that do not agree, a latent there is not, or values that are not finite.
    """
    base, at = np.asarray(base, np.float32), np.asarray(at, np.float32)
    if base.ndim != 2 or 0 in base.shape or not np.isfinite(base).all():
        raise SpecError(f"base: got shape {base.shape}; allowed: (codes, latents) of finite numbers, at least one each")
    dim = base.shape[1]
    if at.ndim != 2 or len(at) != dim or at.shape[1] == 0 or not np.isfinite(at).all():
        raise SpecError(f"at: got shape {at.shape}; allowed: ({dim}, steps) of finite numbers")
    moving = list(range(dim)) if latents is None else [int(i) for i in latents]
    if not moving or any(not 0 <= i < dim for i in moving):
        raise SpecError(f"latents: got {moving}; allowed: one or more of 0 to {dim - 1}")
    steps = at.shape[1]
    z = np.tile(base[:, None, None, :], (1, len(moving), steps, 1))
    for row, i in enumerate(moving):
        z[:, row, :, i] = at[i]
    images = np.asarray(decode(z.reshape(-1, dim)))
    images = images.reshape(len(base), len(moving), steps, *images.shape[1:])
    spread = images.astype(np.float64).var(axis=2)
    change = np.sqrt(spread.mean(axis=(0, *range(2, spread.ndim))))
    return Traversal(np.array(moving), at[moving], images, change)


def posterior_steps(codes: Floats, steps: int = 9, low: float = 0.01) -> NDArray[np.float32]:
    """Quantiles of each latent's codes at evenly spaced levels from ``low`` to 1 − ``low``, shape (latent_dim, steps).

    Of many examples' codes these are the quantiles of the aggregate posterior (of its means, where mean codes are
    given), which stay where the decoder has been trained, whatever the scale of the codes.

    Raises:
        SpecError: codes that are not of shape (n, latent_dim) and finite, fewer than two steps, or low out of [0, 0.5).
    """
    codes = np.asarray(codes)
    if codes.ndim != 2 or 0 in codes.shape or not np.isfinite(codes).all():
        raise SpecError(f"codes: got shape {codes.shape}; allowed: (n, latents) of finite numbers, at least one each")
    if steps < 2 or not 0 <= low < 0.5:
        raise SpecError(f"got steps = {steps}, low = {low}; allowed: at least 2, and at least 0 and below 0.5")
    return np.quantile(codes, np.linspace(low, 1 - low, steps), axis=0).T.astype(np.float32)

"""How near reconstructions are to their originals: squared error, PSNR, SSIM; by class, by pixel, the worst.

Each metric gives one value an example, so that means, intervals, classes and worst cases come from one array.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latente.errors import DataError
from latente.evaluation.metrics.checks import labels, pair, vector, whole
from latente.evaluation.metrics.intervals import LEVEL, Estimate, check_level, mean_interval
from latente.evaluation.metrics.neighbours import blocks
from latente.spec import got

SIGMA, RADIUS = 1.5, 5
"""Standard deviation of SSIM's window in pixels, and its reach: 11×11 (Wang et al. 2004)."""
K1, K2 = 0.01, 0.03
CHUNK = 2**22
"""Pixels worked on at a time."""

Floats = NDArray[np.float64]


def mse(x: ArrayLike, reconstructions: ArrayLike) -> Floats:
    """Mean squared error of each example, a value; shape (n,).

    Args:
        x, reconstructions: model values, shape (n, ...).

    Raises:
        DataError: different shapes, none, or values that are not finite.
    """
    a, b = pair("x", x, "reconstructions", reconstructions)
    found = np.empty(len(a))
    for part in _parts(a):
        square = np.subtract(a[part], b[part], dtype=np.float64) ** 2
        found[part] = square.reshape(len(square), -1).mean(axis=1)
    return found


def psnr(x: ArrayLike, reconstructions: ArrayLike, *, data_range: float = 1.0) -> Floats:
    """Peak signal-to-noise ratio of each example, 10 log₁₀(range² / MSE), in decibels; infinite where MSE is zero.

    Raises:
        DataError: as `mse`.
        SpecError: a range that is not above zero.
    """
    _check_range(data_range)
    error = mse(x, reconstructions)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(data_range**2 / error)


def ssim(x: ArrayLike, reconstructions: ArrayLike, *, data_range: float = 1.0) -> Floats:
    """Structural similarity of each image, −1 to 1, 1 for equal ones; shape (n,) (Wang et al. 2004).

    The mean over all places where the Gaussian 11×11 window (σ = 1.5) lies inside the image, and over colours; with
    the published constants and weighted (biased) covariances. An image too small for that gets the largest odd window
    that fits, so that its value is not comparable with larger images'.

    Args:
        x, reconstructions: model values, shape (n, height, width) or (n, height, width, colours).
        data_range: what the values can span: 1 for 0..1, 255 for bytes.

    Raises:
        DataError: as `mse`, or no images.
        SpecError: a range that is not above zero.
    """
    _check_range(data_range)
    a, b = pair("x", x, "reconstructions", reconstructions)
    if a.ndim not in (3, 4):
        raise DataError(f"x: got shape {list(a.shape)}; allowed: [n, height, width] or [n, height, width, colours]")
    # Colours beside the examples, so that the last two axes are the image.
    if a.ndim == 4:
        a, b = np.moveaxis(a, -1, 1), np.moveaxis(b, -1, 1)
    down, across = (_window(side, min(a.shape[-2:])) for side in a.shape[-2:])
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    found = np.empty(len(a))
    for part in _parts(a):
        p, q = (np.asarray(v[part], np.float64) for v in (a, b))
        mp, mq, pp, qq, pq = (down @ v @ across.T for v in (p, q, p * p, q * q, p * q))
        luminance = (2 * mp * mq + c1) / (mp**2 + mq**2 + c1)
        structure = (2 * (pq - mp * mq) + c2) / (pp - mp**2 + qq - mq**2 + c2)
        found[part] = (luminance * structure).reshape(len(p), -1).mean(axis=1)
    return found


def per_pixel(x: ArrayLike, reconstructions: ArrayLike) -> Floats:
    """Mean squared error of each value over the examples, of one example's shape.

    Raises:
        DataError: as `mse`.
    """
    a, b = pair("x", x, "reconstructions", reconstructions)
    total = np.zeros(a.shape[1:])
    for part in _parts(a):
        total += (np.subtract(a[part], b[part], dtype=np.float64) ** 2).sum(axis=0)
    return total / len(a)


def per_class(values: ArrayLike, y: ArrayLike, classes: int, *, level: float = LEVEL) -> list[Estimate | None]:
    """Mean and interval of one value an example for each class; None for a class without examples.

    Args:
        values: shape (n,), for instance of `ssim`.
        y: labels in 0..classes − 1, shape (n,).
        classes: how many there are.
        level: of Student's t interval, which is infinitely wide for a single example.

    Raises:
        DataError: different lengths, labels out of range, or values that are not finite.
        SpecError: a level out of range.
    """
    check_level(level)
    v = vector("values", values)
    of = labels("y", y, length=("values", len(v)), classes=whole("classes", classes, 1))
    members = [v[of == c] for c in range(classes)]
    return [mean_interval(m, level=level) if len(m) else None for m in members]


def worst(values: ArrayLike, count: int, *, highest: bool = True) -> NDArray[np.int64]:
    """Indices of the worst examples, worst first; equal ones in their order.

    Args:
        values: one an example, shape (n,); infinite ones are allowed (PSNR).
        count: how many; fewer are returned where there are fewer.
        highest: whether high values are bad, as for errors; False for PSNR and SSIM.

    Raises:
        DataError: none, NaN, or more than one value an example.
        SpecError: a count below one.
    """
    whole("count", count, 1)
    v = np.asarray(values)
    v = vector("values", np.where(np.isinf(v), np.sign(v) * np.finfo(np.float64).max, v) if v.dtype.kind == "f" else v)
    return np.argsort(-v if highest else v, kind="stable")[:count].astype(np.int64)


def _parts(a: NDArray[np.generic]) -> Iterator[slice]:
    return blocks(len(a), math.prod(a.shape[1:]), 8 * CHUNK)


def _window(side: int, shortest: int) -> Floats:
    """The matrix that smooths a line of pixels with the window at each place where it fits: (places, side)."""
    radius = min(RADIUS, (shortest - 1) // 2)
    weight = np.exp(-0.5 * (np.arange(-radius, radius + 1) / SIGMA) ** 2)
    places = side - 2 * radius
    matrix = np.zeros((places, side))
    for place in range(places):
        matrix[place, place : place + 2 * radius + 1] = weight / weight.sum()
    return matrix


def _check_range(data_range: float) -> None:
    if not (data_range > 0 and math.isfinite(data_range)):
        raise got("data_range", data_range, "a finite number above 0: what the values can span, 1 for 0..1")

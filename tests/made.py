"""Data that several tests make."""

import numpy as np


def blobs(n=300, shape=(6, 5), classes=3, seed=0):
    """Grey images of `classes` fixed patterns with noise, and their labels."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    patterns = rng.uniform(0, 1, (classes, *shape))
    x = np.clip(patterns[y] + 0.1 * rng.normal(size=(n, *shape)), 0, 1)
    return (255 * x).astype(np.uint8), y

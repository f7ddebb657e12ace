"""Codes of six numbers in four clusters that overlap, one number on a far larger scale than the others."""

import numpy as np


def clusters():
    """A generator of random numbers, and what draws so many codes and their labels from it."""
    rng = np.random.default_rng(0)
    centres = 2 * rng.normal(size=(4, 6))

    def codes(n, noise=1.0):
        y = rng.integers(0, 4, n)
        return centres[y] * np.array([1, 1, 1, 1, 1, 100]) + noise * rng.normal(size=(n, 6)), y

    return rng, codes

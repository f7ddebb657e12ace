"""Small data that every test can afford; nothing here needs a network."""

import os
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Compiling is most of the tests' time: do it quickly rather than well, and keep what was compiled for the next time.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "0")

import numpy as np
import pytest

from latente.data.source import make_source
from latente.data.split import split_source


def blobs(n=300, shape=(6, 5), classes=3, seed=0):
    """Grey images of `classes` fixed patterns with noise, and their labels."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    patterns = rng.uniform(0, 1, (classes, *shape))
    x = np.clip(patterns[y] + 0.1 * rng.normal(size=(n, *shape)), 0, 1)
    return (255 * x).astype(np.uint8), y


@pytest.fixture(scope="session")
def tiny():
    """300 images of 6×5 pixels in 3 classes: 192 to train, 48 to validate, 60 to test."""
    return split_source(make_source("tiny", *blobs()))

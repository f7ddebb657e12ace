"""Small tables of numbers and estimators that are trained once."""

import numpy as np
import pytest

from latente.sklearn import VAE

TINY = {"epochs": 2, "hidden": (8,), "latent_dim": 2, "random_state": 0}


@pytest.fixture(scope="session")
def numbers():
    """60 rows of 4 correlated numbers, far from unit scale."""
    rng = np.random.default_rng(0)
    return 100 + 30 * rng.normal(size=(60, 2)) @ rng.normal(size=(2, 4)) + rng.normal(size=(60, 4))


@pytest.fixture(scope="session")
def fitted(numbers):
    """A VAE of `numbers`; not to be fitted again."""
    return VAE(**TINY).fit(numbers)

"""Small tables and estimators that are trained once."""

import numpy as np
import pandas as pd
import pytest

from latente.sklearn import VAE

TINY = {"epochs": 2, "hidden": (8,), "latent_dim": 2, "random_state": 0}


@pytest.fixture(scope="session")
def numbers():
    """60 rows of 4 correlated numbers, far from unit scale."""
    rng = np.random.default_rng(0)
    return 100 + 30 * rng.normal(size=(60, 2)) @ rng.normal(size=(2, 4)) + rng.normal(size=(60, 4))


@pytest.fixture(scope="session")
def people():
    """60 rows of mixed columns with holes, and an index of texts."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "height": rng.normal(170, 10, 60),
            "sex": pd.Categorical(rng.choice(["f", "m"], 60)),
            "region": rng.choice(["north", "south", "west"], 60),
            "id": np.arange(60),
        },
        index=[f"row{i}" for i in range(60)],
    )
    frame.loc["row3", "height"] = np.nan
    return frame


@pytest.fixture(scope="session")
def fitted(numbers):
    """A VAE of `numbers`; not to be fitted again."""
    return VAE(**TINY).fit(numbers)


@pytest.fixture(scope="session")
def of_people(people):
    """A VAE of `people`; not to be fitted again."""
    return VAE(**TINY).fit(people)

"""A model that several files look at."""

import pytest

import latente


@pytest.fixture(scope="session")
def vae(tiny):
    """Trained until it knows the three patterns of its data."""
    return latente.fit(latente.VAE(2, hidden=(16,)), tiny, epochs=30, batch_size=16, learning_rate=5e-3, name="vae")

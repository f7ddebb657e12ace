import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made import built

from latente.evaluation.row_terms import bucket, row_terms
from latente.objective.objectives import objectives
from latente.objective.presets import VAE
from latente.spec import RunSpec

SPEC = VAE(latent_dim=2, hidden=(4,), likelihood="gaussian")


@pytest.fixture(scope="module")
def model():
    return built(RunSpec(model=SPEC), (3,))


def test_a_bucket_is_a_power_of_two():
    assert [bucket(n, 500) for n in (1, 32, 33, 200, 300, 9000)] == [32, 32, 64, 256, 500, 500]


def test_a_row_alone_has_the_terms_that_it_has_among_others(model):
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    objective = objectives.make("elbo")
    all_ = row_terms(model, objective, x)
    one = row_terms(model, objective, x[7:8])
    for name in ("loss", "reconstruction", "kl"):
        assert one[name][0] == pytest.approx(all_[name][7], rel=1e-5)
    np.testing.assert_allclose(all_["loss"], all_["reconstruction"] + all_["kl"], rtol=1e-5)


def test_they_are_the_evidence_lower_bound(model):
    """Against the closed form of the KL, and ten thousand codes of NumPy's."""
    x = np.random.default_rng(1).normal(size=(2, 3)).astype(np.float32)
    found = row_terms(model, objectives.make("elbo"), x, samples=4000)
    for i, row in enumerate(x):
        outputs = np.asarray(model.encode(jnp.asarray(row)), np.float64)
        mean, log_variance = outputs[:2], 20 * np.tanh(outputs[2:] / 20)
        kl = 0.5 * np.sum(np.exp(log_variance) + mean**2 - 1 - log_variance)
        codes = mean + np.exp(0.5 * log_variance) * np.random.default_rng(2).normal(size=(10_000, 2))
        means = np.asarray(jax.vmap(model.mean)(jnp.asarray(codes, jnp.float32)), np.float64)
        density = 0.5 * np.sum((row - means) ** 2, axis=1) + 1.5 * np.log(2 * np.pi)
        assert found["kl"][i] == pytest.approx(kl, rel=1e-4)
        assert found["reconstruction"][i] == pytest.approx(density.mean(), rel=0.02)

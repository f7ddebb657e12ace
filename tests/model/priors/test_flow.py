"""Flow priors against a numerical Jacobian, their integral and draws, and trained with a VAE."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from scipy import stats

import latente
from latente.errors import SpecError
from latente.model.priors import priors


def bent(name):
    """A prior of two numbers that is no normal: its parameters are moved from where they start."""
    prior = priors.make({"name": name, "layers": 3, "hidden": [8]}).init(2, (), key=jr.key(0))
    flat, back = ravel_pytree(prior)
    return back(flat + 0.2 * jr.normal(jr.key(1), flat.shape))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["realnvp", "maf"])
def test_the_density_is_the_change_of_variables_and_draws_follow_it(name, hold_to_its_density):
    prior = bent(name)
    u, step = jr.normal(jr.key(2), (2,)), 1e-2

    @jax.jit
    def values(u):
        def image(u):
            return prior.shift + jnp.exp(prior.log_scale) * prior.flow.forward(u)[0]

        z = image(u)
        columns = [(image(u + step * e) - image(u - step * e)) / (2 * step) for e in jnp.eye(2)]
        return prior.log_prob(z), jnp.stack(columns, axis=1), z

    log_p, jacobian, z = values(u)
    wanted = stats.norm.logpdf(u).sum() - np.log(abs(np.linalg.det(np.asarray(jacobian, np.float64))))
    assert float(log_p) == pytest.approx(wanted, abs=5e-3)
    normal = stats.norm.logpdf(np.asarray(z), np.asarray(prior.shift), np.exp(prior.log_scale)).sum()
    assert abs(wanted - normal) > 0.05  # so that the flow's part is seen
    hold_to_its_density(prior, 5.0, tolerance=5e-3)


def test_wrong_options_are_refused():
    with pytest.raises(SpecError, match=r'prior "realnvp": got hidden = 8; allowed: a list of widths'):
        priors.make({"name": "realnvp", "hidden": 8})
    with pytest.raises(SpecError, match=r'prior "maf": got layers = 0; allowed: a whole number of at least 1'):
        priors.make({"name": "maf", "layers": 0})


@pytest.mark.slow
def test_it_learns_with_a_vae(tmp_path):
    data = latente.load_data("digits")
    run = latente.fit(latente.VAE(2, hidden=(16,), prior={"name": "realnvp", "layers": 2}), data, epochs=3)
    assert run.history["loss"][-1] < run.history["loss"][0]
    assert np.abs(run.model.prior.log_scale).max() > 1e-3
    again = latente.load(run.save(tmp_path / "run"), data=data)
    assert again.evaluate("test") == run.evaluate("test")

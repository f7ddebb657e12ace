"""InfoVAE, MMD-VAE and WAE-MMD: what they add up, and that they bring codes to the prior."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from latente.errors import SpecError
from latente.objective.kernels import Kernel, squared_mmd
from latente.objective.objectives import objectives
from latente.objective.objectives.codes import PRIOR
from latente.objective.objectives.elbo import ELBO
from latente.objective.objectives.mmd import MMDVAE, WAEMMD, InfoVAE


@pytest.fixture(scope="module")
def scene(make):
    """A model, a filled batch, its codes' MMD² by hand, and its ELBO."""

    model = make.model()
    batch = make.filling(make.batch(model))
    z = jax.vmap(lambda x, k: model.posterior.sample(model.encode(x), key=k))(batch.x[:8], batch.keys[:8])
    drawn = jnp.stack([jr.normal(jr.fold_in(k, PRIOR), (3,)) for k in batch.keys[:8]])
    mmd = float(squared_mmd(Kernel("imq", 6.0), z, drawn, jnp.ones(8), jnp.ones(8)))
    assert abs(mmd) > 0.01
    return model, batch, mmd, make.terms(ELBO(), model, batch)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "of_kl", "of_mmd"),
    [(InfoVAE(0.3, 8.0), 0.7, 7.3), (MMDVAE(9.0), 0.0, 9.0), (WAEMMD(5.0), 0.0, 5.0)],
)
def test_the_loss_is_its_terms_by_their_weights(make, scene, objective, of_kl, of_mmd):
    model, batch, mmd, elbo = scene
    terms = make.terms(objective, model, batch)
    assert np.asarray(terms.penalties["mmd"]) == pytest.approx(mmd, rel=1e-4)
    assert np.asarray(terms.kl) == pytest.approx(np.asarray(elbo.kl), rel=1e-5)
    expected = elbo.reconstruction + of_kl * elbo.kl + of_mmd * mmd
    assert np.asarray(terms.loss) == pytest.approx(np.asarray(expected), rel=1e-4)


def test_points_have_no_rate(make):
    model = make.model(posterior="dirac")
    terms = make.terms(WAEMMD(), model, make.batch(model))
    assert np.asarray(terms.kl).tolist() == [0] * 8
    assert np.asarray(terms.loss - terms.reconstruction) == pytest.approx(
        10 * np.asarray(terms.penalties["mmd"]), rel=1e-3
    )


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_descending_it_brings_points_to_the_prior(make, kernel):
    """Codes at mean 3 with deviation 0.3 end near mean 0 and deviation 1; only the penalty is followed."""
    model = make.identity(make.model(latent_dim=2, shape=(2,), posterior="dirac"), scale=0.3, shift=3.0)
    objective = WAEMMD(kernel=kernel)
    learns, fixed = eqx.partition(model.encoder, eqx.is_inexact_array)

    @jax.jit
    def descend(learns):
        def step(learns, key):
            def penalty(learns):
                moved = eqx.tree_at(lambda m: m.encoder, model, eqx.combine(learns, fixed))
                return objective(moved, make.normal(key, 200, 2)).penalties["mmd"][0]

            return jax.tree.map(lambda a, g: a - 0.2 * g, learns, jax.grad(penalty)(learns)), None

        return jax.lax.scan(step, learns, jr.split(jr.key(0), 400))[0]

    encoder = eqx.combine(descend(learns), fixed)
    z = np.asarray(jax.vmap(encoder)(jr.normal(jr.key(9), (2000, 2))))
    assert z.mean(axis=0) == pytest.approx([0, 0], abs=0.2)
    assert np.cov(z.T) == pytest.approx(np.eye(2), abs=0.3)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"name": "info-vae", "alpha": 1.5}, "got alpha = 1.5; allowed: a number at most 1"),
        ({"name": "info-vae", "alpha": 0.5, "weight": 0.2}, "got weight = 0.2; allowed: a number of at least 0.5"),
        ({"name": "mmd-vae", "weight": -1}, 'objective "mmd-vae": got weight = -1'),
        ({"name": "wae-mmd", "kernel": "gauss"}, 'unknown kernel of objective "wae-mmd"'),
        ({"name": "wae-mmd", "scales": [1, -1]}, "got scales = (1, -1)"),
    ],
)
def test_options_are_checked(part, words):
    with pytest.raises(SpecError) as error:
        objectives.make(part)
    assert words in str(error.value)


def test_a_list_of_scales_from_a_file_is_hashable():
    assert hash(objectives.make({"name": "wae-mmd", "scales": [1, 2]}).scales)

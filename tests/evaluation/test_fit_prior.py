"""Priors fitted to codes: against scikit-learn, exact densities, and the standard normal on a trained model's codes."""

import json
import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats
from sklearn.mixture import GaussianMixture as Reference
from sklearn.neighbors import KernelDensity

import latente
from latente.cli.main import main
from latente.errors import DataError, SpecError, StoreError
from latente.evaluation.fit_prior import BANDWIDTHS, codes_of, fit_prior, kinds
from latente.model.build import build
from latente.training.examples import examples_of, scale_of

SMALL = {
    "gaussian-mixture": {"components": 4},
    "kde": {"bandwidth": "cross-validated"},
    "realnvp": {"layers": 4, "hidden": [16], "epochs": 30, "learning_rate": 3e-3},
    "maf": {"layers": 2, "hidden": [16], "epochs": 30, "learning_rate": 3e-3},
    "second-stage-vae": {"hidden": [64], "epochs": 120, "learning_rate": 3e-3},
}


@pytest.fixture(scope="module")
def model():
    return build(latente.AE(2, hidden=(4,)), (3, 3), key=jr.key(0))


def moons(n, seed):
    """Two clusters, one of them bent and far from the origin, on no unit scale."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    bent = np.stack([a, a**2 - 1 + 0.3 * rng.normal(size=n)], axis=1)
    away = np.array([4, 3]) + 0.4 * rng.normal(size=(n, 2))
    return 3 * np.where(rng.uniform(size=(n, 1)) < 0.5, bent, away) + 20


def moons_log_prob(z):
    t = (z - 20) / 3
    bent = stats.norm.pdf(t[:, 0]) * stats.norm.pdf(t[:, 1], t[:, 0] ** 2 - 1, 0.3)
    away = stats.norm.pdf(t, [4, 3], 0.4).prod(axis=1)
    return np.log(0.5 * bent + 0.5 * away) - 2 * math.log(3)


@jax.jit
def mean_log_prob(prior, z):
    return jnp.mean(jax.vmap(prior.log_prob)(z))


@pytest.mark.slow
def test_kde_is_scikit_learns_by_both_bandwidths(model):
    codes, new = moons(300, 0), moons(200, 1)
    scott = fit_prior(model, codes, "kde")
    sigma = math.sqrt(codes.var(axis=0).mean())
    assert float(scott.bandwidth) == pytest.approx(sigma * 300 ** (-1 / 6), rel=1e-6)
    chosen = fit_prior(model, codes, "kde", bandwidth="cross-validated")
    for prior in (scott, chosen):
        reference = KernelDensity(bandwidth=float(prior.bandwidth)).fit(codes)
        ours = jax.jit(jax.vmap(prior.log_prob))(jnp.asarray(new, jnp.float32))
        np.testing.assert_allclose(ours, reference.score_samples(new), atol=2e-3, rtol=1e-4)

    assert chosen.bandwidth < 0.7 * scott.bandwidth
    assert mean_log_prob(chosen, jnp.asarray(new)) > mean_log_prob(scott, jnp.asarray(new)) + 0.1
    few = fit_prior(model, codes, "kde", points=50, bandwidth=0.5)
    assert len(np.unique(few.codes, axis=0)) == 50 and float(few.bandwidth) == 0.5


@pytest.mark.slow
def test_the_cross_validated_bandwidth_is_the_best_by_leaving_codes_out_one_at_a_time(model):
    codes = moons(60, 0)
    chosen = fit_prior(model, codes, "kde", bandwidth="cross-validated")

    def left_out(bandwidth):
        others = [np.delete(codes, i, 0) for i in range(len(codes))]
        return np.mean(
            [KernelDensity(bandwidth=bandwidth).fit(o).score(c[None]) for o, c in zip(others, codes, strict=True)]
        )

    tried = BANDWIDTHS * math.sqrt(codes.var(axis=0).mean())
    best = int(np.argmax([left_out(b) for b in tried]))
    assert 0 < best < len(tried) - 1
    assert float(chosen.bandwidth) == pytest.approx(tried[best], rel=1e-6)


def test_kde_draws_follow_its_density(model):
    prior = fit_prior(model, moons(100, 0), "kde", bandwidth=2.0)
    drawn = np.asarray(jax.jit(jax.vmap(lambda k: prior.sample(2, key=k)))(jr.split(jr.key(0), 20_000)), float)
    # Seen along any line it is a mixture of normals.
    along = np.array([0.6, -0.8])
    centres = np.asarray(prior.codes, float) @ along

    def cdf(x):
        return stats.norm.cdf((x[:, None] - centres) / 2.0).mean(axis=1)

    assert stats.kstest((drawn @ along)[:4000], cdf).pvalue > 1e-3


@pytest.mark.slow
def test_the_mixture_is_scikit_learns(model):
    codes, new = moons(600, 0), moons(500, 1)
    prior = fit_prior(model, codes, "gaussian-mixture", components=3, seed=4)
    centre, unit = codes.mean(axis=0), math.sqrt(codes.var(axis=0).mean())
    reference = Reference(3, max_iter=300, random_state=4).fit((codes - centre) / unit)
    wanted = reference.score((new - centre) / unit) - 2 * math.log(unit)
    assert float(mean_log_prob(prior, jnp.asarray(new))) == pytest.approx(wanted, abs=2e-3)


@pytest.mark.slow
def test_the_second_stage_learns_codes_that_are_no_normal(model):
    learn, stop, new = (moons(n, seed) for n, seed in ((1200, 0), (400, 1), (1000, 2)))
    options = {"hidden": (64,), "epochs": 150, "learning_rate": 3e-3, "patience": 30, "batch_size": 64}
    prior = fit_prior(model, learn, "second-stage-vae", held_out=stop, **options)
    ours, truth = float(mean_log_prob(prior, jnp.asarray(new))), moons_log_prob(new).mean()
    normal = stats.multivariate_normal(learn.mean(axis=0), np.cov(learn.T)).logpdf(new).mean()
    print(f"second stage {ours:.3f}, one fitted normal {normal:.3f}, truth {truth:.3f}")
    assert normal + 0.8 < ours < truth
    drawn = np.asarray(jax.jit(jax.vmap(lambda k: prior.sample(2, key=k)))(jr.split(jr.key(0), 1000)), float)
    # Half of them in the cluster that is away, as in the truth.
    assert np.mean(((drawn - 20) / 3)[:, 0] + ((drawn - 20) / 3)[:, 1] > 4.5) == pytest.approx(0.5, abs=0.1)


@pytest.fixture(scope="module")
def trained():
    data = latente.load_data("digits")
    spec = latente.AE(2, hidden=(32,), code_activation="linear")
    return latente.fit(spec, data, epochs=20, batch_size=32, learning_rate=3e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SMALL)
def test_it_beats_the_standard_normal_on_unseen_codes_and_survives_saving(kind, trained, tmp_path):
    data = trained.data
    run = trained.with_prior(kind, seed=1, **SMALL[kind])
    codes = jnp.asarray(codes_of(run.model, scale_of(data), examples_of(data, data.test, run.spec.model)))
    ours = float(mean_log_prob(run.fitted, codes))
    plain = stats.norm.logpdf(codes).sum(axis=1).mean()
    train = codes_of(run.model, scale_of(data), examples_of(data, data.train, run.spec.model))
    normal = stats.multivariate_normal(train.mean(axis=0), np.cov(train.T)).logpdf(codes).mean()
    print(f"{kind}: {ours:.3f}, one fitted normal {normal:.3f}, standard normal {plain:.3f}")
    assert ours > plain + 1
    assert ours > normal
    drawn = run.sample(50, seed=3)
    again = latente.load(run.save(tmp_path / "run"), data=data)
    assert np.array_equal(again.sample(50, seed=3), drawn)
    assert np.isfinite(drawn).all() and drawn.std(axis=0).max() > 0.05
    # The spec is still the one that was trained, and so are the numbers.
    assert again.spec == trained.spec and again.evaluate("test") == trained.evaluate("test")


@pytest.mark.slow
def test_quantised_codes_get_a_prior_over_their_tokens(tmp_path):
    data = latente.load_data("digits")
    parts = {"posterior": {"name": "fsq", "levels": [5]}, "prior": "uniform-codes", "objective": "vq"}
    run = latente.fit(latente.VAE(6, hidden=(32,), **parts), data, epochs=40, batch_size=32, learning_rate=3e-3)
    made = run.with_prior("autoregressive", hidden=[32], width=8, epochs=60, learning_rate=5e-3)
    tokens = codes_of(run.model, scale_of(data), examples_of(data, data.test, run.spec.model))
    ours = float(mean_log_prob(made.fitted, jnp.asarray(tokens)))
    # Better than tokens of their own frequencies, each apart: it has learnt how they go together.
    train = codes_of(run.model, scale_of(data), examples_of(data, data.train, run.spec.model))
    often = np.stack([(train == token).mean(axis=0) + 1e-3 for token in range(5)])
    apart = np.log(often[tokens, np.arange(6)]).sum(axis=1).mean()
    print(f"autoregressive {ours:.3f}, tokens apart {apart:.3f}, uniform {-6 * math.log(5):.3f}")
    assert ours > apart + 0.4
    again = latente.load(made.save(tmp_path / "run"), data=data)
    assert np.array_equal(again.sample(20), made.sample(20))
    # What is sampled is what the decoder makes of codes of the book.
    codes = made.generator.prior.given(run.model).sample(6, key=jr.key(0))
    assert np.isin(np.asarray(codes), [-1, -0.5, 0, 0.5, 1]).all()


@pytest.mark.slow
def test_numbers_of_a_vae_are_those_of_its_own_prior():
    data = latente.load_data("digits")
    run = latente.fit(latente.VAE(2, hidden=(16,)), data, epochs=1)
    other = run.with_prior("gaussian-mixture", components=2)
    assert other.evaluate("test") == run.evaluate("test")
    assert not np.array_equal(other.sample(4), run.sample(4))
    # Its codes were draws of the posteriors, wider than their means.
    drawn = codes_of(run.model, scale_of(data), examples_of(data, data.train, run.spec.model))
    assert drawn.var(axis=0).sum() > run.encode(data.train.x).var(axis=0).sum()


@pytest.mark.slow
def test_the_command_writes_the_run_with_its_prior(trained, tmp_path, capsys):
    trained.save(tmp_path / "plain")
    # Data comes from its name again.
    plain, out = tmp_path / "plain", tmp_path / "with"
    options = ["--set", "components=3", "--set", "covariance=diagonal"]
    assert main(["prior", str(plain), "gaussian-mixture", "--out", str(out), *options]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    part = json.loads((out / "prior.json").read_text())
    assert part == {"name": "gaussian-mixture", "components": 3, "covariance": "diagonal"}
    assert latente.load(out).sample(2).shape == (2, *trained.model.shape)
    with pytest.raises(SpecError, match="no prior to sample from"):
        latente.load(plain).sample(2)
    assert main(["prior", str(plain), "kde", "--out", str(out)]) == 2
    assert "exists and is not empty" in capsys.readouterr().err
    assert main(["prior", str(plain), "kde", "--out", str(tmp_path / "new"), "--set", "components"]) == 2
    assert 'got "components"; allowed: key=value' in capsys.readouterr().err
    (out / "manifest.json").unlink()
    (out / "prior.json").write_text('{"name": "gaussian-mixtur"}')
    with pytest.raises(StoreError, match=r'prior.json: is damaged .*did you mean "gaussian-mixture"'):
        latente.load(out)
    (out / "prior.json").write_text('{"name": "gaussian-mixture", "components": 4}')
    with pytest.raises(StoreError, match='"fitted.means" is'):
        latente.load(out)


@pytest.mark.slow
def test_what_makes_no_sense_is_refused(model):
    codes = moons(100, 0)
    assert set(kinds) == {*SMALL, "autoregressive"}
    with pytest.raises(SpecError, match='unknown kind of prior to fit "kdee"; did you mean "kde"'):
        fit_prior(model, codes, "kdee")
    with pytest.raises(SpecError, match='unknown option of prior "kde" "bandwith"; did you mean "bandwidth"'):
        fit_prior(model, codes, "kde", bandwith=1)
    with pytest.raises(SpecError, match='prior "kde": got bandwidth = -1; allowed'):
        fit_prior(model, codes, "kde", bandwidth=-1)
    with pytest.raises(SpecError, match='prior "autoregressive" does not go with posterior "dirac"'):
        fit_prior(model, codes, "autoregressive")
    with pytest.raises(DataError, match=r"codes: got shape \(100, 1\); allowed: \(n, 2\)"):
        fit_prior(model, codes[:, :1], "kde")
    with pytest.raises(DataError, match="codes: got 5; allowed: at least 20"):
        fit_prior(model, codes[:5], "kde")
    with pytest.raises(DataError, match="all are alike"):
        fit_prior(model, np.ones((30, 2)), "realnvp")
    with pytest.raises(DataError, match="got 100 codes for 101 components"):
        fit_prior(model, codes, "gaussian-mixture", components=101)
    with pytest.raises(SpecError, match="fitting a prior: got epochs = 0; allowed"):
        fit_prior(model, codes, "maf", epochs=0)
    ball = build(latente.VAE(3, posterior="von-mises-fisher", prior="uniform-sphere"), (3, 3), key=jr.key(0))
    with pytest.raises(SpecError, match='"kde" does not go with posterior "von-mises-fisher": its codes live in sph'):
        fit_prior(ball, np.ones((30, 3)), "kde")

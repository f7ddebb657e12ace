"""Baselines against closed forms and other implementations: the mean, principal components, and marginal models."""

import numpy as np
import pytest
from madereport import NOTEBOOK, runs_of
from scipy import stats

from latente.analysis import baselines as b
from latente.analysis.baselines import marginal, pca_errors, searched
from latente.analysis.trained_models import trained_models
from latente.evaluation.batching import subsample  # noqa: F401
from latente.model.likelihoods import likelihoods

RNG = np.random.default_rng(0)


def test_components_of_known_variances_leave_the_rest():
    """Independent columns of variances 9, 4, 1, 0.25: d components leave the sum of the others."""
    spread = np.array([3.0, 2.0, 1.0, 0.5])
    train, test = (RNG.normal(size=(20_000, 4)) * spread + 7 for _ in range(2))
    found = pca_errors(train.reshape(-1, 2, 2), lambda: [test[:9000].reshape(-1, 2, 2), test[9000:].reshape(-1, 2, 2)],
                       [1, 2, 4, 9])  # fmt: skip
    assert list(found) == [0, 1, 2, 4, 9] and all(len(e) == 20_000 for e in found.values())
    left = {0: 14.25, 1: 5.25, 2: 1.25, 4: 0, 9: 0}
    for size, errors in found.items():
        assert errors.mean() == pytest.approx(left[size] / 4, rel=0.03, abs=1e-9)
    assert found[0] == pytest.approx(((test - train.mean(axis=0)) ** 2).mean(axis=1), rel=1e-9)


def test_components_are_scikit_learns():
    from sklearn.decomposition import PCA

    train, test = RNG.normal(size=(300, 10)) @ RNG.normal(size=(10, 10)), RNG.normal(size=(50, 10))
    fitted = PCA(3, random_state=0).fit(train)
    expected = ((fitted.inverse_transform(fitted.transform(test)) - test) ** 2).mean(axis=1)
    assert pca_errors(train, lambda: [test], [3])[3] == pytest.approx(expected, rel=1e-9)


def test_the_marginal_model_of_a_bernoulli_is_that_of_its_frequencies():
    p = np.array([0.1, 0.5, 0.9, 0.0])
    train, test = ((RNG.random((n, 4)) < p).astype(np.float32) for n in (5000, 4000))
    found = marginal(likelihoods.make("bernoulli"), train, test)
    entropy = sum(stats.bernoulli(q).entropy() for q in p[:3])
    assert found.mean() == pytest.approx(entropy, abs=0.03)
    q = (train.sum(axis=0) + 0.5) / 5001
    assert found == pytest.approx(-stats.bernoulli.logpmf(test.astype(int), q).sum(axis=1), rel=1e-6)
    # Grey values are the probabilities of what is drawn: the mean over all draws.
    grey = RNG.random((3, 4)).astype(np.float32)
    drawn = (RNG.random((20_000, 1, 4)) < grey[0]).astype(int)
    mean = -stats.bernoulli.logpmf(drawn, q).sum(axis=-1).mean()
    assert marginal(likelihoods.make("bernoulli"), train, grey)[0] == pytest.approx(mean, rel=0.02)


@pytest.mark.parametrize("sigma", [0.5, "learned", "per-value"])
def test_the_marginal_model_of_a_gaussian_is_normal(sigma):
    means, spread = np.array([1.0, -2.0, 0.0]), np.array([0.5, 1.0, 2.0])
    train, test = (means + spread * RNG.normal(size=(n, 3)) for n in (4000, 500))
    found = marginal(likelihoods.make({"name": "gaussian", "sigma": sigma}), train, test)
    scale = {0.5: 0.5, "learned": np.sqrt((train.var(axis=0)).mean()), "per-value": train.std(axis=0)}[sigma]
    expected = -stats.norm.logpdf(test, train.mean(axis=0), scale).sum(axis=1)
    assert found == pytest.approx(expected, rel=2e-3)


def test_the_search_finds_what_closed_forms_give():
    import jax.random as jr

    train = (RNG.random((4000, 3)) < [0.2, 0.5, 0.8]).astype(np.float32)
    likelihood = likelihoods.make("bernoulli")
    assert searched(likelihood, train, train[:50]) == pytest.approx(marginal(likelihood, train, train[:50]), rel=2e-3)
    counts = RNG.poisson([1.0, 4.0, 0.5], (4000, 3)).astype(np.float32)
    found = marginal(likelihoods.make("poisson"), counts, counts[:50])
    expected = -stats.poisson.logpmf(counts[:50].astype(int), counts.mean(axis=0)).sum(axis=1)
    assert found == pytest.approx(expected, rel=3e-3)
    laplace = likelihoods.make("laplace").init((2,), key=jr.key(0))
    values = RNG.laplace([0.0, 3.0], [1.0, 1.0], (4000, 2)).astype(np.float32)
    expected = -stats.laplace.logpdf(values[:50], [0, 3], 1).sum(axis=1)
    assert marginal(laplace, values, values[:50]).mean() == pytest.approx(expected.mean(), rel=0.03)


def test_those_of_a_study_are_of_the_models_that_can_be_compared(tiny):
    models = {"vae": NOTEBOOK["vae"], "ae": NOTEBOOK["ae"]}
    trained = trained_models(runs_of(tiny, models))
    found = b.baselines(trained)
    assert (
        found is not None
        and found.fitted == len(tiny.train)
        and set(found.errors) == {0, *(m.latents for m in trained)}
    )
    assert list(found.nll) == [b.key_of(trained[0])] and all(len(e) == len(tiny.test) for e in found.nll.values())
    assert b.bound_terms(trained[0]) == ("loss",) and b.bound_terms(trained[1]) is None
    values = tiny.values(tiny.test.x)
    mean = tiny.values(tiny.train.x).mean(axis=0)
    assert found.errors[0] == pytest.approx(((values - mean) ** 2).reshape(len(values), -1).mean(axis=1), rel=1e-5)

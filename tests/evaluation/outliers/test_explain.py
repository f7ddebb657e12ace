"""Scores split over columns: against exact Shapley values, for every kind of model, and faults put in known columns."""

import itertools

import equinox as eqx
import jax.random as jr
import numpy as np
import pytest
from lineargaussian import EVIDENCE, linear_gaussian
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import latente
from latente.errors import SpecError
from latente.evaluation.outliers.explain import explain, explained_score, parts_of, usual_columns
from latente.model.build import build

X = EVIDENCE.rvs(200, random_state=0).astype(np.float32)


def shapley(x):
    """Exact: −log p of every set of columns, over every order."""
    found = np.zeros(4)
    for order in itertools.permutations(range(4)):
        before = 0.0
        for i, d in enumerate(order):
            s = sorted(order[: i + 1])
            now = -multivariate_normal(EVIDENCE.mean[s], EVIDENCE.cov[np.ix_(s, s)]).logpdf(x[s])
            found[d] += (now - before) / 24
            before = now
    return found


def test_shares_are_shapley_values_of_the_exact_likelihood():
    x = X[:5].copy()
    x[0, 1] += 6
    found = explain(linear_gaussian(shift=0.3, wider=1.5), x, orders=32)
    np.testing.assert_allclose(found.columns, [shapley(row) for row in x], atol=0.3)
    np.testing.assert_allclose(found.score, -EVIDENCE.logpdf(x), atol=0.25)
    np.testing.assert_allclose(found.columns.sum(axis=1), found.score, rtol=0, atol=1e-6)


def test_a_fault_is_first_where_the_encoder_is_misled():
    """The fault alone is usual; what goes with it is pulled along by the code, and is not to blame."""
    model, rng = linear_gaussian(), np.random.default_rng(1)
    usual = usual_columns(model, X)
    rows = np.tile(X[100:], (2, 1))
    where = rng.integers(0, 2, len(rows)) * 2
    faulty = rows.copy()
    faulty[np.arange(len(rows)), where] += rng.choice([-1, 1], len(rows)) * 5 * X[:, where].std(axis=0)
    found = explain(model, faulty, usual=usual)
    assert (found.ranking()[:, 0] == where).mean() > 0.95
    assert found.excess == pytest.approx(found.columns - usual)
    # Of plain rows each column has the least excess about half of the time: the median is where it says.
    assert (explain(model, X[:200], usual=usual).excess > 0).mean(axis=0) == pytest.approx(np.full(4, 0.5), abs=0.02)


def test_an_example_has_its_own_numbers():
    model = linear_gaussian()
    found = explain(model, X[:70])
    alone = explain(model, X[69:70])
    assert np.array_equal(found.columns[69:], alone.columns) and found.score[69] == alone.score[0]
    assert explained_score(model, X[:3]) == pytest.approx(found.score[:3], rel=1e-6)
    assert not np.array_equal(explain(model, X[:1], seed=1).columns, found.columns[:1])


def test_values_beyond_32_bits_are_to_blame():
    found = explain(linear_gaussian(), np.array([[0, 1e30, 0, 0], [3e38, 0, 0, 0]], np.float32))
    assert np.isfinite(found.columns).all() and found.ranking()[:, 0].tolist() == [1, 0]


def test_codes_without_a_density_weigh_alike():
    model = build(latente.AE(2, hidden=(5,)), (6,), key=jr.key(0))
    x = np.random.default_rng(0).random((3, 6)).astype(np.float32)
    found = explain(model, x)
    mixed = []
    for row in x:
        rows = [row]
        for d in range(6):
            y = np.where(np.arange(6) == d, 0, row).astype(np.float32)
            for _ in range(3):
                y[d] = model.mean(model.code(y))[d]
            rows.append(y)
        each = [model.likelihood.log_prob(model.decode(model.code(y)), row) for y in np.stack(rows)]
        mixed.append(np.log(7) - logsumexp(np.array(each, float)))
    assert found.score == pytest.approx(mixed, rel=1e-4)
    assert found.columns.sum(axis=1) == pytest.approx(found.score, abs=1e-6)


def test_missing_values_have_no_share_and_contexts_count():
    spec = latente.VAE(
        2,
        hidden=(5,),
        condition="labels",
        missing=True,
        posterior="full-gaussian",
        likelihood={"name": "mixed", "columns": ["real", "count", "binary", "categorical:3"]},
    )
    model = build(spec, (4,), key=jr.key(0), context=2)
    x = np.array([[0.3, 2, 1, 2], [0.3, 2, np.nan, 2]], np.float32)
    context = np.eye(2, dtype=np.float32)[[0, 1]]
    usual = usual_columns(model, x, context)
    found = explain(model, x, context, usual=usual)
    assert found.columns[1, 2] == found.excess[1, 2] == 0 and (found.columns[0] != 0).all()
    assert found.columns.sum(axis=1) == pytest.approx(found.score, abs=1e-6)
    assert not np.allclose(explain(model, x, context[::-1]).score, found.score)
    # A column that no example has is usual at 0.
    assert usual_columns(model, x[1:], context[1:])[2] == 0
    with pytest.raises(SpecError, match="conditioned on 2 numbers"):
        explain(model, x)


def test_images_are_explained_pixel_by_pixel():
    spec = latente.VAE(2, hidden=(5,), posterior="flow", likelihood="bernoulli")
    model = build(spec, (8, 7), key=jr.key(0))
    # Decoded pixels of ½ whatever the code: every pixel costs log 2.
    plain = eqx.tree_at(lambda m: m.decoder.layers[-1], model, replace_fn=lambda layer: layer_of_zeros(layer))
    found = explain(plain, np.eye(8, 7, dtype=np.float32)[None])
    assert found.columns.shape == (1, 8, 7) and found.score == pytest.approx(56 * np.log(2), rel=1e-5)
    assert found.columns == pytest.approx(np.full((1, 8, 7), np.log(2)), abs=1e-4)


def layer_of_zeros(layer):
    return eqx.tree_at(lambda x: (x.weight, x.bias), layer, replace_fn=lambda a: a * 0)


def test_a_run_explains_with_what_is_usual_for_it(vae, tiny):
    x = tiny.test.x[:3].copy()
    x[0, 0, 0] = 255 - x[0, 0, 0]
    found = vae.explain(x)
    held_out = usual_columns(vae.model, tiny.values(tiny.validation.x))
    assert found.excess == pytest.approx(found.columns - held_out)
    assert found.ranking()[0, 0] == 0 and found.columns.sum(axis=(1, 2)) == pytest.approx(found.score, abs=1e-6)


def test_parts():
    assert parts_of((4,)) == (0, 1, 2, 3)
    assert set(parts_of((100,))) == set(range(32))
    part = np.reshape(parts_of((28, 28, 3)), (28, 28, 3))
    assert part.max() == 24 and (part[..., 0] == part[..., 2]).all() and (part[:5, :5] == 0).all()
    assert set(parts_of((2, 100))) == set(range(10))


def test_mistakes_are_said():
    with pytest.raises(SpecError, match="orders"):
        explain(linear_gaussian(), X, orders=0)
    with pytest.raises(SpecError, match="at least one"):
        explain(linear_gaussian(), X[:0])

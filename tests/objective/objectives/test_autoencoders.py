"""Deterministic autoencoders' objectives: denoising, contractive, sparse and regularised."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from latente.errors import SpecError
from latente.model.build import build
from latente.model.likelihoods.bernoulli import Bernoulli
from latente.model.posteriors.dirac import Dirac
from latente.objective.objectives import objectives
from latente.objective.objectives.contractive import Contractive, contraction
from latente.objective.objectives.denoising import Denoising
from latente.objective.objectives.reconstruction import Reconstruction
from latente.objective.objectives.regularised import Regularised
from latente.objective.objectives.sparse import Sparse, bernoulli_kl
from latente.objective.presets import AE, VAE
from latente.objective.terms import Batch

N, SHAPE = 6, (3, 2)
X = jr.uniform(jr.key(7), (N, *SHAPE))
WEIGHT = jnp.array([1.0, 1, 1, 1, 0, 0])
NAMES = ["denoising", "contractive", "sparse", "regularised"]


def make(**parts):
    spec = AE(**{"latent_dim": 2, "hidden": (5,), "activation": "tanh", "code_activation": "sigmoid", **parts})
    return eqx.filter_jit(lambda: build(spec, SHAPE, key=jr.key(0)))()


def shapes(spec):
    return eqx.filter_eval_shape(build, spec, SHAPE, key=jr.key(0))


@pytest.fixture(scope="module")
def model():
    return make()


OBJECTIVES = {
    "reconstruction": Reconstruction(),
    "contractive": Contractive(0.5),
    "contractive twice": Contractive(1.0),
    "l1": Sparse("l1", 0.5),
    "kl": Sparse("kl", 2.0, 0.2),
    "top-k": Sparse("top-k"),
    "l2": Regularised(0.3, 0.02, "l2"),
    "gradient": Regularised(0.3, 0.02, "gradient"),
    "masking": Denoising("masking", 0.4),
}


@eqx.filter_jit
def _terms(model, x, weight):
    batch = Batch(x, jr.split(jr.key(1), N), weight, None, None, jnp.int32(0), N)
    return {name: objective(model, batch) for name, objective in OBJECTIVES.items()}


def net(layers, x):
    """A tanh MLP in NumPy, double precision."""
    for i, layer in enumerate(layers):
        x = x @ np.asarray(layer.weight, np.float64) + np.asarray(layer.bias, np.float64)
        x = np.tanh(x) if i < len(layers) - 1 else x
    return x


def codes(model, x):
    return 1 / (1 + np.exp(-net(model.encoder.layers, np.asarray(x, np.float64).reshape(len(x), -1))))


def means(model, z):
    return 1 / (1 + np.exp(-net(model.decoder.layers, z)))


def score(model, z, x):
    p, x = means(model, z), np.asarray(x, np.float64).reshape(len(x), -1)
    return -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=1)


def numerical(function, at, h=1e-5):
    """The Jacobian by central differences, shape (outputs, inputs)."""
    steps = np.eye(len(at)) * h
    return np.stack([(function(at + s) - function(at - s)) / (2 * h) for s in steps], axis=1)


@pytest.mark.slow
def test_contraction_is_the_numerical_jacobians_norm(model):
    terms = _terms(model, X, WEIGHT)
    flat = np.asarray(X, np.float64).reshape(N, -1)
    expected = [(numerical(lambda v: codes(model, v[None])[0], v) ** 2).sum() for v in flat]
    found = terms["contractive"]
    assert np.asarray(found.penalties["contraction"]) == pytest.approx(expected, rel=1e-4)
    assert np.asarray(found.reconstruction) == pytest.approx(score(model, codes(model, X), X), rel=1e-5)
    assert np.asarray(found.loss) == pytest.approx(
        np.asarray(found.reconstruction) + 0.5 * np.array(expected), rel=1e-5
    )
    more = np.asarray(terms["contractive twice"].loss - found.loss)
    assert more == pytest.approx(0.5 * np.array(expected), rel=1e-3) and more.min() > 0.001


@pytest.mark.slow
def test_contraction_is_by_what_is_seen_of_the_values_and_not_by_the_mask():
    model = make(missing=True)
    x = X[0].at[1, 0].set(jnp.nan)
    known = ~np.isnan(np.asarray(x).ravel())
    filled = np.nan_to_num(np.asarray(x, np.float64).ravel())
    jacobian = numerical(lambda v: codes(model, np.concatenate([v, known])[None])[0], filled)
    assert float(eqx.filter_jit(contraction)(model, x, None)) == pytest.approx((jacobian**2).sum(), rel=1e-4)
    model = make(latent_dim=9)  # more codes than values: forward mode
    jacobian = numerical(lambda v: codes(model, v[None])[0], np.asarray(X[0], np.float64).ravel())
    assert float(eqx.filter_jit(contraction)(model, X[0], None)) == pytest.approx((jacobian**2).sum(), rel=1e-4)


def test_sparsity_is_the_l1_norm_or_the_divergence_of_the_batchs_mean_codes(model):
    terms, z = _terms(model, X, WEIGHT), codes(model, X)
    assert np.asarray(terms["l1"].penalties["sparsity"]) == pytest.approx(np.abs(z).sum(axis=1), rel=1e-5)
    assert np.asarray(terms["l1"].loss) == pytest.approx(score(model, z, X) + 0.5 * np.abs(z).sum(axis=1), rel=1e-5)
    rho = z[:4].mean(axis=0)  # the last two only fill the batch up
    divergence = sum(stats.entropy([0.2, 0.8], [p, 1 - p]) for p in rho)
    assert np.asarray(terms["kl"].penalties["sparsity"]) == pytest.approx(np.full(N, divergence), rel=1e-4)
    assert np.asarray(terms["kl"].loss) == pytest.approx(score(model, z, X) + 2 * divergence, rel=1e-5)
    assert divergence > 0.1


def test_the_divergence_from_the_target_is_zero_there_only_and_finite_at_the_ends():
    at = jnp.array([0.0, 0.05, 0.2, 0.9, 1.0])
    found, slope = jax.jit(jax.vmap(jax.value_and_grad(lambda m: bernoulli_kl(0.05, m))))(at)
    found = np.asarray(found)
    assert found[1] == pytest.approx(0, abs=1e-5) and (np.delete(found, 1) > 0.01).all()
    assert np.isfinite(found).all() and np.isfinite(slope).all()


@pytest.mark.slow
def test_top_k_keeps_exactly_the_k_largest_in_training_and_in_the_code_alike():
    model = make(latent_dim=7, code_activation="linear", posterior={"name": "dirac", "top_k": 3})
    full = net(model.encoder.layers, np.asarray(X, np.float64).reshape(N, -1))
    largest = np.where(full >= np.sort(full, axis=1)[:, [-3]], full, 0)
    assert ((largest != 0).sum(axis=1) == 3).all()
    z = np.asarray(jax.vmap(model.code)(X))
    assert z == pytest.approx(largest, abs=1e-6) and ((z != 0).sum(axis=1) == 3).all()
    terms = _terms(model, X, WEIGHT)
    assert np.asarray(terms["top-k"].loss) == pytest.approx(score(model, largest, X), rel=1e-5)
    # No gradient goes through what is not kept.
    slope = jax.jacobian(model.posterior.mean)(jnp.asarray(full[0], jnp.float32))
    assert np.asarray(slope) == pytest.approx(np.diag(largest[0] != 0).astype(float))


def test_top_k_keeps_k_of_equal_numbers():
    for values in ([2.0, 2.0, 2.0, 2.0], [0.0, 5.0, 5.0, 5.0], [-1.0, -1.0, -3.0, -1.0]):
        z = np.asarray(Dirac("linear", 2).mean(jnp.array(values)))
        assert (z != 0).sum() == 2 and set(z[z != 0]) == {max(values)}
    assert Dirac("linear", 4).mean(jnp.array([1.0, -2.0, 0.5, 3.0])).tolist() == [1.0, -2.0, 0.5, 3.0]


def test_regularised_adds_the_codes_norm_and_the_decoders(model):
    terms, z = _terms(model, X, WEIGHT), codes(model, X)
    size = 0.5 * (z**2).sum(axis=1)
    theta = sum(float((np.asarray(a, np.float64) ** 2).sum()) for a in jax.tree.leaves(model.decoder))
    jacobians = [numerical(lambda v: means(model, v[None])[0], v) for v in z]
    rough = {"l2": np.full(N, theta), "gradient": np.array([(j**2).sum() for j in jacobians])}
    for name, r in rough.items():
        found = terms[name]
        assert np.asarray(found.penalties["code_norm"]) == pytest.approx(size, rel=1e-5)
        assert np.asarray(found.penalties[f"decoder_{name}"]) == pytest.approx(r, rel=1e-4)
        expected = score(model, z, X) + 0.3 * size + 0.02 * r
        assert np.asarray(found.loss) == pytest.approx(expected, rel=1e-5)
        assert (0.3 * size).min() > 0.01 and (0.02 * r).min() > 1e-4


@pytest.mark.slow
def test_denoising_decodes_the_corrupted_and_scores_the_clean(model):
    keys = jr.split(jr.key(1), N)
    seen = jax.vmap(lambda x, key: Denoising("masking", 0.4).corrupted(x, key=key))(X, keys)
    assert 0 < (seen == 0).sum() < seen.size and bool(jnp.all((seen == X) | (seen == 0)))
    loss = np.asarray(_terms(model, X, WEIGHT)["masking"].loss)
    assert loss == pytest.approx(score(model, codes(model, seen), X), rel=1e-5)
    assert np.abs(loss - score(model, codes(model, X), X)).max() > 1e-3
    assert np.abs(loss - score(model, codes(model, seen), seen)).max() > 1e-3


@pytest.mark.slow
def test_noise_has_its_moments_and_leaves_missing_values_missing():
    x = jnp.full(40_000, 0.3).at[:100].set(jnp.nan)
    gaussian, masked, salted, hidden = (
        np.asarray(eqx.filter_jit(objective.corrupted)(x, missing=missing, key=jr.key(4)))
        for objective, missing in (
            (Denoising("gaussian", 0.2), False),
            (Denoising("masking", 0.25), False),
            (Denoising("salt-and-pepper", 0.1, -1.0, 2.0), False),
            (Denoising("masking", 0.25), True),
        )
    )
    for found in (gaussian, masked, salted, hidden):
        assert np.isnan(found[:100]).all()
    rest = 39_900
    assert stats.kstest(gaussian[100:] - np.float32(0.3), "norm", (0, 0.2)).pvalue > 0.001
    assert set(masked[100:]) == {np.float32(0), np.float32(0.3)} and not np.isnan(masked[100:]).any()
    assert set(salted[100:]) == {np.float32(-1), np.float32(0.3), np.float32(2)}
    hidden_share = np.isnan(hidden[100:])
    assert (hidden[100:][~hidden_share] == np.float32(0.3)).all()
    for share, expected in (
        ((masked[100:] == 0).mean(), 0.25),
        ((salted[100:] == -1).mean(), 0.05),
        ((salted[100:] == 2).mean(), 0.05),
        (hidden_share.mean(), 0.25),
    ):
        assert share == pytest.approx(expected, abs=4 * (expected * (1 - expected) / rest) ** 0.5)


@pytest.mark.slow
def test_masked_values_are_missing_where_the_model_takes_missing_ones():
    model = make(missing=True)
    x = X.at[:, 0, 0].set(jnp.nan)
    keys = jr.split(jr.key(1), N)
    seen = jax.vmap(lambda x, key: Denoising("masking", 0.4).corrupted(x, missing=True, key=key))(x, keys)
    known = ~np.isnan(np.asarray(seen)).reshape(N, -1)
    assert known.sum() < (N - 0) * 5  # some of the five known values of each are gone
    features = np.concatenate([np.nan_to_num(np.asarray(seen)).reshape(N, -1), known], axis=1)
    z = codes(model, features)
    p, flat = means(model, z), np.asarray(x, np.float64).reshape(N, -1)
    expected = -np.nansum(flat * np.log(p) + (1 - flat) * np.log(1 - p), axis=1)
    assert np.asarray(_terms(model, x, WEIGHT)["masking"].loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_models_without_a_point_or_with_a_prior_are_refused(name):
    objective = objectives.make(name)
    for spec, side in (
        (VAE(prior="none"), 'posterior "gaussian"'),
        (AE(prior="standard-normal"), 'prior "standard-normal"'),
    ):
        with pytest.raises(SpecError, match=f'objective "{name}" does not go with {side}: '):
            objective.check(shapes(spec))
    objective.check(shapes(AE()))


def test_each_kind_of_sparsity_needs_its_posterior():
    for kind, spec, reason in (
        ("kl", AE(4), 'kind = "kl" compares mean codes from 0 to 1; take .*"sigmoid"'),
        ("top-k", AE(4), 'kind = "top-k" needs its k; take .*top_k = 8'),
    ):
        with pytest.raises(SpecError, match=f'objective "sparse" does not go with posterior "dirac": {reason}'):
            Sparse(kind).check(shapes(spec))
    Sparse("kl").check(shapes(AE(4, code_activation="sigmoid")))
    Sparse("top-k").check(shapes(AE(4, posterior={"name": "dirac", "top_k": 2})))
    for k in (0, -2, 1.0, True):
        with pytest.raises(
            SpecError, match=r'posterior "dirac": got top_k = .*; allowed: a whole number of at least 1'
        ):
            Dirac(top_k=k)
    with pytest.raises(SpecError, match=r"got top_k = 5 with latent_dim = 4; allowed: at most 4"):
        shapes(AE(4, posterior={"name": "dirac", "top_k": 5}))


def test_noise_and_gradients_that_mean_nothing_to_the_values_are_refused():
    class Whole(Bernoulli):
        whole = True

    class Columns(Bernoulli):
        same_support = False

    class Categories(Bernoulli):
        def features_shape(self, shape):
            return (*shape, 4)

    def having(likelihood, spec=AE(2)):  # noqa: B008
        return eqx.tree_at(lambda m: m.likelihood, shapes(spec), likelihood)

    name = 'objective "denoising" does not go with likelihood '
    with pytest.raises(SpecError, match=name + 'Whole: noise = "gaussian" makes no whole numbers'):
        Denoising("gaussian").check(having(Whole()))
    with pytest.raises(SpecError, match=name + '"bernoulli": low = -1 and high = 1 leave its 0 to 1'):
        Denoising("salt-and-pepper", low=-1.0).check(shapes(AE(2)))
    with pytest.raises(SpecError, match=name + 'Categories: noise = "masking" does not apply to values'):
        Denoising("masking").check(having(Categories()))
    Denoising("salt-and-pepper").check(having(Whole()))
    Denoising("gaussian").check(shapes(AE(2)))
    Denoising("salt-and-pepper", low=-1.0).check(shapes(AE(2, likelihood="gaussian")))
    Denoising("masking").check(having(Categories(), AE(2, missing=True)))
    for noise in ("gaussian", "masking"):
        with pytest.raises(SpecError, match=name + f'Columns: noise = "{noise}" is one for all columns, and they'):
            Denoising(noise).check(having(Columns()))
    Denoising("masking").check(having(Columns(), AE(2, missing=True)))
    name = 'objective "regularised" does not go with likelihood Categories: penalty = "gradient"'
    with pytest.raises(SpecError, match=name):
        Regularised(penalty="gradient").check(having(Categories()))
    Regularised().check(having(Categories()))


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (
            {"name": "denoising", "noise": "gausian"},
            'noise of objective "denoising" "gausian"; did you mean "gaussian"',
        ),
        ({"name": "denoising", "level": 0}, "got level = 0; allowed: a number above 0 and below 1"),
        ({"name": "denoising", "level": 1.0}, "got level = 1.0; allowed: a number above 0 and below 1"),
        ({"name": "denoising", "noise": "gaussian", "level": -1}, "got level = -1; allowed: a number above 0"),
        ({"name": "denoising", "low": 1.0}, "got low = 1 and high = 1; allowed: low below high"),
        ({"name": "contractive", "weight": 0}, "got weight = 0; allowed: a number above 0"),
        ({"name": "sparse", "kind": "l2"}, 'kind of objective "sparse" "l2"; did you mean "l1"'),
        ({"name": "sparse", "weight": True}, "got weight = True; allowed: a number above 0"),
        ({"name": "sparse", "target": 1}, "got target = 1; allowed: a number above 0 and below 1"),
        ({"name": "regularised", "penalty": "l1"}, 'penalty of objective "regularised" "l1"; did you mean "l2"'),
        ({"name": "regularised", "beta": float("inf")}, "got beta = inf; allowed: a number of at least 0"),
        ({"name": "regularised", "weight": -1}, "got weight = -1; allowed: a number of at least 0"),
    ],
)
def test_wrong_options_are_refused(part, message):
    with pytest.raises(SpecError) as error:
        objectives.make(part)
    assert message in str(error.value) and f'objective "{part["name"]}"' in str(error.value)

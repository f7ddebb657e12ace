"""M2's bound against the exact evidence, by hand, and on digits with a tenth of the labels."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

import latente
from latente.errors import SpecError
from latente.evaluation import latent
from latente.model.build import build
from latente.objective.divergences import kl
from latente.objective.objectives.m2 import M2
from latente.spec import ModelSpec

CLASSES, SIGMA = 3, 0.7


def m2_model(hidden=(), seed=0):
    parts = {"likelihood": {"name": "gaussian", "sigma": SIGMA}, "objective": "m2", "activation": "tanh"}
    spec = ModelSpec(latent_dim=2, hidden=hidden, **parts)
    return build(spec, (4,), key=jr.key(seed), context=CLASSES, classes=CLASSES)


@pytest.fixture(scope="module")
def mixture():
    """p(x | y, z) = N(μ_y, σ²) whatever z is, with the exact q(y | x) and q(z | x, y) = p(z); and the centres."""
    model = m2_model()
    centres = np.random.default_rng(0).normal(size=(CLASSES, 4)).astype(np.float32)
    classifier, decoder, encoder = model.classifier.layers[0], model.decoder.layers[0], model.encoder.layers[0]
    new = (
        centres.T / SIGMA**2,
        -0.5 * (centres**2).sum(axis=1) / SIGMA**2,
        np.vstack([np.zeros((2, 4)), centres]),
        np.zeros(4),
        np.zeros(encoder.weight.shape),
        np.zeros(encoder.bias.shape),
    )
    where = lambda m: (  # noqa: E731
        m.classifier.layers[0].weight, m.classifier.layers[0].bias, m.decoder.layers[0].weight,
        m.decoder.layers[0].bias, m.encoder.layers[0].weight, m.encoder.layers[0].bias,
    )  # fmt: skip
    assert classifier.weight.shape == (4, CLASSES)
    assert decoder.weight.shape == (2 + CLASSES, 4)
    return eqx.tree_at(where, model, tuple(jnp.asarray(a, jnp.float32) for a in new)), centres


@pytest.mark.slow
def test_with_the_exact_posteriors_the_bounds_are_the_evidence(make, mixture):
    model, centres = mixture
    batch = make.batch(model, n=6, label=jnp.array([0, -1, 2, -1, -1, 1]))
    terms = make.terms(M2(alpha=2.0), model, batch)
    by_class = norm.logpdf(np.asarray(batch.x)[:, None], centres, SIGMA).sum(axis=2) - np.log(CLASSES)
    evidence = logsumexp(by_class, axis=1)
    label = np.asarray(batch.label)
    joint = by_class[np.arange(6), label]
    classification = np.where(label >= 0, evidence - joint, 0)
    assert np.asarray(terms.penalties["classification"]) == pytest.approx(classification, abs=1e-4)
    bound = np.asarray(terms.reconstruction + terms.kl)
    assert bound == pytest.approx(np.where(label >= 0, -joint, -evidence), abs=1e-4)
    # α is felt by the labelled alone.
    assert np.asarray(terms.loss) - bound == pytest.approx(2 * classification, abs=1e-4)
    assert classification[label >= 0].min() > 1e-3


@pytest.mark.slow
def test_it_is_every_class_enumerated_by_hand(make):
    model = m2_model(hidden=(5,))
    batch = make.batch(model, n=4)
    terms = make.terms(M2(), model, batch)

    @eqx.filter_jit
    def given(model, x, key, y):
        outputs = model.encode(x, y)
        z = model.posterior.sample(outputs, key=key)
        return -model.log_prob(z, x, y), kl(model.posterior, model.prior, outputs)

    for i in range(4):
        x, q = batch.x[i], np.asarray(jax.nn.softmax(model.classifier(batch.x[i])), np.float64)
        total = float(np.sum(q * np.log(q)))
        for c in range(CLASSES):
            distortion, rate = given(model, x, batch.keys[i], jnp.zeros(CLASSES).at[c].set(1.0))
            total += q[c] * (float(distortion) + float(rate) + np.log(CLASSES))
        assert float(terms.loss[i]) == pytest.approx(total, rel=1e-5)
        assert float(terms.kl[i] + terms.reconstruction[i]) == pytest.approx(total, rel=1e-5)


@pytest.mark.slow
def test_without_labels_it_is_above_minus_log_p(make):
    """log p(x) by 200,000 draws of (y, z) from the prior."""
    model = m2_model(hidden=(5,))
    batch = make.batch(model, n=4)

    @jax.jit
    def bound(key):
        again = eqx.tree_at(lambda b: b.keys, batch, jr.split(key, 4))
        return M2()(model, again).loss

    @jax.jit
    def log_p(key):
        def one(key):
            z, y = jr.normal(key, (2,)), jax.nn.one_hot(jr.randint(jr.fold_in(key, 1), (), 0, CLASSES), CLASSES)
            return jax.vmap(lambda x: model.log_prob(z, x, y))(batch.x)

        return jax.nn.logsumexp(jax.lax.map(one, jr.split(key, 200_000), batch_size=1000), axis=0) - np.log(200_000)

    found = np.asarray(jax.lax.map(bound, jr.split(jr.key(0), 4000)))
    error = found.std(axis=0) / 4000**0.5
    gap = found.mean(axis=0) + np.asarray(log_p(jr.key(1)))
    assert (gap > 4 * error).all()


@pytest.mark.slow
def test_a_label_of_minus_one_is_the_same_as_none(make, mixture):
    model, _ = mixture
    without, hidden = make.batch(model), make.batch(model, label=-jnp.ones(8, jnp.int32))
    assert make.terms(M2(), model, without).loss.tolist() == make.terms(M2(), model, hidden).loss.tolist()


def test_a_model_without_classes_is_refused(make):
    with pytest.raises(SpecError, match='"m2" does not go with a model of 0 classes and no classifier'):
        M2().check(make.model())
    with pytest.raises(SpecError, match="no classifier"):
        latent.classify(make.model(), np.zeros((2, 5), np.float32))


@pytest.fixture(scope="module")
def run():
    spec = latente.VAE(4, hidden=(48,), objective={"name": "m2", "alpha": 10.0})
    return latente.fit(spec, latente.load_data("digits"), epochs=30, labelled=0.1, learning_rate=2e-3)


@pytest.mark.slow
def test_a_tenth_of_the_labels_tells_digits_apart(run):
    test = run.data.test
    q = latent.classify(run.model, run.data.values(test.x))
    assert q.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (q.argmax(axis=1) == test.y).mean() > 0.8
    assert run.history["val_loss"][-1] < run.history["val_loss"][0] - 5


@pytest.mark.slow
def test_numbers_are_those_of_a_model_that_sees_no_labels(run, tmp_path):
    data = run.data
    wrong = {p: dataclasses.replace(data.part(p), y=np.roll(data.part(p).y, 1)) for p in ("validation", "test")}
    other = latente.load(run.save(tmp_path / "run"), data=data)
    other._data = dataclasses.replace(data, **wrong)
    assert other.evaluate("test") == run.evaluate("test")
    assert run.evaluate("test")["loss"].value == pytest.approx(float(run.history["val_loss"][-1]), rel=0.05)
    shown = run.evaluate("validation")
    assert shown["loss"].value == pytest.approx(shown["reconstruction"].value + shown["kl"].value, rel=1e-5)
    assert (run.history["val_classification"] == 0).all()


@pytest.mark.slow
def test_what_is_not_given_is_the_likely_class_and_samples_draw_it(run):
    x = run.data.validation.x[:20]
    likely = latent.classify(run.model, run.data.values(x)).argmax(axis=1)
    assert (run.encode(x) == run.encode(x, given=likely)).all()
    assert np.abs(run.encode(x) - run.encode(x, given=(likely + 1) % 10)).max() > 1e-3
    assert (run.reconstruct(x) == run.reconstruct(x, given=likely)).all()
    drawn = np.random.default_rng(3).integers(10, size=20)
    assert (run.sample(20, seed=3) == run.sample(20, seed=3, given=drawn)).all()
    with pytest.raises(SpecError, match="conditioned on 10 numbers"):
        run.decode(run.encode(x))

"""Quantised codes against brute force; codebooks that follow the data, and revive what is unused."""

import dataclasses

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from made import batch_of

import latente
from latente.errors import SpecError
from latente.model.build import build
from latente.model.posteriors import posteriors
from latente.objective.objectives import objectives
from latente.objective.presets import AE, VAE, preset
from latente.objective.terms import Batch


def made(name, latent_dim=3, **options):
    return posteriors.make({"name": name, **options}).init(latent_dim, key=jr.key(0))


@pytest.mark.slow
def test_vq_takes_the_nearest_code_of_each_latent():
    q = made("vq", codes=7, width=2)
    outputs = 0.1 * jr.normal(jr.key(1), (6,))
    book = np.asarray(q.book[0])
    nearest = [int(((np.asarray(v) - book) ** 2).sum(axis=1).argmin()) for v in outputs.reshape(3, 2)]
    assert q.indices(outputs).tolist() == nearest
    assert np.asarray(q.mean(outputs)) == pytest.approx(book[nearest].ravel())
    # Straight through: the value is the code's, the gradient the encoder's own.
    value, back = jax.vjp(lambda o: q.sample(o, key=jr.key(2)), outputs)
    assert np.asarray(value) == pytest.approx(book[nearest].ravel(), rel=1e-5)
    assert np.asarray(back(jnp.arange(6.0))[0]) == pytest.approx(np.arange(6.0))


@pytest.mark.slow
def test_rvq_quantises_what_the_book_before_left():
    q = made("rvq", latent_dim=1, codes=5, width=3, levels=3)
    v = np.asarray(0.2 * jr.normal(jr.key(3), (3,)))
    left, expected = v, []
    for book in np.asarray(q.book):
        expected.append(int(((left - book) ** 2).sum(axis=1).argmin()))
        left = left - book[expected[-1]]
    assert q.indices(jnp.asarray(v)).tolist() == expected
    assert np.asarray(q.mean(jnp.asarray(v))) == pytest.approx(v - left, abs=1e-6)
    assert q.tokens(4) == 12 and q.entries() == 5


@pytest.mark.slow
def test_fsq_rounds_to_its_grid_and_every_token_comes_back():
    q = made("fsq", levels=[4, 3, 2])
    every = jnp.arange(24)
    codes = q.lookup(every).reshape(24, 3)
    assert len({tuple(c) for c in np.asarray(codes).tolist()}) == 24
    assert sorted(set(np.asarray(codes[:, 0]).round(5).tolist())) == pytest.approx([-1, -1 / 3, 1 / 3, 1], abs=1e-5)
    assert q.indices(jnp.arctanh(0.999 * jnp.ravel(codes))).tolist() == every.tolist()
    outputs = jr.normal(jr.key(0), (9,))
    grids = [np.linspace(-1, 1, n) for n in (4, 3, 2)] * 3
    nearest = [g[np.abs(g - t).argmin()] for g, t in zip(grids, np.tanh(np.asarray(outputs)), strict=True)]
    assert np.asarray(q.mean(outputs)) == pytest.approx(np.array(nearest), abs=1e-6)


@pytest.mark.slow
def test_running_averages_are_the_hand_written_ones_and_filling_counts_for_nothing():
    q = dataclasses.replace(made("vq", latent_dim=1, codes=2, width=1, decay=0.9, revive=0.0),
                            book=jnp.array([[[0.0], [10.0]]]), used=jnp.array([[1.0, 2.0]]),
                            total=jnp.array([[[0.0], [20.0]]]))  # fmt: skip
    outputs, weight = jnp.array([[1.0], [3.0], [9.0], [500.0]]), jnp.array([1.0, 1.0, 1.0, 0.0])
    new = q.updated(outputs, weight, jr.key(0))
    assert np.asarray(new.used[0]) == pytest.approx([0.9 + 0.1 * 2, 1.8 + 0.1 * 1])
    assert np.asarray(new.total[0, :, 0]) == pytest.approx([0.4, 18.0 + 0.9])
    assert np.asarray(new.book[0, :, 0]) == pytest.approx([0.4 / 1.1, 18.9 / 1.9], rel=1e-4)


@pytest.mark.slow
def test_unused_codes_are_revived_where_outputs_are():
    q = made("vq", latent_dim=1, codes=4, width=1, decay=0.5, revive=0.1)
    far = jnp.array([[100.0], [101.0], [102.0], [-7.0]])
    new = q.updated(far, jnp.array([1.0, 1.0, 1.0, 0.0]), jr.key(1))
    values = np.asarray(new.book).ravel()
    revived = np.isclose(values[:, None], np.asarray(far[:3]).ravel()[None], rtol=1e-3).any(axis=1)
    assert revived.sum() >= 3 and not np.isclose(values, -7.0, atol=1).any()


@pytest.mark.slow
def test_the_rate_is_the_uniform_prior_and_samples_are_codes():
    model = build(preset("VQVAE", 3, hidden=(8,), codes=16, width=2), (4, 4), key=jr.key(0))
    x = jr.uniform(jr.key(1), (5, 4, 4))
    terms = objectives.make({"name": "vq", "commitment": 0.5})(model, batch_of(x, jr.split(jr.key(2), 5)))
    assert np.asarray(terms.kl) == pytest.approx(np.full(5, 3 * np.log(16)), rel=1e-6)
    assert np.asarray(terms.loss) == pytest.approx(
        np.asarray(terms.reconstruction + 0.5 * terms.penalties["commitment"]), rel=1e-6
    )
    prior = model.prior.given(model)
    drawn = jax.vmap(lambda k: prior.sample(6, key=k))(jr.split(jr.key(3), 50)).reshape(-1, 2)
    book = np.asarray(model.posterior.book[0])
    assert all((np.abs(book - d).sum(axis=1) < 1e-6).any() for d in np.asarray(drawn))
    assert float(prior.log_prob(drawn[0])) == pytest.approx(-3 * np.log(16), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["VQVAE", "RVQVAE", "FSQVAE"])
def test_a_quantised_model_learns_uses_its_codes_and_comes_back(preset, tmp_path):
    from latente.objective.presets import presets

    data = latente.load_data("digits")
    # A grid is not moved to where the codes are, so that they take longer to spread over it.
    options, epochs = ({"levels": [5, 4, 3]}, 30) if preset == "FSQVAE" else ({"codes": 32, "width": 4}, 15)
    run = latente.fit(presets[preset](4, hidden=(64,), **options), data, epochs=epochs, learning_rate=3e-3, name="q")
    h = run.history
    assert h["val_reconstruction"][-1] < h["val_reconstruction"][0] - 2
    posterior = run.model.posterior
    outputs = jax.vmap(run.model.encode)(jnp.asarray(data.values(data.train.x)))
    tokens = np.asarray(jax.vmap(posterior.indices)(outputs))
    shares = np.bincount(tokens.ravel(), minlength=posterior.entries()) / tokens.size
    perplexity = np.exp(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())
    assert perplexity > posterior.entries() / (8 if preset == "FSQVAE" else 4)
    again = latente.load(run.save(tmp_path / "q"), data=data)
    assert again.evaluate("validation") == run.evaluate("validation")
    assert np.array_equal(again.sample(4, seed=1), run.sample(4, seed=1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "both"),
    [
        (VAE(2, posterior="vq", prior="uniform-codes"), ['objective "elbo"', 'posterior "vq"', 'take objective "vq"']),
        (VAE(2, objective="vq"), ['objective "vq"', 'posterior "gaussian"']),
        (AE(2, posterior="vq", objective="vq"), ['objective "vq"', 'prior "none"']),
    ],
)
def test_pairings_without_meaning_are_refused(spec, both):
    with pytest.raises(SpecError) as error:
        objectives.make(spec.objective).check(build(spec, (4, 4), key=jr.key(0)))
    assert all(side in str(error.value) for side in both)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"codes": 1}, 'posterior "vq": got codes = 1; allowed: a whole number of at least 2'),
        ({"width": 0}, "got width = 0"),
        ({"decay": 1.0}, "got decay = 1.0; allowed: a number of at least 0 and below 1"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(SpecError) as error:
        posteriors.make({"name": "vq", **options})
    assert message in str(error.value)
    with pytest.raises(SpecError, match="levels = \\(1,\\)"):
        posteriors.make({"name": "fsq", "levels": [1]})


def test_a_codebook_larger_than_the_data_is_refused_before_anything_is_compiled(tiny):
    with pytest.raises(SpecError, match="got codes = 500, and the training part has 192 examples"):
        latente.fit(preset("VQVAE", 2, codes=500), tiny, epochs=1)


@pytest.mark.slow
def test_a_batch_knows_its_filling():
    batch = Batch(jnp.zeros((3, 1)), jr.split(jr.key(0), 3), jnp.array([1.0, 1.0, 0.0]), None, None, jnp.int32(0), 2)
    assert float(batch.count()) == 2

import dataclasses

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import latente
from latente.sklearn import VAE, Autoencoder
from latente.sklearn.base import default_latents

TINY = {"epochs": 3, "latent_dim": 1, "random_state": 0}


def test_the_latent_size_by_default_is_the_root_of_the_columns():
    assert [default_latents(n) for n in (1, 2, 4, 5, 13, 30, 256, 784)] == [1, 2, 2, 3, 4, 6, 16, 16]


def test_options_are_parameters():
    estimator = Autoencoder("BetaVAE", latent_dim=8, beta=4.0, batch_size=64)
    assert estimator.get_params()["beta"] == 4.0
    assert clone(estimator.set_params(beta=2.0, hidden=(5,))).get_params() == estimator.get_params()
    assert "beta=2.0" in repr(estimator)
    assert Autoencoder("VAE").set_params(model="BetaVAE", beta=3.0).beta == 3.0


def test_an_unknown_option_is_said_at_once_with_the_nearest():
    with pytest.raises(TypeError, match='unknown parameter "betta"; did you mean "beta"'):
        Autoencoder("BetaVAE", betta=4.0)
    with pytest.raises(ValueError, match='unknown parameter "latentdim"; did you mean "latent_dim"'):
        VAE().set_params(latentdim=3)
    with pytest.raises(ValueError, match="noise"):
        Autoencoder("VAE", beta=2.0).set_params(noise=0.1)


def test_a_model_that_is_none_is_said_by_fit(numbers):
    with pytest.raises(latente.SpecError, match='unknown preset "BetaVEA"; did you mean "BetaVAE"'):
        Autoencoder("BetaVEA", beta=4.0).fit(numbers)
    with pytest.raises(latente.SpecError, match="model: got int; allowed: the name of a preset"):
        Autoencoder(3).fit(numbers)


def test_the_run_is_the_bare_fit(numbers, fitted):
    """Nothing but what is said: the same model, data and settings by hand give the same bits."""
    run = fitted.run_
    train = {f.name: getattr(run.spec.train, f.name) for f in dataclasses.fields(run.spec.train)}
    bare = latente.fit(fitted.spec_, run.data, seed=0, **train)
    assert np.array_equal(bare.encode(numbers.astype(np.float32)), run.encode(numbers.astype(np.float32)))
    assert [len(run.data.part(p)) for p in ("train", "validation", "test")] == [54, 6, 0]


def test_a_run_without_a_test_part_says_so(fitted):
    with pytest.raises(latente.DataError, match='has no test part, for its share is 0; take split = "validation"'):
        fitted.run_.evaluate()
    assert fitted.run_.evaluate("validation")["loss"].value > 0


def test_real_columns_are_standardised_inside(numbers, fitted):
    found = fitted.run_.model.likelihood
    train = fitted.run_.data.train.x
    np.testing.assert_allclose(found.center, train.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.spread, train.std(axis=0), rtol=1e-4)
    assert abs(fitted.reconstruct(numbers).mean() - 100) < 20


def test_the_summary_says_what_was_decided(fitted):
    text = repr(fitted.summary())
    for said in ("x0 ", "positive: numbers above 0", "mixed", "54 to train on, 6 held out", "2 of at most 2 epochs"):
        assert said in text
    assert len(text.splitlines()) < 12
    assert "<table>" in fitted.summary()._repr_html_()
    with pytest.raises(NotFittedError):
        VAE().summary()


def test_weights_reach_the_loss(numbers):
    """A row of weight two counts as the row given twice: the mean loss of both, with the same random numbers."""
    rng = np.random.default_rng(1)
    weight = rng.integers(0, 3, len(numbers))
    settings = {**TINY, "hidden": (), "patience": 0, "likelihood": "gaussian"}
    weighted = VAE(**settings).fit(numbers, sample_weight=weight)
    data = weighted.run_.data
    assert len(data.train) + len(data.validation) == (weight > 0).sum()
    seen = {tuple(row): w for row, w in zip(numbers.astype(np.float32).tolist(), weight, strict=True)}
    for part in (data.train, data.validation):
        ratio = part.weight / [seen[tuple(row)] for row in part.x.tolist()]
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)
    assert np.array_equal(
        VAE(**settings).fit(numbers, sample_weight=3 * weight).transform(numbers), weighted.transform(numbers)
    )
    assert not np.allclose(VAE(**settings).fit(numbers[weight > 0]).transform(numbers), weighted.transform(numbers))

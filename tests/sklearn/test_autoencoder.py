import pickle

import numpy as np
import pytest

from latente.sklearn import AE, VAE, Autoencoder

TINY = {"epochs": 2, "hidden": (8,), "latent_dim": 2, "random_state": 0}


def test_codes_are_those_of_the_run(numbers, fitted):
    codes = fitted.transform(numbers)
    assert codes.shape == (60, 2)
    np.testing.assert_allclose(codes, fitted.run_.encode(numbers.astype(np.float32)), rtol=1e-5, atol=1e-6)
    assert fitted.get_feature_names_out().tolist() == ["autoencoder0", "autoencoder1"]


def test_equal_seeds_give_equal_bits(numbers, fitted):
    again = VAE(**TINY).fit(numbers)
    assert np.array_equal(again.transform(numbers), fitted.transform(numbers))
    assert again.score(numbers) == fitted.score(numbers)
    other = VAE(**{**TINY, "random_state": 1}).fit(numbers)
    assert not np.allclose(other.transform(numbers), fitted.transform(numbers))


def test_codes_back_are_the_reconstruction(numbers, fitted):
    back = fitted.inverse_transform(fitted.transform(numbers))
    np.testing.assert_allclose(back, fitted.reconstruct(numbers), rtol=1e-6)
    with pytest.raises(ValueError, match="X has 3 features, but Autoencoder.inverse_transform is expecting 2 features"):
        fitted.inverse_transform(np.zeros((1, 3)))


def test_the_score_is_the_mean_bound_of_the_rows(numbers, fitted):
    rows = fitted.score_samples(numbers)
    assert fitted.score(numbers) == pytest.approx(rows.mean(), rel=1e-6)
    measured = fitted.run_.evaluate("validation")["loss"]
    held = fitted.score_samples(fitted.run_.data.validation.x)
    assert -held.mean() == pytest.approx(measured.value, abs=6 * held.std() / np.sqrt(10 * len(held)))


def test_pickles_come_back(numbers, fitted):
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.transform(numbers), fitted.transform(numbers))
    assert repr(again.summary()) == repr(fitted.summary())


def test_short_names():
    assert VAE(3).get_params() == Autoencoder("VAE", latent_dim=3).get_params()
    assert AE(latent_dim=3, code_activation="linear").model == "AE"

import itertools
import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from joblib import parallel_backend
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

import latente
import sklearn
from latente.sklearn import AE, VAE, Autoencoder

TINY = {"epochs": 2, "hidden": (8,), "latent_dim": 2, "random_state": 0}
# What takes least to compile.
LEAST = {"epochs": 1, "hidden": (), "latent_dim": 1, "patience": 0, "likelihood": "gaussian", "random_state": 0}


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


def test_a_frame_comes_back_as_it_was(people, of_people):
    back = of_people.reconstruct(people)
    assert list(back.columns) == ["height", "sex", "region"]
    assert back.index.equals(people.index)
    assert back.dtypes.equals(people.dtypes[:3])
    assert set(back["region"]) <= {"north", "south", "west"}
    assert back["height"].between(people["height"].min(), people["height"].max()).all()
    drawn = of_people.sample(50, random_state=3)
    assert drawn.dtypes.equals(back.dtypes)
    assert set(drawn["region"]) == {"north", "south", "west"}
    assert drawn.equals(of_people.sample(50, random_state=3))
    assert not drawn.equals(of_people.sample(50, random_state=4))


def test_samples_of_numbers_are_draws_and_not_means(fitted):
    """Their variance is that of the means and the noise together."""
    codes = np.random.default_rng(0).normal(size=(4000, 2))
    means, sigma = fitted.inverse_transform(codes), np.exp(fitted.run_.model.likelihood._log_sigma())
    drawn = fitted.sample(4000)
    spread = np.asarray(fitted.run_.model.likelihood.spread)
    expected = np.sqrt(means.std(axis=0) ** 2 + (sigma * spread) ** 2)
    # Draws are held to the range of what fit saw.
    assert (drawn.std(axis=0) / expected).max() < 1.1
    assert (drawn.std(axis=0) / expected).min() > 0.6
    assert (drawn.std(axis=0) > 1.4 * means.std(axis=0)).all()


def test_output_as_frames(people, of_people):
    codes = of_people.transform(people)
    model = pickle.loads(pickle.dumps(of_people)).set_output(transform="pandas")
    found = model.transform(people)
    assert found.index.equals(people.index)
    assert np.array_equal(found.to_numpy(), codes)
    back = model.inverse_transform(found)
    assert back.index.equals(people.index)
    assert back.equals(of_people.reconstruct(people))
    model.set_output(transform="polars")
    of_polars = pl.from_pandas(people)
    assert np.array_equal(model.transform(of_polars).to_numpy(), codes)
    assert isinstance(model.reconstruct(of_polars), pl.DataFrame)


def test_columns_may_come_in_another_order_and_is_told(people, of_people):
    with pytest.warns(latente.LatenteWarning, match="order"):
        found = of_people.transform(people[["sex", "region", "height", "id"]])
    assert np.array_equal(found, of_people.transform(people))


def test_partial_fit_goes_on(numbers):
    model = VAE(**LEAST, learning_rate=0.01)
    losses = []
    for _ in range(5):
        model.partial_fit(numbers)
        losses.append(float(model.run_.history["val_loss"][-1]))
    assert model.n_iter_ == 5
    assert len(model.run_.history["loss"]) == 5
    assert all(b < a for a, b in itertools.pairwise(losses))
    assert model.run_.spec.train.schedule == "constant"
    again = VAE(**LEAST, learning_rate=0.01)
    for at in range(5):
        again.partial_fit(numbers)
        if at == 2:
            again = pickle.loads(pickle.dumps(again))
    assert np.array_equal(again.transform(numbers), model.transform(numbers))
    with pytest.raises(ValueError, match="X has 3 features, but Autoencoder is expecting 4 features"):
        model.partial_fit(numbers[:, :3])


def test_partial_fit_after_fit_begins_with_what_fit_found(numbers, fitted):
    model = pickle.loads(pickle.dumps(fitted)).set_params(learning_rate=1e-6)
    model.partial_fit(numbers)
    assert model.n_iter_ == 3
    np.testing.assert_allclose(model.transform(numbers), fitted.transform(numbers), atol=1e-3)


def test_labels_condition_a_model(numbers):
    labels = np.array([3, 5, 9] * 20)
    model = Autoencoder("CVAE", **LEAST).fit(numbers, labels)
    assert model.run_.card["classes"] == ["3", "5", "9"]
    codes = model.transform(numbers, given=labels)
    assert np.array_equal(codes, model.run_.encode(numbers.astype(np.float32), given=labels.astype(str)))
    assert not np.allclose(codes, model.transform(numbers, given=labels[::-1]))
    assert model.score(numbers, labels) != model.score(numbers, labels[::-1])
    assert model.sample(3, given=[9, 9, 3]).shape == (3, 4)
    with pytest.raises(ValueError, match="is conditioned on labels, and got none"):
        model.transform(numbers)
    with pytest.raises(ValueError, match=re.escape("y contains previously unseen labels: ['4']")):
        model.transform(numbers, given=labels + (labels == 3))


def test_search_over_an_option_in_threads(numbers):
    search = GridSearchCV(Autoencoder("BetaVAE", **LEAST), {"beta": [0.1, 50.0]}, cv=2, n_jobs=2)
    with parallel_backend("threading"):
        search.fit(numbers)
    alone = GridSearchCV(Autoencoder("BetaVAE", **LEAST), {"beta": [0.1, 50.0]}, cv=2).fit(numbers)
    assert np.array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert search.best_estimator_.beta in (0.1, 50.0)
    objective = search.best_estimator_.run_.spec.model.objective
    assert objective == {"name": "elbo", "beta": search.best_params_["beta"]}


def test_steps_of_pipelines_and_of_columns(numbers, people):
    labels = np.arange(60) % 2
    scores = cross_val_score(make_pipeline(VAE(**LEAST), LogisticRegression()), numbers, labels, cv=2)
    assert ((scores >= 0) & (scores <= 1)).all()
    both = ColumnTransformer([("codes", VAE(**LEAST), ["height", "sex"]), ("rest", "drop", ["id"])])
    both.set_output(transform="pandas")
    found = both.fit_transform(people)
    assert found.columns.tolist() == ["codes__autoencoder0"]
    assert found.index.equals(people.index)


def test_weights_and_labels_are_routed(numbers):
    labels, weight = np.array([0, 1] * 30), np.linspace(1, 3, 60)
    with sklearn.config_context(enable_metadata_routing=True):
        step = Autoencoder("CVAE", **LEAST).set_fit_request(sample_weight=True).set_transform_request(given=True)
        pipe = make_pipeline(step, PCA(1))
        found = pipe.fit(numbers, labels, sample_weight=weight, given=labels).transform(numbers, given=labels)
    model = Autoencoder("CVAE", **LEAST).fit(numbers, labels, sample_weight=weight)
    expected = PCA(1).fit_transform(model.transform(numbers, given=labels))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_images_are_known_and_come_back_as_bytes():
    x = np.random.default_rng(0).integers(0, 256, (40, 64), dtype=np.uint8)
    pixels = {**LEAST, "likelihood": "bernoulli", "code_activation": "linear"}
    model = AE(**pixels).fit(x)
    assert model.run_.data.shape == (8, 8)
    assert model.spec_.likelihood == "bernoulli"
    assert model.reconstruct(x).dtype == np.uint8
    np.testing.assert_allclose(model.transform(x), model.transform(x.astype(float)), rtol=1e-5)
    frame = pd.DataFrame(x, index=range(1, 41)).rename(columns=str)
    of_frame = AE(**pixels).fit(frame)
    assert of_frame.reconstruct(frame).index.equals(frame.index)
    with pytest.raises(latente.SpecError, match="no prior to sample from"):
        model.sample()


@pytest.mark.parametrize(
    ("x", "error", "said"),
    [
        (scipy.sparse.eye(5).tocsr(), TypeError, "Sparse data was passed for X, but dense data is required"),
        (np.ones((1, 4)), ValueError, "minimum of 2 is required by Autoencoder"),
        (np.zeros((0, 4)), ValueError, r"Found array with 0 sample\(s\)"),
        (np.zeros((4, 0)), ValueError, r"Found array with 0 feature\(s\)"),
        (np.ones(4), ValueError, "Expected 2D array, got 1D array instead"),
        (np.array([[1.0, np.inf], [2.0, 3.0]]), ValueError, "Input X contains infinity"),
        (np.array([[1 + 1j, 2], [3, 4]]), ValueError, "Complex data not supported"),
        (np.ones((5, 2)), ValueError, "no column is left to learn from"),
        (np.array([[1.0, np.nan], [1.0, np.nan]]), ValueError, "no column is left to learn from"),
        (pd.DataFrame([[1, 2.5, 3]] * 3, columns=["a", "a", "b"]), ValueError, "more than one column called a"),
        (pd.DataFrame({"a": [1.5, 2.5], 1: [2.5, 3.5]}), TypeError, "only supported if all input features have string"),
    ],
)
def test_bad_input_is_refused_in_words(x, error, said):
    with pytest.raises(error, match=said):
        VAE(**LEAST).fit(x)


def test_bad_input_after_fit(numbers, fitted):
    with pytest.raises(NotFittedError, match="This Autoencoder instance is not fitted yet"):
        VAE().transform(numbers)
    with pytest.raises(ValueError, match="X has 3 features, but Autoencoder is expecting 4 features as input"):
        fitted.transform(numbers[:, :3])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        fitted.transform(np.full((2, 4), np.nan))
    with pytest.raises(ValueError, match="Input X contains infinity"):
        fitted.score(np.full((2, 4), np.inf))


def test_more_latents_than_columns_is_told(numbers):
    with pytest.warns(latente.LatenteWarning, match="5 latents for 4 columns"):
        VAE(**{**LEAST, "latent_dim": 5}).fit(numbers)


def test_names_that_are_numbers_are_none(numbers, fitted):
    frame = pd.DataFrame(numbers)
    assert np.array_equal(VAE(**TINY).fit(frame).transform(frame), fitted.transform(numbers))


def test_pickles_come_back(numbers, fitted):
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.transform(numbers), fitted.transform(numbers))
    assert repr(again.summary()) == repr(fitted.summary())


def test_short_names():
    assert VAE(3).get_params() == Autoencoder("VAE", latent_dim=3).get_params()
    assert AE(latent_dim=3, code_activation="linear").model == "AE"

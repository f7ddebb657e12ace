"""Tables with missing values and with condition columns, trained, saved, and loaded again from their file."""

import json

import numpy as np
import pandas as pd
import pytest

import latente
from latente.data.columns import column_kinds
from latente.data.load import load_data

RNG = np.random.default_rng(3)
N = 800
COVARIANCE = np.full((4, 4), 0.9) + 0.1 * np.eye(4)
WHOLE = RNG.multivariate_normal(np.zeros(4), COVARIANCE, N)
HOLES = RNG.uniform(size=WHOLE.shape) < 0.3
HOLES[np.arange(N), RNG.integers(0, 4, N)] = False


def expected(x):
    """E[missing | known] of rows of the normal with that covariance, in closed form."""
    found = x.astype(np.float64).copy()
    for row in found:
        gone = np.isnan(row)
        known = COVARIANCE[np.ix_(~gone, ~gone)]
        row[gone] = COVARIANCE[np.ix_(gone, ~gone)] @ np.linalg.solve(known, row[~gone])
    return found


def same_evaluation(run, folder):
    """The run, saved and loaded with its data read again from the file, evaluates to the same numbers."""
    again = latente.load(run.save(folder))
    assert again.evaluate("test") == run.evaluate("test")
    assert again.data.fingerprint == run.data.fingerprint
    assert all(np.isfinite(m.value) for m in again.metrics["test"].values())
    json.dumps(again.card, allow_nan=False)
    return again


def test_missing_values_are_imputed_from_the_others(tmp_path):
    frame = pd.DataFrame(np.where(HOLES, np.nan, WHOLE), columns=list("abcd"))
    frame.to_csv(tmp_path / "a.csv", index=False)
    data, whole = load_data(tmp_path / "a.csv", missing="keep"), load_data(WHOLE)
    likelihood = {"name": "gaussian", "sigma": "learned"}
    model = latente.VAE(2, hidden=(32,), activation="tanh", likelihood=likelihood, missing=True)
    run = latente.fit(model, data, epochs=60, batch_size=64, learning_rate=5e-3)
    assert run.history["val_loss"][-1] < run.history["val_loss"][0] - 1
    again = same_evaluation(run, tmp_path / "run")
    x, truth = data.test.x, whole.test.x
    gone = np.isnan(x)
    assert gone.sum() > 100
    assert np.array_equal(x[~gone], truth[~gone])

    def error(guess):
        return float(np.mean((guess[gone] - truth[gone]) ** 2))

    means = np.broadcast_to(np.nanmean(data.train.x, axis=0), x.shape)
    best = error(expected(x))
    imputed = error(again.reconstruct(x))
    # The closed form errs by about 0.14 where the column's mean errs by about 1.
    assert best < 0.2 < 0.8 < error(means)
    assert imputed < 0.35 * error(means)
    assert imputed > best - 0.05


def test_a_model_conditioned_on_columns_uses_them(tmp_path):
    age, sex = RNG.uniform(20, 80, N), RNG.choice(["f", "m"], N)
    shift = (age - 50) / 10 + 3 * (sex == "m")
    frame = pd.DataFrame({f"x{i}": shift + 0.3 * RNG.normal(size=N) for i in range(3)})
    frame.insert(1, "sex", sex)
    frame["age"] = age
    frame.to_csv(tmp_path / "a.csv", index=False)
    data = load_data(tmp_path / "a.csv", condition=["age", "sex"])
    likelihood = {"name": "gaussian", "sigma": "learned"}
    model = latente.VAE(1, hidden=(16,), activation="tanh", likelihood=likelihood, condition="columns")
    run = latente.fit(model, data, epochs=40, batch_size=64, learning_rate=5e-3)
    assert run.history["val_loss"][-1] < run.history["val_loss"][0] - 1
    again = same_evaluation(run, tmp_path / "run")
    assert again.card["columns"] == ["age", "sex=f", "sex=m"]
    assert again.model.context_size == 3
    rows = [[30, "f"], [70, "f"], [30, "m"], [70, "m"]]
    drawn = again.sample(400, given=np.repeat(again.data.given(rows), 100, axis=0)).reshape(4, -1).mean(axis=1)
    assert drawn == pytest.approx([-2, 2, 1, 5], abs=0.4)
    spec = again.spec.data
    assert (spec.condition, spec.missing) == (("age", "sex"), "refuse")


def test_a_mixed_table_with_holes_trains(tmp_path):
    town = RNG.choice(["Porto", "Braga", "Évora"], 300)
    height = np.where(town == "Porto", 1.0, -1.0) + 0.2 * RNG.normal(size=300)
    frame = pd.DataFrame({"height": height, "visits": RNG.poisson(np.where(town == "Porto", 9, 1)), "town": town})
    frame = frame.astype(object).where(RNG.uniform(size=(300, 3)) > [0.2, 0.2, 0.2])
    frame = frame[frame.notna().any(axis=1)]
    frame.to_csv(tmp_path / "a.csv", index=False)
    data = load_data(tmp_path / "a.csv", scale="none", missing="keep")
    kinds = column_kinds(data)
    assert kinds == ["real", "count", "categorical:3"]
    model = latente.VAE(1, hidden=(16,), likelihood={"name": "mixed", "columns": kinds}, missing=True)
    run = latente.fit(model, data, epochs=40, batch_size=32, learning_rate=1e-2)
    assert run.history["val_loss"][-1] < run.history["val_loss"][0] - 1
    same_evaluation(run, tmp_path / "run")
    # Nine visits and a height of one are Porto; one visit and a height of minus one are not.
    found = run.reconstruct(np.array([[1, 9, np.nan], [-1, 1, np.nan]], np.float32))[:, 2]
    porto = data.features[2].categories.index("Porto")
    assert (found[0] == porto, found[1] == porto) == (True, False)

"""Tables with missing values and with condition columns, trained, saved, and loaded again from their file."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import latente
from latente.cli.main import main
from latente.data.columns import column_kinds
from latente.data.load import load_data
from latente.evaluation.scores import scores
from latente.language.message import phrase
from latente.language.words import Words
from latente.spec import RunSpec, TrainSpec
from latente.training import store
from latente.training.check import check

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


@pytest.mark.slow
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


@pytest.mark.slow
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


def units_table(n=300):
    """Columns of units from a thousandth to millions; the likelihood's columns; and mean and deviation by hand."""
    a = RNG.normal(size=n)
    x = np.column_stack([RNG.uniform(0, 4241, n), a / 1000, a < 0, RNG.poisson(3, n), 1e7 + 2e6 * a])
    return x, ["real", "real", "binary", "count", "real"]


@pytest.mark.slow
def test_a_mixed_table_trains_as_if_it_were_standardised_by_hand(tmp_path):
    x, kinds = units_table()
    data = load_data(x, scale="none")
    real = [0, 1, 4]
    mean, sd = np.zeros(5), np.ones(5)
    mean[real], sd[real] = (f(data.train.x[:, real].astype(np.float64), axis=0) for f in (np.mean, np.std))
    by_hand = load_data((x.astype(np.float32) - mean) / sd, scale="none")
    model = latente.VAE(2, hidden=(8,), likelihood={"name": "mixed", "columns": kinds})
    run, other = (latente.fit(model, d, epochs=3, batch_size=64) for d in (data, by_hand))
    jacobian = np.log(sd).sum()
    assert run.history["loss"] == pytest.approx(other.history["loss"] + jacobian, abs=1e-4)
    assert run.history["loss"][-1] < run.history["loss"][0] - 0.1
    loss = run.evaluate("test")["loss"].value
    assert loss == pytest.approx(other.evaluate("test")["loss"].value + jacobian, abs=1e-4)
    assert run.reconstruct(data.test.x) == pytest.approx(
        mean + sd * other.reconstruct(by_hand.test.x), rel=1e-4, abs=1e-4
    )
    # Errors have no unit, neither of one column nor of another.
    for metric in ("mse", "mean-mse"):
        ours, theirs = (
            (r.evaluate("test") if metric == "mse" else r.score(metric).values)[metric] for r in (run, other)
        )
        assert 0.1 < ours.value < 3 and ours.value == pytest.approx(theirs.value, rel=1e-3)
    for name in ("generation", "reconstruction"):
        assert "distances are none" in scores.make(name).unsupported(run)
        assert "cujas distâncias nada dizem" in phrase(scores.make(name).unsupported(run), Words("pt"))
    named = phrase(scores.make("mean-mse").scale(run), Words("pt"))
    assert named == f"erro quadrático, colunas padronizadas ({', '.join(kinds)})"
    unusual = [r.anomaly_scores(d.test.x, "reconstruction") for r, d in ((run, data), (other, by_hand))]
    assert unusual[0] == pytest.approx(unusual[1], rel=1e-3, abs=1e-4)
    drawn = run.sample(100)
    assert (np.abs(drawn.mean(axis=0)[real] - mean[real]) < sd[real]).all()
    assert (
        run.model.parameters() == other.model.parameters() == (5 * 8 + 8) + (8 * 4 + 4) + (2 * 8 + 8) + (8 * 5 + 5) + 3
    )
    again = latente.load(run.save(tmp_path / "run"))
    assert np.array_equal(again.reconstruct(data.test.x), run.reconstruct(data.test.x))


@pytest.mark.slow
def test_a_run_from_before_there_were_units_is_as_it_was(tmp_path):
    x, _ = units_table()
    data = load_data(x / np.abs(x).max(axis=0), scale="none")
    model = latente.VAE(2, hidden=(8,), likelihood={"name": "mixed", "columns": ["real"] * 5})
    run = latente.fit(model, data, epochs=1, batch_size=64)
    folder = run.save(tmp_path / "run")
    weights, about = store.load_arrays(folder / "weights.safetensors")
    center, spread = (weights.pop(f"likelihood.{name}") for name in ("center", "spread"))
    assert (center != 0).all()
    store.save_arrays(folder / "weights.safetensors", weights, about)
    (folder / "manifest.json").unlink()
    old = latente.load(folder, data=data)
    assert [np.unique(v).tolist() for v in old.model.likelihood.fixed_arrays()] == [[0], [1]]
    z = run.encode(data.test.x)
    assert old.decode(z) * spread + center == pytest.approx(run.decode(z), rel=1e-5, abs=1e-5)
    store.save_arrays(folder / "weights.safetensors", weights | {"likelihood.center": center}, about)
    with pytest.raises(latente.StoreError, match='no array "likelihood.spread"'):
        latente.load(folder, data=data)


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_table_of_the_docs_trains_as_it_is_typed(tmp_path, monkeypatch, capsys):
    text = (Path(latente.__file__).parents[2] / "docs/tables.md").read_text(encoding="utf-8")
    table, study = (re.search(f"```{kind}\n(.*?)```", text, re.S)[1] for kind in ("csv", "toml"))
    monkeypatch.chdir(tmp_path)
    head, *rows = table.splitlines(keepends=True)
    (tmp_path / "people.csv").write_text(head + "".join(rows) * 60, encoding="utf-8")
    (tmp_path / "study.toml").write_text(study, encoding="utf-8")
    assert main(["data", "show", "people.csv", "--set", "scale=none"]) == 0
    kinds = json.loads(capsys.readouterr().out)["kinds"]
    assert kinds == ["real", "count", "binary", "categorical:2"]
    assert str(kinds).replace("'", '"') in study
    options = ["--set", "train.epochs=1", "--out", "study", "--jobs", "1", "--lang", "en"]
    assert main(["run", "study.toml", *options]) == 0
    run = latente.load(tmp_path / "study/runs/vae/seed-0")
    assert run.model.likelihood.spread[0] == pytest.approx(6.15, abs=0.05)
    assert run.sample(8)[:, 0].mean() == pytest.approx(165, abs=10)
    python = re.search("```python\n(.*?)```", text, re.S)[1]
    found = {"latente": latente}
    exec(python, found)
    assert found["data"].columns == ("smokes",)


def test_numbers_far_from_one_are_named_where_nothing_standardises_them(caplog):
    x = np.column_stack([RNG.uniform(0, 4241, 60), RNG.normal(size=60), 1e-3 * RNG.normal(size=60), np.full(60, 7.0)])
    frame = pd.DataFrame(x, columns=["pay", "a", "b", "c"])

    def told(model, data):
        caplog.clear()
        check(RunSpec(model=model, train=TrainSpec(batch_size=8)), data)
        return [(r.msg.key, r.msg.values["columns"]) for r in caplog.records]

    data = load_data(frame, scale="none")
    ((key, columns),) = told(latente.VAE(2, likelihood="gaussian"), data)
    assert key == "units"
    assert re.findall(r"(\w+) \(", columns) == ["pay", "b"]
    assert told(latente.VAE(2, likelihood={"name": "mixed", "columns": ["real"] * 4}), data) == []
    assert told(latente.VAE(2, likelihood="laplace"), load_data(frame, scale="minmax")) == []
    counts = np.column_stack([RNG.integers(0, 4242, 60), RNG.poisson(50, 60)])
    kinds = [["count", "count"], ["count:negative-binomial", "count"]]
    found = [
        told(latente.VAE(2, likelihood={"name": "mixed", "columns": k}), load_data(counts, scale="none")) for k in kinds
    ]
    assert [[k for k, _ in notes] for notes in found] == [["wide-counts"], []]
    images = load_data(1000 * RNG.normal(size=(60, 4, 5)), scale="none")
    assert [k for k, _ in told(latente.VAE(2, likelihood="gaussian"), images)] == ["units-all"]


@pytest.mark.slow
def test_a_run_takes_rows_of_a_frame_by_their_names():
    frame = pd.DataFrame({"h": 170 + 9 * RNG.normal(size=60), "v": RNG.poisson(3, 60), "town": ["Porto", "Braga"] * 30})
    data = load_data(frame, scale="none")
    columns = ["real", "count", "categorical:2"]
    model = latente.VAE(2, hidden=(4,), likelihood={"name": "mixed", "columns": columns})
    run = latente.fit(model, data, epochs=1, batch_size=16)
    first = frame[np.isin(frame["h"].astype(np.float32), data.test.x[:, 0])]
    order = np.argsort(data.test.x[:, 0]), np.argsort(first["h"])
    found = run.encode(first[["town", "h", "v"]].assign(other=1))
    assert np.array_equal(found[order[1]], run.encode(data.test.x)[order[0]])
    with pytest.raises(latente.DataError, match='examples: unknown town "Faro"'):
        run.encode(first.assign(town="Faro"))
    with pytest.raises(latente.DataError, match='examples: column "v" is there 0 times'):
        run.encode(first[["h", "town"]])

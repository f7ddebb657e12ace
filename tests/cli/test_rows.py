"""Commands that work on rows of data: what they read, what they write, and what they refuse."""

import io
import sys

import numpy as np
import pandas as pd
import pytest
from made import blobs
from PIL import Image

import latente
from latente.cli.main import main
from latente.sklearn import Autoencoder, OutlierDetector

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two runs: of images of 8×8 pixels, and of a table with a text column."""
    folder = tmp_path_factory.mktemp("rows")
    x, y = blobs(200, (8, 8))
    options = {"epochs": 1, "batch_size": 32, "progress": False}
    latente.fit(latente.VAE(2, hidden=(8,)), latente.load_data((x, y)), **options).save(folder / "images")
    np.save(folder / "x.npy", x)
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"size": rng.normal(3, 1, 200), "kind": rng.choice(["oak", "elm", "ash"], 200)})
    data = latente.load_data(table, scale="none", labels=False)
    kinds = {"name": "mixed", "columns": ["real", "categorical:3"]}
    latente.fit(latente.VAE(3, hidden=(8,), likelihood=kinds), data, **options).save(folder / "table")
    table.insert(0, "id", np.arange(1000, 1200))
    table.to_csv(folder / "table.csv", index=False)
    labels = latente.VAE(2, hidden=(8,), condition="labels")
    latente.fit(labels, latente.load_data((x, y)), **options).save(folder / "conditional")
    return folder


@pytest.fixture
def here(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return place


def run(*words):
    assert main([str(w) for w in words]) == 0


def refused(capsys, *words):
    assert main([str(w) for w in words]) != 0
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "Traceback" not in error
    return error


def test_codes_are_those_of_python_and_come_back_as_examples(here):
    loaded, x = latente.load(here / "images"), np.load(here / "x.npy")
    run("encode", here / "images", here / "x.npy", "-o", "codes.csv")
    codes = pd.read_csv("codes.csv")
    assert list(codes) == ["z1", "z2"] and np.array_equal(codes.to_numpy(np.float32), loaded.encode(x))
    run("decode", here / "images", "codes.csv", "-o", "x.npy")
    decoded = np.load("x.npy")
    assert decoded.dtype == np.uint8 and decoded.shape == (200, 8, 8)
    assert np.array_equal(decoded, loaded.unscaled(loaded.decode(loaded.encode(x))))
    run("reconstruct", here / "images", here / "x.npy", "-o", "again.npz")
    assert np.array_equal(np.load("again.npz")["x"], decoded)


def test_batches_change_nothing(here, monkeypatch):
    run("score", here / "images", here / "x.npy", "-o", "whole.npy")
    monkeypatch.setattr("latente.cli.rows.BATCH", 64)
    run("score", here / "images", here / "x.npy", "-o", "parts.npy")
    whole, parts = np.load("whole.npy"), np.load("parts.npy")
    assert whole.shape == (200, 4) and np.allclose(whole, parts, rtol=1e-5)
    assert np.allclose(whole[:, 0], -whole[:, 2] - whole[:, 3], rtol=1e-6)
    run("sample", here / "images", 150, "--seed", 3, "-o", "samples.npy")
    loaded = latente.load(here / "images")
    assert np.array_equal(np.load("samples.npy"), loaded.unscaled(loaded.sample(150, seed=3)))


def test_tables_keep_their_names_texts_and_identifiers(here):
    run("reconstruct", here / "table", here / "table.csv", "--keep", "id", "-o", "table.parquet")
    found = pd.read_parquet("table.parquet")
    assert list(found) == ["id", "size", "kind"] and found["id"].tolist() == list(range(1000, 1200))
    assert set(found["kind"]) <= {"oak", "elm", "ash"}
    run("encode", here / "table", "table.parquet", "-o", "codes.npz")
    loaded = latente.load(here / "table")
    codes = (
        np.stack([np.load("codes.npz")[f"z{i}"] for i in (1, 2, 3)], axis=1)
        if "z1" in np.load("codes.npz")
        else np.load("codes.npz")["x"]
    )
    assert np.allclose(codes, loaded.encode(found), atol=1e-6)


def test_an_estimators_folder_works_with_its_own_table(here):
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "when": pd.date_range("2024-01-01", periods=60).astype("datetime64[ns]"),
            "count": pd.array([None if i % 9 == 0 else i % 5 for i in range(60)], "Int64"),
            "kind": rng.choice(["oak", "elm"], 60),
        }
    )
    model = Autoencoder(latent_dim=2, hidden=(4,), epochs=1, random_state=0).fit(table)
    model.save("estimator")
    table.to_parquet("table.parquet")
    run("encode", "estimator", "table.parquet", "-o", "codes.csv")
    codes = pd.read_csv("codes.csv")
    assert np.allclose(codes, model.transform(table), atol=1e-6)
    run("decode", "estimator", "codes.csv", "-o", "again.csv")
    again, expected = pd.read_csv("again.csv", parse_dates=["when"]), model.inverse_transform(codes)
    assert list(again) == list(table) and (again["kind"] == expected["kind"]).all()
    assert (again["when"] == expected["when"]).all()
    run("sample", "estimator", 7, "-o", "new.parquet")
    new = pd.read_parquet("new.parquet")
    assert len(new) == 7 and set(new["kind"]) <= {"oak", "elm"} and new["when"].dtype.kind == "M"
    run("score", "estimator", "table.parquet", "-o", "scores.npy")
    assert np.allclose(np.load("scores.npy")[:, 0], model.score_samples(table), rtol=1e-5)


@pytest.mark.filterwarnings("ignore:for .* of the examples with missing values")
def test_holes_are_filled_as_by_python(here, capsys):
    rng = np.random.default_rng(2)
    table = pd.DataFrame(rng.normal(size=(80, 3)), columns=["a", "b", "c"])
    table = table.mask(rng.random(table.shape) < 0.2).dropna(how="all")
    table.to_csv("holes.csv", index=False)
    data = latente.load_data(table, missing="keep", scale="none")
    model = latente.VAE(2, hidden=(4,), likelihood={"name": "mixed", "columns": ["real"] * 3}, missing=True)
    made = latente.fit(model, data, epochs=1, batch_size=16, progress=False)
    made.save("run")
    run("impute", "run", "holes.csv", "-o", "filled.csv")
    filled = pd.read_csv("filled.csv").to_numpy()
    seen = table.notna().to_numpy()
    assert np.allclose(filled[seen], table.to_numpy()[seen], rtol=1e-6) and np.isfinite(filled).all()
    assert np.allclose(filled, made.impute(table).mean, rtol=1e-5)
    run("impute", "run", "holes.csv", "--draws", 2, "--seed", 5, "-o", "draws.csv")
    draws = pd.read_csv("draws.csv")
    assert list(draws) == ["draw", "row", "a", "b", "c"] and len(draws) == 2 * len(table)
    expected = made.impute(table, draws=2, seed=5).draws
    assert np.allclose(draws[draws["draw"] == 2].sort_values("row")[["a", "b", "c"]], expected[1], rtol=1e-5)
    assert "missing" in refused(capsys, "impute", here / "images", here / "x.npy", "-o", "x.npy")


def test_a_detectors_folder_knows_what_is_usual(here, capsys):
    table = pd.DataFrame(np.random.default_rng(3).normal(size=(120, 2)), columns=["a", "b"])
    detector = OutlierDetector(latent_dim=1, hidden=(4,), epochs=1, random_state=0).fit(table)
    detector.save("detector")
    table.loc[4, "b"] = 30.0
    table.to_csv("odd.csv", index=False)
    run("anomalies", "detector", "odd.csv", "-o", "scores.csv")
    found = pd.read_csv("scores.csv")
    assert np.allclose(found["score"], -detector.score_samples(table), rtol=1e-5, atol=1e-4)
    assert np.allclose(found["p"], detector.p_values(table)) and found["score"].idxmax() == 4
    assert found.loc[4, "b.excess"] > 10 > found.loc[4, "a.excess"]
    Autoencoder(latent_dim=1, hidden=(4,), epochs=1, random_state=0).fit(table).save("plain")
    assert "allowed here: OutlierDetector" in refused(capsys, "anomalies", "plain", "odd.csv", "-o", "x.csv")


def test_standard_input_and_output_are_csv(here, monkeypatch, capsysbinary):
    text = (here / "table.csv").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    run("encode", here / "table", "-", "-o", "-")
    out = pd.read_csv(io.BytesIO(capsysbinary.readouterr().out))
    table = pd.read_csv(here / "table.csv")
    assert np.array_equal(out.to_numpy(np.float32), latente.load(here / "table").encode(table))


def test_a_sheet_is_drawn_of_images_only(here, capsys):
    run("sample", here / "images", 9, "-o", "sheet.png")
    sheet = np.asarray(Image.open("sheet.png"))
    assert sheet.ndim == 2 and sheet.shape[0] == sheet.shape[1] > 3 * 8
    assert "is a sheet of images" in refused(capsys, "sample", here / "table", 4, "-o", "other.png")


def test_conditions_are_read_from_the_option(here, capsys):
    run("sample", here / "conditional", 5, "--given", "1", "-o", "ones.npy")
    loaded = latente.load(here / "conditional")
    assert np.array_equal(np.load("ones.npy"), loaded.unscaled(loaded.sample(5, given=[1] * 5)))
    assert "say it with --given" in refused(capsys, "sample", here / "conditional", 5, "-o", "b.npy")
    assert "not conditioned on anything" in refused(capsys, "sample", here / "images", 5, "--given", "1", "-o", "b.npy")


def test_mistakes_are_one_line_and_nothing_is_overwritten(here, capsys):
    (out := here / "kept.csv").write_text("mine")
    assert "exists, and nothing is overwritten" in refused(capsys, "encode", here / "images", here / "x.npy", "-o", out)
    assert out.read_text() == "mine"
    assert "allowed: a name that ends with" in refused(capsys, "sample", here / "images", 5, "-o", "a.xlsx")
    assert "did you mean" in refused(
        capsys, "encode", here / "table", here / "table.csv", "--keep", "ids", "-o", "a.csv"
    )
    pd.DataFrame({"size": [1.0], "kind": ["fir"]}).to_csv("odd.csv", index=False)
    assert "fir" in refused(capsys, "encode", here / "table", "odd.csv", "-o", "a.csv")
    assert "got shape (200, 8, 8)" in refused(capsys, "encode", here / "table", here / "x.npy", "-o", "a.csv")
    assert "at least 1" in refused(capsys, "sample", here / "images", 0, "-o", "a.csv")

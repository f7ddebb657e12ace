"""`latente anomalies`: the files it writes, what it says in both languages, its figures, and what it refuses."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made import blobs

import latente
from latente.cli.main import main
from latente.evaluation.held_out import held_out

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("anomalies")
    rng = np.random.default_rng(0)
    cause = rng.normal(size=300)
    table = pd.DataFrame({f"c{i}": 5 + 2 * cause + 0.3 * rng.normal(size=300) for i in range(4)})
    table["kind"] = np.where(cause > 0, "oak", "elm")
    data = latente.load_data(table, scale="none", labels=False)
    kinds = {"name": "mixed", "columns": ["real"] * 4 + ["categorical:2"]}
    options = {"epochs": 60, "batch_size": 32, "learning_rate": 1e-2, "progress": False}
    latente.fit(latente.VAE(1, hidden=(8,), likelihood=kinds), data, **options).save(folder / "table")
    odd = table.iloc[:40].copy()
    odd.loc[7, "c2"] += 12
    odd.loc[9, "kind"] = "elm" if odd.loc[9, "kind"] == "oak" else "oak"
    odd.insert(0, "id", np.arange(40) + 100)
    table.to_csv(folder / "train.csv", index=False)
    odd.to_csv(folder / "odd.csv", index=False)
    x, _ = blobs(120, (8, 8))
    np.save(folder / "x.npy", x)
    np.save(folder / "few.npy", x[:20])
    latente.fit(latente.VAE(2, hidden=(8,)), latente.load_data(x), **{**options, "epochs": 2}).save(folder / "images")
    return folder


@pytest.fixture
def here(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return place


def test_a_table_is_explained_column_by_column(here, capsys):
    words = ["anomalies", here / "table", here / "odd.csv", "--data", here / "train.csv", "-o", "out.csv"]
    words += ["--keep", "id", "--figure", "top.svg"]
    assert main([*map(str, words), "--lang", "en", "--fdr", "0.9"]) == 0
    said = capsys.readouterr().out.splitlines()
    found = pd.read_csv("out.csv")
    assert list(found) == ["id", "score", "p", *(f"c{i}.excess" for i in range(4)), "kind.excess"]
    assert found["id"].tolist() == list(range(100, 140))
    columns = found.filter(like="excess")
    assert columns.sum(axis="columns").to_numpy() == pytest.approx(found["score"].to_numpy(), rel=1e-6, abs=1e-6)
    assert columns.idxmax(axis="columns")[[7, 9]].tolist() == ["c2.excess", "kind.excess"]
    # The smallest that 48 held-out examples give: 1 / 49.
    assert found["p"].min() == found["p"][7] == pytest.approx(1 / 49)
    flagged = int(said[0].split()[0])
    ordered = np.sort(found["p"])
    assert flagged == max(k for k in range(41) if k == 0 or ordered[k - 1] <= 0.9 * k / 40) and "of 40 rows" in said[0]
    assert said[1].startswith("row 8: ") and "p = 0.02: c2 +" in said[1]
    assert said[-1].startswith("as a whole they are not seen to differ") and "66 held-out" in said[-1]
    assert Path("top.svg").read_text().startswith("<?xml")


def test_what_cannot_be_done_is_said_first(here, capsys):
    words = ["anomalies", str(here / "table"), str(here / "odd.csv"), "-o", "out.csv"]
    Path("there.png").write_text("mine")
    for more, said in (
        (["--figure", "top.jpg"], "allowed: a name that ends with .svg or .png"),
        (["--figure", "there.png"], "nothing is overwritten"),
        (["--fdr", "2"], "a number between 0 and 1"),
    ):
        assert main([*words, *more]) == 2
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1


def test_images_are_drawn_with_heat_maps(here, capsys):
    data = ["--data", str(here / "x.npy")]
    words = ["anomalies", str(here / "images"), str(here / "few.npy"), "-o", "out.npy", "--figure", "top.png", *data]
    assert main([*words, "--lang", "pt"]) == 0
    assert "linhas são apontadas" in capsys.readouterr().out
    found = np.load("out.npy")
    run = latente.load(here / "images", data=np.load(here / "x.npy"))
    known = held_out(run)
    explained = run.explain(np.load(here / "few.npy"), usual=known.usual)
    assert found[:, 0] == pytest.approx(explained.excess.sum(axis=(1, 2)), abs=1e-3)
    assert (found[:, 1] > 0).all() and found.shape == (20, 2)
    assert Path("top.png").read_bytes().startswith(b"\x89PNG")

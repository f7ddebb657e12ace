"""`latente data`: the table of named data sets, and data cards."""

import json
import re

import numpy as np
import pytest
from made import blobs

from latente.cli.main import main


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def rows(out):
    """The cells of a table, of which two spaces or more part each from the next, and the line after it."""
    *lines, last = out.splitlines()
    return [re.split(r"  +", line) for line in lines], last


def test_the_named_data_sets_in_both_languages(here, capsys, monkeypatch, wide):
    assert main(["data", "list"]) == 0
    (head, *sets), last = rows(capsys.readouterr().out)
    assert head == ["name", "examples", "test", "shape", "here", "what"]
    assert [row[:5] for row in sets] == [
        ["mnist-5k", "5,000", "split off", "28×28", "yes"],
        ["digits", "1,797", "split off", "8×8", "yes"],
        ["factors", "24,576", "split off", "32×32", "yes"],
        ["mnist", "60,000", "10,000", "28×28", "to download"],
        ["fashion-mnist", "60,000", "10,000", "28×28", "to download"],
        ["kmnist", "60,000", "10,000", "28×28", "to download"],
    ]
    assert sets[1][5] == "small handwritten digits in 17 greys; comes with scikit-learn"
    assert last == "Your own: .npz, .npy, IDX, a folder of images, .csv, .parquet (see the README)."
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    assert main(["data", "list"]) == 0
    (head, *sets), last = rows(capsys.readouterr().out)
    assert head == ["nome", "exemplos", "teste", "forma", "aqui", "o que é"]
    assert sets[1] == [
        "digits", "1.797", "separado do treino", "8×8", "sim",
        "dígitos manuscritos pequenos em 17 tons de cinza; acompanha o scikit-learn",
    ]  # fmt: skip
    assert sets[3][:5] == ["mnist", "60.000", "10.000", "28×28", "a baixar"]
    assert last == "Seus próprios dados: .npz, .npy, IDX, uma pasta de imagens, .csv, .parquet (veja o README)."


def test_a_card_has_the_counts_and_the_values_as_asked(here, capsys):
    assert main(["data", "show", "pictures.npz"]) == 0
    card = json.loads(capsys.readouterr().out)
    # A fifth of 400 to test, a fifth of the rest to validate.
    assert card["counts"] == {"train": 256, "validation": 64, "test": 80} and card["shape"] == [8, 8]
    assert (card["range"], card["dtype"], card["classes"]) == ([0.0, 1.0], "uint8", ["0", "1", "2"])
    labels = np.array([card["labels"][part] for part in ("train", "validation", "test")])
    assert np.array_equal(labels.sum(axis=0), np.bincount(blobs(400, (8, 8))[1]))
    assert main(["data", "show", "pictures.npz", "--scale", "none", "--set", "test=0.5"]) == 0
    other = json.loads(capsys.readouterr().out)
    assert other["counts"]["test"] == 200 and other["range"][1] > 1


def test_columns_are_kept_conditioned_on_and_told_apart(here, capsys):
    rng = np.random.default_rng(0)
    lines = [f"{x:.3f},{n},{g}" for x, n, g in zip(rng.normal(size=60), rng.integers(0, 9, 60), "ab" * 30, strict=True)]
    lines[3] = ",1,a"
    (here / "t.csv").write_text("length,number,group\n" + "\n".join(lines) + "\n")
    assert main(["data", "show", "t.csv"]) == 2
    assert capsys.readouterr().err.startswith("latente: t.csv")
    command = ["data", "show", "t.csv", "--missing", "keep", "--scale", "none"]
    assert main([*command, "--condition", "group"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["shape"] == [2] and list(card["kinds"]) == ["real", "count"], card

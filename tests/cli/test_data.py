"""`latente data`: the table of named data sets, and data cards."""

import json
import re

import numpy as np
import pytest
from made import blobs
from PIL import Image

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
        ["patches", "3,000", "split off", "32×32×3", "yes"],
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
    assert sets[4][:5] == ["mnist", "60.000", "10.000", "28×28", "a baixar"]
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


@pytest.fixture
def copied(here):
    """Images of which the own test part has three of the training part, and 5% of the labels are wrong."""
    x, y = blobs(400, (8, 8))
    rng = np.random.default_rng(0)
    wrong = rng.choice(320, 16, replace=False)
    y[wrong] = (y[wrong] + 1) % 3
    np.savez("copied.npz", x_train=x[:320], y_train=y[:320], x_test=np.concatenate([x[320:], x[:20]]),
             y_test=np.concatenate([y[320:], y[:20]]))  # fmt: skip
    return "copied.npz"


def test_what_is_odd_about_data(copied, capsys):
    assert main(["data", "check", copied, "-o", "pictures"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == "copied: looked at 256 training, 64 validation and 100 test examples"
    assert lines[0].startswith(
        "LT001 warning [holds] Validation and test examples are copies of training examples. Of "
    )
    assert (
        " are exact copies and 0 near copies of training examples: " in lines[0] and "→ Remove the copies" in lines[0]
    )
    assert any(line.startswith("LT006 warning [holds] Some labels are likely wrong.") for line in lines)
    assert any(line.startswith("  exact copy: test ") for line in lines)
    assert [line for line in lines if line.startswith("written: ")] == [
        "written: pictures/copies.png", "written: pictures/labels.png",
    ]  # fmt: skip
    assert main(["data", "check", copied, "--lang", "pt", "--ignore", "LT00x"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == "copied: examinados 256 exemplos de treino, 64 de validação e 100 de teste"
    assert not any(line.startswith("LT00") for line in lines)


def test_a_check_fails_on_what_was_asked(copied, capsys):
    assert main(["data", "check", copied, "--fail-on", "LT001"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "asked to fail on LT001: found LT001"
    assert main(["data", "check", copied, "--fail-on", "warning", "--format", "json"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = {row["code"]: row for row in rows if row["found"]}
    assert {"LT001", "LT006"} <= set(found)
    assert found["LT001"]["numbers"]["exact"] == len(found["LT001"]["rows"]) or len(found["LT001"]["rows"]) == 12
    assert found["LT001"]["rows"][0]["first"][0] == "test" and found["LT001"]["rows"][0]["second"][0] == "train"
    assert main(["data", "check", "digits", "--fail-on", "warning"]) == 0
    assert main(["data", "check", copied, "--fail-on", "LT999"]) == 2
    assert 'unknown finding "LT999"' in capsys.readouterr().err


def test_a_folder_of_images_of_two_sizes_is_told_before_it_is_refused(here, capsys):
    (here / "pictures").mkdir()
    for i in range(5):
        mode, size = ("RGB", (8, 8)) if i == 3 else ("L", (9, 8)) if i == 4 else ("L", (8, 8))
        Image.new(mode, size, 40 * i if mode == "L" else (40 * i, 0, 9)).save(here / "pictures" / f"{i}.png")
    assert main(["data", "check", "pictures"]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "LT010 warning [holds] Some images have another size or mode than the rest. 2 of 5 images; most are 8×8 L, "
        "others 8×8 RGB (1), 9×8 L (1). → Look whether they belong there; give all one size and one mode (mode = "
        '"grey" in [data] makes all grey).',
        "  3.png: 8×8 RGB",
        "  4.png: 9×8 L",
    ]
    assert "all images must have one size" in err
    assert main(["data", "check", "nothing"]) == 2

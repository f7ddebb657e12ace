"""The comparison on the command line, in the report and as a figure, of runs with made-up numbers."""

import csv
import json
import re

import pytest
from maderuns import made_run

import latente
from latente.cli.main import main
from latente.evaluation.evaluate import Metric
from latente.evaluation.run import Run
from latente.language.words import Words

EN, PT = Words("en"), Words("pt")
SMALL = {"hidden": (4,)}
CURVE = {2: 157.0, 4: 135.0, 8: 118.8, 16: 113.2, 32: 113.0}


@pytest.fixture(scope="module")
def folders(tiny, tmp_path_factory):
    """A sweep of VAEs and an autoencoder, of two seeds each."""
    root = tmp_path_factory.mktemp("runs")
    both = ("validation", "test")
    for seed in (0, 1):
        for d, mean in CURVE.items():
            run = made_run(
                tiny, f"vae-{d}", seed, latente.VAE(d, **SMALL), loss=mean + seed / 100, mse=1 / d, split=both
            )
            run.save(root / f"vae-{d}" / f"seed-{seed}")
        ae = made_run(tiny, "ae", seed, latente.AE(2, **SMALL), loss=60.0, mse=0.02 + seed / 1000, split=both, epochs=6)
        ae.save(root / "ae" / f"seed-{seed}")
    return sorted(root.glob("*/*"))


@pytest.mark.slow
def test_the_terminal_shows_differences_budgets_and_the_elbow(folders, tmp_path, capsys):
    files = tmp_path / "out.csv", tmp_path / "out.json"
    command = ["compare", *map(str, folders), "--csv", str(files[0]), "--json", str(files[1]), "--lang", "en"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "Loss (test): ELBO (Bernoulli); less is better" in out
    assert "Budgets differ in parameters, epochs, steps and examples seen" in out
    assert "Loss: not ranked: ae, for no other model's means the same." in out
    assert "Corrected for all 25 differences of this comparison" in out
    assert "Intervals cover other examples and other seeds, paired by both." in out
    assert "judged by loss on validation" in out
    assert re.search(r"\n16 latents are enough: they are behind the best, 32, by 0\.[12]\d nats .95% interval", out)
    found = latente.compare(folders)
    with files[0].open() as file:
        rows = list(csv.DictReader(file))
    gaps = [(b, g) for b in found.boards for g in b.gaps]
    assert len(rows) == len(gaps) == 25
    for row, (board, gap) in zip(rows, gaps, strict=True):
        estimate = gap.difference.estimate
        assert (row["column"], row["first"], row["second"]) == (board.column, gap.first, gap.second)
        assert [float(row[k]) for k in ("difference", "low", "high")] == [estimate.value, estimate.low, estimate.high]
        assert float(row["p_value"]) == gap.difference.p_value and row["better"] == (gap.better or "")
    table = json.loads(files[1].read_text())
    assert table["comparisons"] == 25 and table["split"] == "test"
    assert table["models"][0]["seeds"] == [0, 1] and len(table["models"][0]["folders"]) == 2
    assert table["elbows"][0]["chosen"] == 16 and table["boards"][0]["values"][0]["model"] == "vae-32"
    assert table["budgets_differ_in"] == list(found.unequal)
    assert main([*command[: len(folders) + 1], "--lang", "pt", "--against", "ae", "--tolerance", "7"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"8 latentes bastam: ficam 5,[78]\d nats atrás da melhor dimensão, 32 .intervalo", out)
    assert "Corrigido para todas as 5 diferenças" in out


def test_a_selection_ends_with_the_folder_and_is_made_on_validation(folders, capsys):
    vaes = [str(f) for f in folders if "vae" in str(f)]
    assert main(["compare", *vaes, "--select", "--lang", "en"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == next(f for f in vaes if f.endswith("vae-32/seed-0"))
    assert "Selected by loss on validation: vae-32, seed 0." in lines
    assert main(["compare", *vaes, "--select", "--split", "test"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("latente: --select by the test part: refused") and said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: no such folder"),
        (["ONE"], "compare: got 1 run of ae; allowed: runs of at least two models"),
        (["ONE", "TWO", "--scores", "los"], 'unknown score "los"; did you mean "loss"?'),
        (["ONE", "TWO", "--against", "x"], 'unknown model "x"'),
        (["ONE", "TWO", "--split", "tset"], 'unknown --split "tset"; did you mean "test"?'),
        (["ONE", "TWO", "--scores", "nll", "--set", "nl.samples=3"], 'unknown score "nl"; did you mean "nll"?'),
        (["TWO", "THREE", "--share", "2"], "share: got 2.0; allowed: a number above 0 and below 1"),
        (["TWO", "THREE", "--tolerance", "-1"], "tolerance: got -1.0; allowed: a number of at least 0"),
    ],
)
def test_every_mistake_is_one_line(folders, capsys, arguments, message):
    named = {"ONE": str(folders[0]), "TWO": str(folders[2]), "THREE": str(folders[6])}
    assert main(["compare", *(named.get(a, a) for a in arguments)]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


def test_plain_values_for_a_program(tiny):
    exact = {"unpaired": {"linear-probe": Metric(0.5, 0.0)}}
    runs = [made_run(tiny, n, 0, latente.VAE(d, **SMALL), **exact) for n, d in (("a", 2), ("b", 3))]
    found = latente.compare(runs, ["linear-probe", "loss"])
    first, second = found.rows()
    assert (first["covers"], first["low"], first["p_value"], first["scale"]) == ("nothing", None, None, "accuracy")
    assert second["low"] < second["difference"] < second["high"] and second["examples"] == 60
    table = found.as_dict()
    assert [b["differences"][0] for b in table["boards"]] == [b.gaps[0].row() for b in found.boards]
    assert json.loads(json.dumps(table))["budgets"][0]["steps"] == [12, 12]


def test_by_default_nothing_is_worked_out(tiny, monkeypatch):
    monkeypatch.setattr(Run, "score", None)
    scored = [made_run(tiny, f"m{d}", 0, latente.VAE(d, **SMALL), scored={"mean-mse": 0.1 * d}) for d in (2, 3)]
    found = latente.compare([*scored, made_run(tiny, "bare", 0, latente.VAE(4, **SMALL))])
    assert repr(found) == "Comparison(3 models, 7 differences on test)"
    said = found.text("en")
    assert "MSE of mean codes (test): squared error; less is better" in said
    assert "MSE of mean codes: not ranked: bare, for nothing was worked out anew; ask for it with --scores." in said

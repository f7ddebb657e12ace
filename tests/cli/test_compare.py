"""The comparison on the command line, in the report and as a figure, of runs with made-up numbers."""

import csv
import dataclasses
import json
import re
from functools import partial

import numpy as np
import pytest
from maderuns import made_run

import latente
from latente.analysis.compare import compare
from latente.analysis.ranking import ComparisonNote
from latente.analysis.trained_models import trained_models
from latente.cli.main import main
from latente.evaluation.access_log import Access
from latente.evaluation.evaluate import Metric
from latente.evaluation.likelihood.importance import unsupported
from latente.evaluation.metrics.intervals import Estimate
from latente.evaluation.run import Run
from latente.language.message import Message
from latente.language.words import Words
from latente.report.sections import method
from latente.report.tables import comparison, numbers
from latente.report.tables import comparison as elbows

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


def test_a_report_shows_the_differences_and_the_elbow(tiny):
    make = partial(made_run, tiny, split=("validation", "test"))
    runs = [
        make(f"vae-{d}", s, latente.VAE(d, **SMALL), loss=CURVE[d] + s / 100, mse=1 / d) for d in CURVE for s in (0, 1)
    ]
    section = comparison.section(runs, EN)
    assert [t.name for t in section.tables] == ["budgets", "differences-loss", "differences-mse"]
    assert len(section.tables[1].rows) == 10
    (curve,) = section.curves
    assert curve[0] == "vae-2, vae-4, vae-8, vae-16 and vae-32, judged by loss on validation."
    assert curve[1][0].startswith("16 latents are enough") and curve[1][1] == "Shown to be too small: 2, 4 and 8."
    assert comparison.section(runs[:2], EN) is None
    # Runs that were evaluated before such values were kept are compared by their means.
    for run in runs:
        run._per_example.clear()
    bare = comparison.section(runs, EN)
    assert "Intervals cover other seeds, paired by seed" in bare.tables[1].notes[0] and bare.curves == ()


@pytest.mark.slow
def test_of_many_models_the_differences_to_the_best_are_shown(tiny):
    runs = [made_run(tiny, f"m{d}", 0, latente.VAE(d, **SMALL), loss=100.0 + d) for d in range(2, 12)]
    found = compare(runs, ["loss"])
    table = comparison.differences(found.boards[0], found, EN)
    assert len(found.boards[0].gaps) == 45 and len(table.rows) == 9
    assert {row[0].text for row in table.rows} == {"m2"}
    assert table.notes[-1] == "Only the differences to the best model are shown; all 45 are in the CSV file."


def test_with_one_seed_the_word_is_these_weights(tiny):
    runs = [made_run(tiny, f"m{d}", 0, latente.VAE(d, **SMALL), loss=100.0 + d / 20) for d in (2, 4)]
    found = compare(runs, ["loss"])
    (gap,) = found.boards[0].gaps
    assert (gap.better, gap.about, gap.spread_from) == ("m2", "weights", "typical") and gap.seeds_needed > 2
    for words, said, claim in ((EN, "these weights of m2", "no claim"), (PT, "estes pesos de m2", "não é uma")):
        table = comparison.differences(found.boards[0], found, words)
        assert table.rows[0][-1].text == said and claim in table.notes[-1]
        assert f" {gap.seeds_needed} se" in table.notes[-1] and "m2" in table.notes[-1] and "80%" in table.notes[-1]
    assert "these weights of m2" in found.text("en") and found.rows()[0]["about"] == "weights"
    # Another model with several seeds says how far seeds lie apart, and none is typical.
    more = [made_run(tiny, "m8", s, latente.VAE(8, **SMALL), loss=100.5 + s / 10) for s in (0, 1, 2)]
    spread = compare([*runs, *more], ["loss"]).boards[0].gaps[0]
    assert (spread.first, spread.about, spread.spread_from) == ("m2", "weights", "study")
    assert spread.seeds_needed > gap.seeds_needed
    # With several seeds the name stands alone, and nothing is said of more where it is shown.
    both = [made_run(tiny, f"m{d}", s, latente.VAE(d, **SMALL), loss=100.0 + d) for d in (2, 4) for s in (0, 1, 2)]
    table = comparison.differences(compare(both, ["loss"]).boards[0], compare(both, ["loss"]), EN)
    assert table.rows[0][-1].text == "m2" and len(table.notes) == 1


def test_an_elbow_of_one_seed_is_of_these_weights_and_says_what_it_leaves_aside(tiny):
    runs = [
        made_run(tiny, f"vae-{d}", s, latente.VAE(d, **SMALL), loss=m, split="validation")
        for d, m in CURVE.items()
        for s in ((0,) if d > 2 else (0, 1))
    ]
    found = latente.elbow(runs, "loss")
    assert (found.seeds, found.aside) == (1, 1) and found.seeds_needed >= 2
    english, portuguese = (elbows.sentences(found, words) for words in (EN, PT))
    assert english[0].startswith("These weights (one seed): 16 latents are enough")
    assert portuguese[0].startswith("Estes pesos (uma semente): 16 latentes bastam")
    assert f"about {found.seeds_needed} seeds of each size" in english[-3]
    assert english[-2] == "Runs left aside, for not every size has their seed: 1."


def test_notes_of_one_kind_are_one_sentence(tiny):
    runs = [made_run(tiny, f"m{d}", 0, latente.VAE(d, **SMALL)) for d in (2, 3)]
    found = compare(runs, ["loss"])
    said = [ComparisonNote("alone", {"score": "loss", "model": m, "scale": m}) for m in ("a", "b", "c")]
    scales = Message("compare.apart", scales=tuple(f"s{i} (m{i})" for i in range(6)))
    told = dataclasses.replace(found, notes=(*said, ComparisonNote("apart", {"score": "loss", "scales": scales})))
    sentences = comparison.notes(told, PT)
    assert sentences[0].startswith("Uma só diferença")
    assert "Perda: o número tem 6 significados diferentes" in sentences[1]
    assert "Perda: fora da classificação: a, b e c (nenhum outro modelo" in sentences[2]


def test_scales_and_reasons_are_said_in_the_language(tiny):
    runs = [made_run(tiny, f"m{d}", 0, latente.VAE(d, **SMALL)) for d in (2, 3)]
    found = compare(runs, ["mse"])
    drawn = "squared error of drawn codes"
    assert comparison.differences(found.boards[0], found, EN).caption.endswith(f": {drawn}")
    assert comparison.differences(found.boards[0], found, PT).caption.endswith(": erro quadrático de códigos sorteados")
    why = unsupported(made_run(tiny, "ae", 0, latente.AE(2, **SMALL)).model)
    told = dataclasses.replace(found, notes=(ComparisonNote("none", {"score": "nll", "model": "ae", "why": why}),))
    assert 'a posterior "dirac" com a prior "none" não tem nenhuma' in comparison.notes(told, PT)[-1]


def test_numbers_have_the_places_that_their_errors_leave():
    assert numbers.digits([Estimate(100.0, 99.0, 101.0)]) == 1 and numbers.digits([0.034, 2.0]) == 3
    assert numbers.digits([0.0, np.inf]) == 2 and numbers.digits([1e-12]) == 6 and numbers.digits([340.0]) == 0
    assert numbers.number(PT, -1.5, 2) == "−1,50" and numbers.number(EN, -0.001, 2, sign=True) == "0.00"
    assert numbers.number(EN, 2.0, 1, sign=True) == "+2.0" and numbers.number(EN, -np.inf, 1) == "−∞"
    assert numbers.p_value(EN, 0.0004) == "< 0.001" and numbers.p_value(PT, 0.0451) == "0,045"


def test_later_looks_at_the_test_part_are_told(tiny, tmp_path, capsys):
    run = made_run(tiny)
    run.test_accesses = [
        Access(f"2026-0{i}-01T12:00:00Z", by, ["nll"]) for i, by in enumerate(("latente run", "latente x"), 1)
    ]
    run.save(tmp_path / "run")
    assert main(["show", str(tmp_path / "run")]) == 0
    assert "test part looked at on 2026-02-01T12:00:00Z by latente x: nll" in capsys.readouterr().out
    facts = method(trained_models([run]), tiny, EN, "image")
    assert facts[-1][1].endswith("after training. After that it was looked at by latente x.")


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


def test_both_languages_say_all():
    assert {k for k in EN.templates if k.startswith("compare.")} == {
        k for k in PT.templates if k.startswith("compare.")
    }

"""A comparison and its elbows as tables and sentences, of runs with made-up numbers."""

import dataclasses
from functools import partial

import numpy as np
import pytest
from maderuns import made_run
from scipy import stats

import latente
from latente.analysis.compare import compare
from latente.analysis.ranking import ComparisonNote
from latente.evaluation.likelihood.importance import unsupported
from latente.language.message import Message
from latente.language.words import Words
from latente.report.tables import comparison

EN, PT = Words("en"), Words("pt")
SMALL = {"hidden": (4,)}
CURVE = {2: 157.0, 4: 135.0, 8: 118.8, 16: 113.2, 32: 113.0}


def test_a_report_shows_the_differences_and_the_elbow(tiny):
    make = partial(made_run, tiny, split=("validation", "test"))
    runs = [
        make(f"vae-{d}", s, latente.VAE(d, **SMALL), loss=CURVE[d] + s / 100, mse=1 / d) for d in CURVE for s in (0, 1)
    ]
    section = comparison.section(comparison.compared_in(runs), runs, EN)
    assert [t.name for t in section.tables] == ["budgets", "differences-loss", "differences-mse"]
    assert len(section.tables[1].rows) == 10
    (curve,) = section.curves
    assert curve[0] == "vae-2, vae-4, vae-8, vae-16 and vae-32, judged by loss on validation."
    assert curve[1][0].startswith("16 latents are enough") and curve[1][1] == "Shown to be too small: 2, 4 and 8."
    assert comparison.compared_in(runs[:2]) is None
    # Runs that were evaluated before such values were kept are compared by their means.
    for run in runs:
        run._per_example.clear()
    bare = comparison.section(comparison.compared_in(runs), runs, EN)
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
    english, portuguese = (comparison.sentences(found, words) for words in (EN, PT))
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


def test_both_languages_say_all():
    assert {k for k in EN.templates if k.startswith("compare.")} == {
        k for k in PT.templates if k.startswith("compare.")
    }


def rows(table):
    return [[cell.text for cell in row] for row in table.rows]


def test_values_differences_and_budgets_are_whole_rows(tiny):
    """Two models that differ by 2 ± 0.5 on every two of the sixty examples."""
    base = np.tile([100.0, 101.0], 30)
    apart = np.tile([1.5, 2.5], 30)
    runs = [
        made_run(tiny, "a", 0, latente.VAE(2, **SMALL), loss=base),
        made_run(tiny, "b", 0, latente.VAE(2, **SMALL), loss=base + apart, epochs=6),
    ]
    found = compare(runs, ["loss"])
    # The deviation of one half over sixty examples, by Student's t of 59 degrees.
    half = stats.t.ppf(0.975, 59) * np.std(apart, ddof=1) / 60**0.5
    assert half == pytest.approx(0.1303, abs=5e-5)
    english, portuguese = (comparison.differences(found.boards[0], found, words) for words in (EN, PT))
    assert rows(english)[0][2:5] == ["+2.00", "+1.87 … +2.13", "< 0.001"]
    assert rows(portuguese)[0][2:5] == ["+2,00", "+1,87 … +2,13", "< 0,001"]
    values = comparison.values(found.boards[0], "test", EN)
    assert [row[:3] for row in rows(values)] == [["1", "a", "1"], ["2", "b", "1"]]
    assert [row[3].value for row in values.rows] == [100.5, 102.5]
    budgets = comparison.budgets(found, PT)
    parameters = str((30 * 4 + 4) + 2 * (4 * 2 + 2) + (2 * 4 + 4) + (4 * 30 + 30))
    assert rows(budgets) == [
        ["a", "1", parameters, "4", "12", "768", "1,5"], ["b", "1", parameters, "6", "18", "1.152", "1,5"],
    ]  # fmt: skip

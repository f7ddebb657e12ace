"""Sections, summary, data, method and versions of a report's page: whole sentences in both languages."""

import dataclasses
from dataclasses import replace

import numpy as np
from madereport import NOTEBOOK, run, runs_of
from scipy import stats

from latente.analysis.trained_models import trained_models
from latente.evaluation.access_log import Access
from latente.evaluation.evaluate import Metric
from latente.language.words import Words
from latente.report import sections
from latente.report.conclusions import WordedClaim
from latente.report.figures.figure_file import FigureFile
from latente.report.sections import summary_sentences
from latente.report.tables import results
from latente.report.tables.table import text_table
from latente.spec import DataSpec, StudySpec

EN, PT = Words("en"), Words("pt")


def test_the_summary_pairs_examples_as_the_comparison_does(tiny):
    """Examples differ by far more than the models do: only pairs tell that one is always better."""
    runs = runs_of(tiny, {"a": NOTEBOOK["latent-2"], "b": NOTEBOOK["latent-8"]})
    rng = np.random.default_rng(0)
    examples = 100 + 30 * rng.normal(size=len(tiny.test))
    losses = (examples, examples + 1 + 0.1 * rng.normal(size=len(examples)))
    for r, values in zip(runs, losses, strict=True):
        r._per_example["test"] = {"loss": values.astype(np.float32)}
        r.metrics["test"]["loss"] = Metric(values.mean(), values.std(ddof=1) / len(values) ** 0.5)
    said = next(s for s in summary_sentences(runs, EN) if "lowest test loss" in s.text)
    d = losses[1] - losses[0]
    # The interval is that of the table, which has a second difference: that of the squared errors.
    low, high = stats.t.interval(1 - 0.05 / 2, len(d) - 1, d.mean(), stats.sem(d))
    assert said.verdict == "holds" and f"95% interval {low:.2f} to {high:.2f}" in said.text
    assert said.text.startswith(
        "These weights (one seed): a has the lowest test loss of the 2 models whose loss is ELBO"
    )
    # One nat, with a deviation of 0.1 over examples and so some 0.025 over seeds: t of one degree still shows it.
    assert "A claim about the models would take about 2 seeds of each" in said.text


def test_losses_of_different_likelihoods_are_not_ranked(tiny):
    models = {"a": NOTEBOOK["vae"], "b": NOTEBOOK["vae"]}
    assert any("lowest test loss" in s.text for s in summary_sentences(runs_of(tiny, models), EN))
    models["b"] = replace(NOTEBOOK["vae"], likelihood="gaussian")
    runs = runs_of(tiny, models)
    trained = trained_models(runs)
    assert not any("lowest test loss" in s.text for s in summary_sentences(runs, EN))
    assert any("different scales" in note for note in results.results(trained, EN, "image").notes)


def test_the_line_below_the_title_counts_examples_models_and_seeds(tiny):
    trained = trained_models(runs_of(tiny, {"a": NOTEBOOK["vae"], "b": NOTEBOOK["ae"]}, seeds=(0, 3, 5)))
    told = "tiny · 192 / 48 / 60 images to train / validate / test · 2 models · 3 seeds"
    assert sections.at_a_glance(trained, tiny, EN, "image") == told
    told = "tiny · 192 / 48 / 60 exemplos de treino / validação / teste · 1 modelo · 3 sementes"
    assert sections.at_a_glance(trained[:1], tiny, PT, "example") == told


def test_figures_stand_in_their_sections_and_are_numbered_in_the_pages_order():
    def figure(group):
        return FigureFile(f"{group}.svg", "image/svg+xml", b"", (1, 1), "", "", group, False)

    drawn = [figure(g) for g in ("nll", "comparison", "hero", "data", "a figure of one's own", "nll")]
    found = sections.pictured(drawn, {"model": [text_table([], [])]}, {"sizes": ["so it was judged"]})
    assert list(found) == ["data", "model", "sizes", "comparison", "scores"]
    numbers = [n for section in found.values() for _, group in section.figures for n, _ in group]
    assert numbers == [1, 2, 3, 4, 5]
    # What no section is named after stands under the scores, each group with its title.
    assert [title for title, _ in found["scores"].figures] == ["nll", "a figure of one's own"]
    assert [title for title, _ in found["comparison"].figures] == [""] and found["sizes"].notes == ("so it was judged",)


def test_verdicts_are_counted_in_their_order():
    said = [WordedClaim("", v) for v in ("unknown", "holds", "unknown")]
    assert sections.verdict_counts(said) == [("holds", 1), ("unknown", 2)] and sections.verdict_counts([]) == []


def test_the_data_is_told_without_folders_of_this_machine():
    card = {
        "name": "mine", "range": [0, 1], "mean": 0.25, "shape": [6, 5], "dtype": "uint8", "fingerprint": "ab12",
        "without": ["age", "sex"],
    }  # fmt: skip
    study = StudySpec("A study", DataSpec("/home/ana/faces.npz"))
    assert sections.data_facts(study, card, PT) == [
        ("Conjunto de dados", "mine", False),
        ("Origem", "faces.npz", False),
        ("Rótulos deixados de fora", "age, sex", False),
        ("Forma de um exemplo", "6 × 5", False),
        ("Armazenado como", "uint8", False),
        ("Valores vistos pelos modelos", "0 a 1; média na parte de treino 0,2500", False),
        ("Impressão digital (SHA-256)", "ab12", True),
    ]
    named = sections.data_facts(StudySpec("A study", DataSpec("mine")), {**card, "without": []}, EN)
    assert [name for name, _, _ in named] == [
        "Data set", "Shape of an example", "Stored as", "Values the models see", "Fingerprint (SHA-256)",
    ]  # fmt: skip


def test_the_method_says_what_was_done(tiny):
    first = run(tiny, "vae", NOTEBOOK["vae"], seed=3)
    first = dataclasses.replace(first, spec=replace(first.spec, train=replace(first.spec.train, patience=4)))
    assert sections.method(trained_models([first]), tiny, EN, "image") == [
        ("Split", "stratified by class, seed 42"),
        ("Optimizer", "Adam (β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁷)"),
        ("Seeds", "3 (weights, order of the examples, noise)"),
        ("Early stopping", "vae: after 4 epochs without a lower validation loss, back to the best weights"),
        (
            "Evaluation",
            "Each image is scored on 10 codes drawn from its posterior, always the same ones; a deterministic code "
            "needs one.",
        ),
        (
            "Test part",
            "It took no part in training, stopping or the figures, and was evaluated once for each run, after "
            "training.",
        ),
    ]


def test_later_looks_at_the_test_part_are_told(tiny):
    first = run(tiny, "vae", NOTEBOOK["vae"])
    first.test_accesses = [
        Access(f"2026-0{i}-01T12:00:00Z", by, ["nll"]) for i, by in enumerate(("latente run", "latente x"), 1)
    ]
    facts = sections.method(trained_models([first]), tiny, EN, "image")
    assert facts[-1][1].endswith("after training. After that it was looked at by latente x.")


def test_versions_are_those_that_are_known():
    facts = {"versions": {"latente": "9.9"}, "platform": "Box", "processors": 2, "date": ""}
    table = sections.versions_table(facts, PT)
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["latente", "9.9"], ["Plataforma", "Box"], ["Processadores", "2"],
    ]  # fmt: skip

"""A search in a report: its sentences and tables by hand-made numbers, and files that are damaged."""

import json

import pytest
from madereport import runs_of

from latente.errors import StoreError
from latente.evaluation import manifest
from latente.evaluation.evaluate import Metric
from latente.language.words import Words
from latente.objective.presets import VAE
from latente.report.search import SEARCH, read_search, search_figures, search_section, setting
from latente.spec import SearchSpec

FOUND = {
    "run": "vae", "by": "loss", "column": "loss", "lower": True, "seed": 100, "pruner": "median", "best": 2,
    "default": {"latent_dim": 2, "hidden": "[8]"},
    "vary": {"latent_dim": {"low": 1, "high": 32, "log": True}, "hidden": {"choices": ["[8]", "[16]"]}},
    "importance": {"latent_dim": 0.75, "hidden": 0.25},
    "trials": [
        {"number": 0, "state": "complete", "value": 101.5, "standard_error": 0.25, "epochs": 5, "default": True,
         "error": None, "values": {"latent_dim": 2, "hidden": "[8]"}},
        {"number": 1, "state": "pruned", "value": None, "standard_error": None, "epochs": 2, "default": False,
         "error": None, "values": {"latent_dim": 1, "hidden": "[8]"}},
        {"number": 2, "state": "complete", "value": 99.25, "standard_error": 0.25, "epochs": 5, "default": False,
         "error": None, "values": {"latent_dim": 8, "hidden": "[16]"}},
        {"number": 3, "state": "failed", "value": None, "standard_error": None, "epochs": 0, "default": False,
         "error": "too large <b>", "values": {"latent_dim": 32, "hidden": "[16]"}},
        {"number": 4, "state": "complete", "value": 400.0, "standard_error": 0.25, "epochs": 5, "default": False,
         "error": None, "values": {"latent_dim": 30, "hidden": "[8]"}},
    ],
}  # fmt: skip
SPEC = SearchSpec(vary={"latent_dim": {"low": 1, "high": 32, "log": True}, "hidden": [[8], [16]]})


def write(folder, **changes):
    (folder / SEARCH).write_text(json.dumps({**FOUND, **changes}))


@pytest.fixture
def pair(tiny):
    """The default and what was found, with three seeds each, of which the second is 2 nats better in every seed."""
    runs = runs_of(tiny, {"vae": VAE(2, hidden=(8,)), "vae-tuned": VAE(8, hidden=(16,))}, (0, 1, 2))
    for run in runs:
        lead = 2.0 * (run.spec.name == "vae-tuned")
        run.metrics["test"]["loss"] = Metric(100 + 0.01 * run.spec.seed**2 * (1 + (lead > 0)) - lead, 0.5)
    return runs


def test_it_is_said_what_was_done_and_what_came_of_it(pair, tmp_path):
    write(tmp_path)
    section = search_section(read_search(tmp_path), SPEC, pair, Words("en"))
    trials, best, compared = section.sentences
    assert trials == (
        "5 models were trained in search of better settings of vae, by the loss on the validation part and with seed "
        "100, which none of the other models has: 3 to their end, 1 broken off early by their validation ELBO, 1 "
        "failed. None of them saw the test part."
    )
    assert best.startswith("Trial 2 was the best, with a loss of 99.25. The best of many flatters itself")
    assert (
        "Trained again with 3 new seeds, the loss of vae-tuned on the test part differs from that of vae by −1.98"
        in (compared)
    )
    assert compared.endswith("vae-tuned is better: the search paid off.")
    settings, differences, every = section.tables
    assert [[str(c) for c in row] for row in settings.rows] == [
        ["latent_dim", "1 … 32 (logarithmic)", "2", "8", "0.75"], ["hidden", "[8], [16]", "[8]", "[16]", "0.25"],
    ]  # fmt: skip
    assert differences.name == "differences-loss" and len(differences.rows) == 1
    assert [[str(c) for c in row] for row in every.rows] == [
        ["2", "complete", "5", "99.25 ± 0.25", "8", "[16]"],
        ["0", "complete (default)", "5", "101.50 ± 0.25", "2", "[8]"],
        ["4", "complete", "5", "400.00 ± 0.25", "30", "[8]"],
        ["1", "broken off", "2", "–", "1", "[8]"],
        ["3", "failed", "0", "–", "32", "[16]"],
    ]
    assert every.notes == ("Trial 3 failed: too large <b>",)


def test_a_lead_that_is_luck_is_called_so(pair, tmp_path):
    write(tmp_path)
    found = read_search(tmp_path)
    for run in pair:
        run.metrics["test"]["loss"] = Metric(100 + run.spec.seed * (1 - 2 * (run.spec.name == "vae")), 0.5)
    said = search_section(found, SPEC, pair, Words("en")).sentences[-1]
    assert said.endswith("Which of the two is better cannot be told from this.")
    for run in pair:
        worse = 3.0 * (run.spec.name == "vae-tuned")
        run.metrics["test"]["loss"] = Metric(100 + 0.01 * run.spec.seed**2 * (1 + worse) + worse, 0.5)
    said = search_section(found, SPEC, pair, Words("pt")).sentences[-1]
    assert said.endswith("vae é melhor: o que a busca achou foi sorte.")
    write(tmp_path, best=0)
    said = search_section(read_search(tmp_path), SPEC, pair[:3], Words("en")).sentences[-1]
    assert said.startswith("These are the settings that vae has already")


def test_two_figures_are_drawn_and_said(tmp_path):
    write(tmp_path)
    trials, slices = search_figures(tmp_path, Words("en"))
    assert (trials.file, slices.file) == ("search-trials.svg", "search-slices.svg") and trials.group == "search"
    assert trials.alt == (
        "3 complete trials and 1 that were broken off; trial 2 is the best, with 99.25. Shares of the variance: "
        "latent_dim 0.75 and hidden 0.25."
    )
    assert slices.alt == "The best trial has latent_dim = 8 and hidden = [16]."
    write(tmp_path, importance=None)
    assert "Shares" not in next(search_figures(tmp_path, Words("en"))).alt
    (tmp_path / SEARCH).unlink()
    assert not list(search_figures(tmp_path, Words("en"))) and read_search(tmp_path) is None


@pytest.mark.parametrize(
    "changes",
    [{"best": 7}, {"best": 1}, {"trials": [{}]}, {"vary": 3}, {"default": {"a": []}}, {"importance": {"hidden": "x"}}],
)
def test_a_damaged_file_is_refused(tmp_path, changes):
    write(tmp_path, **changes)
    with pytest.raises(StoreError, match="search.json: is damaged"):
        read_search(tmp_path)


def test_a_file_that_was_edited_is_refused(tmp_path):
    manifest.write(tmp_path, {SEARCH: json.dumps(FOUND).encode()})
    assert read_search(tmp_path).best == 2
    write(tmp_path, best=0)
    with pytest.raises(StoreError, match="search.json: is not what was written"):
        read_search(tmp_path)


def test_settings_are_written_as_the_language_does():
    assert [setting(v, Words("pt")) for v in (0.00123456, True, 3, "relu", None)] == [
        "0,001235", "true", "3", "relu", "–",
    ]  # fmt: skip

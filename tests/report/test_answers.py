"""What a reader asks first: whole sentences with the numbers of the tables, and verdicts that agree with them."""

import numpy as np
import pytest
from figures import history
from madereport import NOTEBOOK, runs_of
from scipy import stats

import latente
from latente.analysis.conclusions.standing import idle_latents
from latente.analysis.trained_models import trained_models
from latente.evaluation.evaluate import Metric
from latente.language.words import LANGUAGES, Words
from latente.report.answers import Facts, answers, conclusion, overfitting
from latente.report.tables.comparison import compared_in, differences

EN, PT = Words("en"), Words("pt")


def facts(runs, data, words=EN):
    return Facts(trained_models(runs), data, words, compared_in(runs))


def told(runs, data, gap, spread, seed=0):
    """Runs whose test losses differ by about a gap, of which the interval is known, on validation losses that fall."""
    rng = np.random.default_rng(seed)
    examples = 100 + 30 * rng.normal(size=len(data.test))
    for i, run in enumerate(runs):
        values = examples + i * gap + spread * rng.normal(size=len(examples))
        run._per_example["test"] = {"loss": values.astype(np.float32)}
        run.metrics["test"]["loss"] = Metric(values.mean(), values.std(ddof=1) / len(values) ** 0.5)
    return [run.known_examples("test")["loss"].astype(float) for run in runs]


@pytest.mark.parametrize("gap", [2.0, 0.05])
def test_the_best_model_is_told_with_the_interval_and_the_verdict_of_the_table(tiny, gap):
    runs = runs_of(tiny, {"a": NOTEBOOK["latent-2"], "b": NOTEBOOK["latent-8"]})
    first, second = told(runs, tiny, gap, 0.5)
    found = facts(runs, tiny)
    best = answers(found)[0]
    d = second - first if second.mean() > first.mean() else first - second
    ends = stats.t.interval(1 - 0.05 / found.comparison.comparisons, len(d) - 1, d.mean(), stats.sem(d))
    low, high = (f"{end:.2f}".replace("-", "−") for end in ends)
    assert f"(95% interval {low} to {high})" in best.text
    table = differences(found.comparison.boards[0], found.comparison, EN)
    better = table.rows[0][-1].text
    assert table.rows[0][3].text.replace("+", "") == f"{low} … {high}"
    if gap > 1:
        assert (best.verdict, best.badge, better) == ("holds", "clear", "these weights of a")
        assert best.text.startswith("a: loss 10") and "the best of the 2 models compared by ELBO" in best.text
    else:
        assert (best.verdict, best.badge, better) == ("unknown", "not decided", "cannot be told")
        assert " behind (95%" in best.text and "is not shown to be better than" in best.text


def test_unused_latents_are_counted_by_intervals_that_hold_together():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(400, 4)) * [1.0, 0.5, 0.01, 0.1]
    # The last varies by the limit itself, so that it cannot be told.
    assert idle_latents(codes) == (1, 1, 4)
    assert idle_latents(codes[:, :2]) == (0, 0, 2)
    assert idle_latents(0 * codes) == (4, 0, 4)


def test_overfitting_is_told_of_the_model_that_does(tiny):
    runs = runs_of(tiny, {"calm": NOTEBOOK["vae"], "wild": NOTEBOOK["latent-8"]})
    for run, validation in zip(runs, (101.0, 140.0), strict=True):
        run.metrics["train"]["loss"], run.metrics["validation"]["loss"] = Metric(100.0, 0.1), Metric(validation, 0.1)
        run.history = history(seed=0)
    found = overfitting(facts(runs, tiny))
    assert found.verdict == "fails" and found.badge == "overfits"
    assert found.text.startswith("wild does: its validation loss lies 40.00 nats (")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("models", "seeds", "least"), [(tuple(NOTEBOOK), 1, 6), (("vae",), 2, 5), (("ae",), 1, 4)])
def test_the_conclusion_is_prose_about_ones_own_runs(tiny, language, models, seeds, least):
    runs = runs_of(tiny, {name: NOTEBOOK[name] for name in models}, tuple(range(seeds)))
    said = conclusion(facts(runs, tiny, Words(language)))
    assert least <= len(said) <= 8 and all(s.text.endswith(".") and "{" not in s.text for s in said)
    assert "192" in said[0].text and said[0].section == "data"
    assert all(any(c.isdigit() for c in s.text) for s in said[:3])


def test_of_one_model_nothing_is_ranked_and_of_autoencoders_no_latent_is_called_unused(tiny):
    found = answers(facts(runs_of(tiny, {"ae": latente.AE(2, hidden=(4,))}), tiny, PT))
    assert [a.name for a in found] == ["best", "size", "overfitting", "trust"]
    assert found[0].question == "Quão bom é o modelo?" and found[0].badge == "sem comparação"
    assert found[0].text.startswith("ae: perda de ") and "É o único modelo do estudo" in found[0].text
    assert found[1].verdict == "unknown" and "latent_dim = [2, 8, 16]" in found[1].text


def test_a_finding_that_is_left_out_is_no_answer_either(tiny):
    runs = runs_of(tiny, {"a": NOTEBOOK["latent-2"], "b": NOTEBOOK["latent-8"]})
    told(runs, tiny, 2.0, 0.5)
    whole = facts(runs, tiny)
    left = Facts(whole.trained, whole.data, whole.words, whole.comparison, frozenset({"LT401", "LT404"}))
    names = [a.name for a in answers(whole)]
    assert {"best", "trust"} < set(names)
    assert [a.name for a in answers(left)] == [n for n in names if n not in ("best", "trust")]
    assert not any("the best of" in said.text for said in conclusion(left))

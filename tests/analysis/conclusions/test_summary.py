"""The sentences of a report's summary: each holds and fails on made-up numbers, and reads the right ones."""

from dataclasses import replace

import pytest
from scipy.stats import norm

from latente.analysis.conclusions import summary
from latente.analysis.conclusions.registry import STUDY
from latente.analysis.conclusions.registry import about as rules_about
from latente.analysis.conclusions.summary import Losses, Standing
from latente.evaluation.metrics.intervals import Estimate

SENTENCES = {r.name: r for r in rules_about(STUDY)}


def summarise(standing):
    return [(c.key, c.verdict, c.values) for c in summary.summarise(standing)]


def about(value, half=0.5):
    return Estimate(value, value - half, value + half)


@pytest.mark.parametrize("rule", SENTENCES.values(), ids=lambda r: r.name)
def test_every_sentence_holds_fails_and_has_its_words(rule):
    assert rule.judge(rule.holds) == "holds" and rule.judge(rule.fails) == "fails"
    assert set(rule.holds) == set(rule.fails)
    wide = {k: Estimate(v.value, -1e9, 1e9) if isinstance(v, Estimate) else v for k, v in rule.holds.items()}
    if wide != rule.holds:
        assert rule.judge(wide) == "unknown"


VAE = Losses("vae", 8, about(110), about(90), about(5), "elbo", "error", "reconstruction + KL")
BETTER = Losses("better", 16, about(100), about(85), about(1), "elbo", "error", "reconstruction + KL")
AE = Losses("ae", 8, about(70), about(70), about(1), "", "error")


def test_what_is_read():
    told = {name: (verdict, facts) for name, verdict, facts in summarise(Standing((VAE, BETTER, AE), ((VAE, AE),)))}
    # An autoencoder's loss is the reconstruction alone: it is no bound, and not among them.
    verdict, facts = told["best-loss"]
    assert verdict == "holds" and (facts["name"], facts["second"]) == ("better", "vae")
    assert facts["behind"].value == 10 and facts["behind"].high - 10 == pytest.approx(0.5**0.5)
    assert facts["error"] == pytest.approx(0.5 / 1.96, rel=1e-4)
    assert facts["count"] == 2 and facts["what"] == "reconstruction + KL"
    # Two differences to the lowest of three: the intervals of both hold together.
    assert told["best-reconstruction"][1]["name"] == "ae" and told["best-reconstruction"][1]["second"] == "better"
    closest = told["best-reconstruction"][1]["behind"]
    assert closest.high - 15 == pytest.approx(0.5**0.5 * norm.ppf(1 - 0.025 / 2) / norm.ppf(0.975))
    assert told["gap"][1]["name"] == "vae" and told["gap"][1]["count"] == 3
    assert told["gap"][1]["gap"].high - 5 == pytest.approx(0.5 * norm.ppf(1 - 0.025 / 3) / norm.ppf(0.975))
    assert told["pair"][0] == "holds" and told["pair"][1]["less"].value == -20


def test_what_is_not_said():
    iwae = replace(VAE, name="iwae", scale="iwae", distortion="another")
    assert [n for n, _, _ in summarise(Standing((VAE, iwae)))] == ["gap"]
    assert [n for n, _, _ in summarise(Standing((VAE, AE)))] == ["gap", "best-reconstruction"]
    near = replace(BETTER, name="near", test=about(100.2))
    assert {n: v for n, v, _ in summarise(Standing((BETTER, near)))} == {
        "best-loss": "unknown", "best-reconstruction": "unknown", "gap": "holds"
    }  # fmt: skip
    bare = Losses("bare", 2, None, None, None, "elbo", "error")
    assert summarise(Standing((bare, bare), ((bare, bare),))) == []


def test_lower_than_each_of_the_others_takes_each_of_them():
    """The next by its mean is clear; a third is so unsure that it may be lower still."""
    unsure = replace(VAE, name="unsure", test=about(112, 20))
    ((_, verdict, facts),) = [s for s in summarise(Standing((VAE, BETTER, unsure))) if s[0] == "best-loss"]
    assert verdict == "unknown" and facts["second"] == "unsure"
    other = replace(unsure, scale="iwae")
    assert [v for n, v, _ in summarise(Standing((VAE, BETTER, other))) if n == "best-loss"] == ["holds"]


def test_neither_a_constant_nor_units_nor_the_order_of_models_moves_a_sentence():
    def moved(models, by=0.0, times=1.0):
        def change(e, by):
            return Estimate(*(times * v + by for v in (e.value, e.low, e.high)))

        return [
            replace(m, test=change(m.test, by), reconstruction=change(m.reconstruction, by), gap=change(m.gap, 0))
            for m in models
        ]

    models = [VAE, BETTER, AE, replace(VAE, name="third", test=about(100.3))]
    usual = [(n, v, f["name"]) for n, v, f in summarise(Standing(tuple(models)))]
    for other in (moved(models, 720.0), moved(models, -720.0), moved(models, times=1000.0), models[::-1]):
        assert [(n, v, f["name"]) for n, v, f in summarise(Standing(tuple(other)))] == usual

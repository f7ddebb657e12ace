"""Rules over scores: one test proves all of the registry; what they read is what the scores keep."""

import json
import re
import string

import numpy as np
import pytest
from madescores import facts, kept, made_of, scored, tell, verdict_of

from latente.analysis.conclusions.claims import Claim, Finding
from latente.analysis.conclusions.registry import rules
from latente.analysis.conclusions.score_rules import claims_of_scores, unanimous
from latente.evaluation.evaluate import Metric
from latente.evaluation.metrics.anomaly import auroc, auroc_difference
from latente.evaluation.metrics.intervals import Estimate, minus
from latente.evaluation.scores import Measured, scores
from latente.language.words import LANGUAGES, Words
from latente.report.conclusions import as_rows, lines, render_score, worded

WORDS = {language: Words(language) for language in LANGUAGES}
RNG = np.random.default_rng(0)
RULES = {r.name: r for r in rules.values() if r.about in scores}
EVERY = pytest.mark.parametrize("rule", RULES.values(), ids=lambda r: r.name)


@EVERY
def test_every_rule_holds_and_fails_on_made_up_numbers(rule):
    assert rule.judge(rule.holds) == "holds" and rule.judge(rule.fails) == "fails"
    assert set(rule.holds) == set(rule.fails)
    # An interval that reaches everywhere decides nothing; a count has none.
    wide = {k: Estimate(v.value, -1e9, 1e9) if isinstance(v, Estimate) else v for k, v in rule.holds.items()}
    if wide != rule.holds:
        assert rule.judge(wide) == "unknown"
    assert rule.about in scores and rule.judge.__doc__


@EVERY
def test_every_rule_has_its_words_in_both_languages_and_they_fill(rule):
    for words in WORDS.values():
        for read in (rule.holds, rule.fails):
            made = Claim(rule.name, "holds", (("", {"seed": 0, **read}),), {"model": "m", **read})
            claim = worded(made, f"rule.{rule.name}", words)
            assert (
                claim.text.startswith(f"{read.get('model', 'm')}: ")
                and claim.text.endswith(".")
                and len(claim.evidence) == 1
            )
            assert not re.search(r"[{}]|\bnan\b", claim.text + claim.evidence[0])
        assert f"rule.title.{rule.about}" in words.templates
    for part in ("text", "evidence"):
        fields = {language: _fields(w.templates[f"rule.{rule.name}.{part}"]) for language, w in WORDS.items()}
        assert fields["en"] == fields["pt"]


def _fields(template):
    return sorted((f, s) for _, f, s, _ in string.Formatter().parse(template) if f)


def test_every_rule_reads_what_its_score_keeps():
    measured = kept()
    told = tell(scored("a", 0, measured) + scored("b", 0, measured))
    assert {(c.key, c.values["model"]) for _, c in told if not rules[c.key].several} == {
        (r.name, m) for r in RULES.values() if not r.several for m in "ab"
    }
    assert {c.key for _, c in told} == set(RULES)
    for score, one in told:
        assert set(facts(one)) == {"seed", *rules[one.key].holds} and rules[one.key].about == score
        assert json.loads(json.dumps(as_rows([Finding(score, (one,))]), allow_nan=False))[0]["verdict"] == one.verdict
    by_name = {(c.key, c.values["model"]): c for _, c in told}
    arrays = measured["outliers"].arrays
    pairs = [(arrays[f"{k}.inliers"], arrays[f"{k}.outliers"]) for k in ("nll", "regret")]
    assert by_name["prefers-the-wrong-set", "a"].verdict == "holds"
    assert facts(by_name["prefers-the-wrong-set", "a"])["auroc"] == auroc(*pairs[0])
    assert facts(by_name["regret-is-better", "a"])["more"] == auroc_difference(*pairs).estimate
    assert facts(by_name["tight", "a"])["samples"] == 500
    assert by_name["unused", "a"].verdict == "holds" and facts(by_name["unused", "a"])["unused"] == 1
    # Equal distances: neither model's samples are nearer.
    assert by_name["nearest", "a"].verdict == "unknown" and ("nearest", "b") not in by_name


def test_what_is_not_there_is_not_told():
    bare = {k: Measured({}) for k in kept()}
    assert tell(scored("a", 0, bare)) == [] == tell([]) == tell(scored("a", 0, {"mean-mse": Measured({})}))
    other = kept()
    other["generation_samples500"] = Measured(
        other["generation_samples500"].values, {"classifier": np.zeros(32, np.uint8), "counts": np.array([500, 500, 5])}
    )
    # Two classifiers are two scales.
    assert "nearest" not in {c.key for _, c in tell(scored("a", 0, kept()) + scored("b", 0, other))}


def test_seeds_must_agree():
    first, second = kept(), kept()
    column = "copies_samples500"
    second["generation_samples500"] = Measured(
        second["generation_samples500"].values | {column: Metric(0.9, 0.01)}, second["generation_samples500"].arrays
    )
    told = {c.key: c for _, c in tell(scored("a", 3, first) + scored("a", 4, second))}
    memorised = told["memorised"]
    assert memorised.verdict == "unknown" and [facts(memorised, i)["seed"] for i in (0, 1)] == [3, 4]
    said = worded(memorised, "rule.memorised", WORDS["pt"])
    assert [e[:10] for e in said.evidence] == ["Semente 3:", "Semente 4:"]
    assert unanimous(["holds", "holds"]) == "holds" and unanimous(["fails", "holds"]) == "unknown"


def test_neither_the_order_of_models_nor_of_seeds_nor_units_move_a_verdict():
    base, other = kept(), kept()
    runs = [("a", 0, base), ("a", 1, other), ("b", 0, other), ("b", 1, base)]
    verdicts = lambda order: sorted(  # noqa: E731
        (c.key, c.values["model"], c.verdict) for _, c in tell([f for r in order for f in scored(*r)])
    )
    assert verdicts(runs) == verdicts(runs[::-1]) == verdicts([runs[i] for i in (2, 0, 3, 1)])
    # Distances in features of another scale: only their ratios mean anything.
    column = "frechet_classifier_distance_samples500"
    for times in (1e-3, 1e3):
        models = {m: made_of(column, [(times * v, times)]) for m, v in (("a", 20.0), ("b", 30.0))}
        assert verdict_of("nearest", models) == "holds"


def test_the_sentences_stand_by_score_and_on_lines():
    told = claims_of_scores(scored("a", 0, kept()))
    shown = {f.id: f for f in (render_score(one, WORDS["en"]) for one in told)}
    assert set(shown) == {f"rule-{r.about}" for r in RULES.values()}
    outliers = shown["rule-outliers"]
    assert outliers.claims[0].text == "a: the model finds clothes likelier than its own data."
    holds = WORDS["pt"]("findings.verdict.holds")
    assert any(line.startswith(f"LT504 [{holds}] a: o modelo acha clothes") for line in lines(told, WORDS["pt"]))


def test_independent_differences_add_their_errors():
    found = minus(Estimate(5, 2, 9), Estimate(1, -3, 4))
    assert (found.value, found.low, found.high) == (4, 4 - np.hypot(3, 3), 4 + np.hypot(4, 4))

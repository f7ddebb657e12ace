"""Rules over scores: one test proves all of the registry; what they read is what the scores keep."""

import dataclasses
import json
import re
import string

import numpy as np
import pytest

from latente.analysis.conclusions.claims import Claim, Finding
from latente.analysis.conclusions.score_rules import claims_of_scores, rules, unanimous
from latente.analysis.conclusions.summary import LOSSES
from latente.evaluation.evaluate import Metric
from latente.evaluation.measured import EACH
from latente.evaluation.metrics.anomaly import auroc, auroc_difference
from latente.evaluation.metrics.intervals import Estimate, minus, wilson
from latente.evaluation.scores import Measured, scores
from latente.language.words import LANGUAGES, Words
from latente.report.conclusions import as_rows, lines, render_score, worded

WORDS = {language: Words(language) for language in LANGUAGES}
RNG = np.random.default_rng(0)
RULES = {r.name: r for r in rules.values() if r.about != LOSSES}
EVERY = pytest.mark.parametrize("rule", RULES.values(), ids=lambda r: r.name)


def scored(model, seed, measured):
    """What a run has, by the key of each score."""
    return [(model, seed, dataclasses.replace(m, key=k, name=k.partition("_")[0])) for k, m in measured.items()]


def tell(runs):
    """Every claim, with the score that it is about."""
    return [(f.id, c) for f in claims_of_scores(runs) for c in f.claims]


def facts(claim, at=0):
    return claim.evidence[at][1]


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


def test_no_words_are_left_over():
    known = {f"rule.{name}.{part}" for name in RULES for part in ("text", "evidence")}
    known |= {f"rule.title.{r.about}" for r in RULES.values()} | {"rule.seed", "rule.note"}
    known |= {"rule.note_one_seed", "rule.note_seeds"}
    for words in WORDS.values():
        assert {k for k in words.templates if k.startswith("rule.")} == known


def _fields(template):
    return sorted((f, s) for _, f, s, _ in string.Formatter().parse(template) if f)


def kept():
    """What each score with rules keeps, made up, under the columns that it says it has."""
    found = {}
    for name in {r.about for r in RULES.values()}:
        score = scores.make({"name": name, "samples": 500} if name in ("nll", "generation") else name)
        found[score.key()] = Measured({c: Metric(0.5, 0.01) for c in score.columns()})
    means = {"nll.inliers": 1, "nll.outliers": 0, "regret.inliers": 0, "regret.outliers": 3}
    anomalies = {name: RNG.normal(mean, 1, 50) for name, mean in means.items()}
    arrays = {
        "nll_500": {EACH + "nll_500_ess": np.full(10, 100.0), "tail": np.full(10, 0.2)},
        "collapse": {
            "variance_of_means": np.array([1.0, 0.9, 1e-4]),
            "variance_error": np.array([0.1, 0.1, 1e-5]),
            "threshold": np.array(0.01),
            "mmd_of_wider": np.array(0.02),
        },
        "disentanglement": {
            "gaps": np.array([0.9, 0.8]),
            "gap_errors": np.array([0.01, 0.02]),
            "information": np.eye(3)[:, :2],
        },
        "ais_500_of_100": {"index": np.arange(100)},
        "psis_1000": {f"{EACH}psis_1000_heavy": np.arange(100) < 40},
        "generation_samples500": {"classifier": np.arange(32, dtype=np.uint8), "counts": np.array([500, 500, 5])},
        "representation": {EACH + "probe": np.arange(100) < 90, EACH + "probe_pca": np.arange(100) < 80},
        "outliers": anomalies | {"against": np.frombuffer(b"clothes", np.uint8)},
    }
    assert set(arrays) <= set(found), set(found)
    return {k: Measured(m.values, arrays.get(k, {})) for k, m in found.items()}


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
    own = facts(by_name["better-than-pca", "a"])["more"]
    # Paired: ten examples in a hundred that only one of both is right on (Bonett and Price's 11 and 1 of 102).
    half = 1.96 * np.sqrt((12 / 102 - (10 / 102) ** 2) / 102)
    assert own.value == pytest.approx(10) and own.high - own.low == pytest.approx(200 * half, rel=1e-3)
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


def made_of(column, values, name="generation_samples500", arrays=None):
    """As `kept`, of one score with one column's value and error, for each seed."""
    found = []
    for value, error in values:
        one = kept()[name]
        changed = one.values | {column: Metric(value, error)} if column else one.values
        found.append({name: Measured(changed, {**one.arrays, **(arrays or {})})})
    return found


def verdict_of(name, models):
    """A rule's verdict on models of several seeds each: {name: [measured of a seed]}."""
    found = [f for model, seeds in models.items() for i, one in enumerate(seeds) for f in scored(model, i, one)]
    told = [c for _, c in tell(found) if c.key == name]
    return told[0].verdict if told else None


def test_nearer_than_every_other_counts_all_seeds_and_all_models():
    column = "frechet_classifier_distance_samples500"
    one = {m: made_of(column, [(v, 1.0)]) for m, v in (("a", 20.0), ("b", 30.0))}
    assert verdict_of("nearest", one) == "holds"
    # The first seeds say so, all of them do not.
    seeds = {"a": made_of(column, [(20.0, 1.0), (40.0, 1.0), (31.0, 1.0)]), "b": made_of(column, [(30.0, 1.0)] * 3)}
    assert verdict_of("nearest", seeds) == "unknown"
    # The next by its mean is clear, a third is so unsure that it may be nearer still.
    assert verdict_of("nearest", one | {"c": made_of(column, [(35.0, 12.0)])}) == "unknown"
    assert verdict_of("nearest", dict(reversed(one.items()))) == "holds"
    turned = {m: s[::-1] for m, s in seeds.items()}
    assert verdict_of("nearest", turned) == verdict_of("nearest", seeds)


@pytest.mark.parametrize(
    ("gaps", "owners", "verdict"),
    [
        ((1, 1, 0.99, 0.9, 0.8), (0, 1, 2, 3, 4), "holds"),
        ((1, 1, 0.99, 0.001, 0.001), (0, 1, 2, 3, 4), "fails"),  # their mean is 0.6
        ((1, 1, 0.99, 0.9, 0.51), (0, 1, 2, 3, 4), "unknown"),
        ((1, 1, 0.99, 0.9, 0.8), (0, 1, 2, 3, 3), "fails"),
    ],
)
def test_each_factor_is_asked_for_its_own_latent(gaps, owners, verdict):
    information = np.zeros((5, 5))
    information[owners, range(5)] = 1
    arrays = {"gaps": np.array(gaps), "gap_errors": np.full(5, 0.02), "information": information}
    assert verdict_of("apart", {"a": made_of("mig", [(np.mean(gaps), 0.01)], "disentanglement", arrays)}) == verdict


@pytest.mark.parametrize(("distance", "verdict"), [(0.0005, "fails"), (0.02, "unknown"), (0.05, "holds")])
def test_a_difference_from_the_prior_must_have_a_size(distance, verdict):
    # Five thousand codes that are 3% too wide: sure, and small.
    made = made_of("aggregate-mmd", [(distance, distance / 5)], "collapse")
    assert verdict_of("holes", {"a": made}) == verdict


def test_a_bound_is_tight_only_where_the_tail_is_seen_to_be_light():
    def tight(tail, gain=0.038):
        arrays = {EACH + "nll_500_ess": np.full(200, 7.7), "tail": tail}
        return verdict_of("tight", {"a": made_of("nll_500_gain", [(gain, 0.001)], "nll_500", arrays)})

    assert tight(np.full(200, 0.2)) == "holds" and tight(np.full(200, 0.2), gain=0.2) == "fails"
    # The posterior ten times too narrow: gain and effective size look well, and the bound is 1.13 nats loose.
    assert tight(np.r_[np.full(170, 0.9), np.full(30, 0.5)]) == "fails"
    assert tight(np.r_[np.full(18, 0.9), np.full(182, 0.2)]) == "unknown"


def test_shares_of_copies_have_an_interval_at_zero_too():
    arrays = kept()["generation_samples500"].arrays
    made = made_of("copies_held_out_samples500", [(0.0, 0.0)])[0]["generation_samples500"]
    values = made.values | {"copies_samples500": Metric(0.0, 0.0)}
    found = tell(scored("a", 0, {"generation_samples500": Measured(values, arrays)}))
    (told,) = [c for _, c in found if c.key == "memorised"]
    more = facts(told)["more"]
    assert more.low < 0 < more.high and more.low >= -1 and told.verdict == "fails"
    assert wilson(0.0, 500).high == pytest.approx(more.high)


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
    assert any(line.startswith(f"[{holds}] a: o modelo acha clothes") for line in lines(told, WORDS["pt"]))


def test_independent_differences_add_their_errors():
    found = minus(Estimate(5, 2, 9), Estimate(1, -3, 4))
    assert (found.value, found.low, found.high) == (4, 4 - np.hypot(3, 3), 4 + np.hypot(4, 4))

"""The sentences of a report's summary: each holds and fails on made-up numbers, and reads the right ones."""

import re
import string

import pytest

from latente.evaluation.findings.claims import say
from latente.evaluation.findings.measures import Estimate
from latente.evaluation.findings.summary import Losses, Standing, summarise, summary
from latente.interfaces.words import LANGUAGES, Words


def about(value, half=0.5):
    return Estimate(value, value - half, value + half)


@pytest.mark.parametrize("rule", summary.values(), ids=lambda r: r.name)
def test_every_sentence_holds_fails_and_has_its_words(rule):
    assert rule.judge(rule.holds) == "holds" and rule.judge(rule.fails) == "fails"
    assert set(rule.holds) == set(rule.fails)
    wide = {k: Estimate(v.value, -1e9, 1e9) if isinstance(v, Estimate) else v for k, v in rule.holds.items()}
    assert rule.judge(wide) == "unknown"
    units = ("_image", "_example") if rule.name in ("loss", "reconstruction") else ("",)
    for unit in units:
        fields = set()
        for language in LANGUAGES:
            words = Words(language)
            template = words.templates[f"report.summary.{rule.name}{unit}"]
            fields.add(tuple(sorted((f, s) for _, f, s, _ in string.Formatter().parse(template) if f)))
            text = words(f"report.summary.{rule.name}{unit}", **say("", **rule.holds)[1])
            assert text.endswith(".") and not re.search(r"[{}]", text)
        assert len(fields) == 1


def test_no_words_are_left_over():
    for language in LANGUAGES:
        found = {k.split(".")[2] for k in Words(language).templates if k.startswith("report.summary.")}
        assert {n.removesuffix("_image").removesuffix("_example") for n in found} == set(summary)


VAE = Losses("vae", 8, about(110), about(105), about(90), True)
BETTER = Losses("better", 16, about(100), about(99), about(85), True)
AE = Losses("ae", 8, about(70), about(69), about(70), False)


def test_what_is_read():
    told = {
        name: (verdict, facts) for name, verdict, facts in summarise(Standing((VAE, BETTER, AE), True, ((VAE, AE),)))
    }
    # An autoencoder's loss is the reconstruction alone: it is no bound, and not among them.
    verdict, facts = told["loss"]
    assert verdict == "holds" and (facts["name"], facts["second"]) == ("better", "vae")
    assert facts["behind"].value == 10 and facts["behind"].high - 10 == pytest.approx(0.5**0.5)
    assert facts["error"] == pytest.approx(0.5 / 1.96, rel=1e-4)
    assert told["reconstruction"][1]["name"] == "ae" and told["reconstruction"][1]["second"] == "better"
    assert told["gap"][1]["name"] == "vae" and told["gap"][1]["percent"] == pytest.approx(500 / 105)
    assert told["pair"][0] == "holds" and told["pair"][1]["less"].value == -20
    assert "gap_plain" not in told


def test_what_is_not_said():
    names = [name for name, _, _ in summarise(Standing((VAE, BETTER, AE), False))]
    assert names == ["gap"]
    assert [n for n, _, _ in summarise(Standing((VAE, AE), True))] == ["reconstruction", "gap"]
    density = Losses("density", 2, about(-100), about(-110), about(-120), True)
    assert [n for n, _, _ in summarise(Standing((density,), True))] == ["gap_plain"]
    near = Losses("near", 8, about(100.2), about(99), about(85), True)
    assert {n: v for n, v, _ in summarise(Standing((BETTER, near), True))} == {
        "loss": "unknown", "reconstruction": "unknown", "gap": "holds"
    }  # fmt: skip
    bare = Losses("bare", 2, None, None, None, True)
    assert summarise(Standing((bare, bare), True, ((bare, bare),))) == []

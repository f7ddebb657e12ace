"""The registry of rules: codes, words of every rule, patterns, and rules of one's own."""

import re
import string
from pathlib import Path
from types import SimpleNamespace

import pytest

import latente
from latente.analysis.conclusions import registry
from latente.analysis.conclusions.claims import above
from latente.analysis.conclusions.made_up import GOOD, TURNED
from latente.analysis.conclusions.registry import NOTEBOOK, STUDY, rules
from latente.errors import SpecError
from latente.evaluation.metrics.intervals import Estimate
from latente.language.words import LANGUAGES, Words
from latente.report.conclusions import every_rule, worded_rule

WORDS = {language: Words(language) for language in LANGUAGES}
CODES = Path(__file__).parent / "codes.txt"
EVERY = pytest.mark.parametrize("rule", list(every_rule().values()), ids=lambda r: r.code)


def test_codes_are_never_used_twice_nor_for_another_rule():
    """The list is committed: a code that is in it stays what it is, and one that went out of use is marked retired."""
    listed = [line.split() for line in CODES.read_text().splitlines()]
    assert len({code for code, *_ in listed}) == len(listed) == len({name for _, name, *_ in listed})
    used = {code: name for code, name, *retired in listed if not retired}
    assert used == {r.code: r.name for r in rules.values()}
    assert all(retired == ["retired"] for _, _, *retired in listed if retired)


@EVERY
def test_every_rule_holds_and_fails_on_made_up_numbers(rule):
    assert rule.verdict(rule.holds) == "holds" and rule.verdict(rule.fails) == "fails"
    assert re.fullmatch(r"LT[0-59]\d\d", rule.code) and rule.family and rule.description
    assert rule.severity in registry.SEVERITIES and rule.found in ("holds", "fails")


@EVERY
def test_every_rule_has_its_words_in_both_languages_with_the_same_numbers(rule):
    parts = ("title", "quote") if rule.about == NOTEBOOK else ("text", "evidence")
    for part in (*parts, "do", "limits"):
        templates = [w.templates[f"{rule.key}.{part}"] for w in WORDS.values()]
        first, second = (sorted((f, s) for _, f, s, _ in string.Formatter().parse(t) if f) for t in templates)
        assert first == second and (part == "title" or all(t.endswith(".") for t in templates))
    if rule.about != NOTEBOOK:
        for words in WORDS.values():
            for reading in (rule.holds, rule.fails):
                (claim,) = rule.claims_of({"model": "m", **reading})
                said = worded_rule(claim, words)
                assert not re.search(r"[{}]|\bnan\b", " ".join((said.text, *said.evidence)))
                assert said.code == rule.code and said.matters == (claim.verdict == rule.found)


def test_no_words_are_left_over():
    plain = [r for r in rules.values() if r.about != NOTEBOOK]
    known = {f"rule.{r.name}.{part}" for r in plain for part in ("text", "evidence", "do", "limits")}
    known |= {f"rule.title.{r.about}" for r in plain if r.about not in registry.SUBJECTS}
    known |= {"rule.seed", "rule.note", "rule.note_one_seed", "rule.note_seeds"}
    for words in WORDS.values():
        assert {k for k in words.templates if k.startswith("rule.")} == known


def test_the_notebooks_made_up_study_turns_one_conclusion_at_a_time():
    assert set(TURNED) == {r.name for r in registry.about(NOTEBOOK)}
    assert all(r.verdict(GOOD) == "holds" for r in registry.about(NOTEBOOK))


def test_patterns_mean_codes_families_and_severities():
    assert registry.codes(["LT201"]) == {"LT201"}
    assert registry.codes(["LT20x", "LT301"]) == {c for c in registry.codes(["LTxxx"]) if c[:4] == "LT20"} | {"LT301"}
    assert registry.codes(["error"], severities=True) < registry.codes(["warning"], severities=True)
    assert registry.codes(["info"], severities=True) == {r.code for r in rules.values()} == registry.codes(["LTxxx"])
    for wrong in ("LT999", "lt201", "warning", "LT2", "LT[0-9]xx", ""):
        with pytest.raises(SpecError, match=r'^unknown finding "' + re.escape(wrong)):
            registry.codes([wrong])
    with pytest.raises(SpecError, match=r'did you mean "LT2xx"\?'):
        registry.codes(["LT2XX"])


@pytest.fixture
def alone(monkeypatch):
    monkeypatch.setattr(registry, "rules", dict(rules))
    return registry.rules


TEXTS = {"text": "{model}: fine.", "evidence": "{x:.1f} ({x_low:.1f} to {x_high:.1f}).", "do": "Nothing."}


def test_a_rule_of_ones_own_is_told(alone, monkeypatch):
    @latente.rule("MY101", "study", **TEXTS)
    def my_own(models):
        """Every model is fine."""
        return [(above(Estimate(v, v - 1, v + 1), 5), {"x": Estimate(v, v - 1, v + 1), "model": n}) for n, v in models]

    monkeypatch.setattr("latente.report.conclusions.rules", alone)
    made = alone["my-own"]
    assert (made.code, made.family, made.severity, made.description) == (
        "MY101",
        "own",
        "warning",
        "Every model is fine.",
    )
    # A rule of one's own takes the models, those of latente what is measured of them too.
    claims = made.claims(SimpleNamespace(trained=[("a", 9.0), ("b", 1.0)]))
    assert [c.verdict for c in claims] == ["holds", "fails"]
    said = [worded_rule(c, WORDS["pt"]) for c in claims]
    assert [(s.text, s.evidence, s.matters) for s in said] == [
        ("a: fine.", ("9,0 (8,0 to 10,0).",), False), ("b: fine.", ("1,0 (0,0 to 2,0).",), True),
    ]  # fmt: skip
    assert registry.codes(["MYxxx"]) == {"MY101"} and made.claims([]) == []
    (one,) = [r for r in registry.about(STUDY) if r.code == "MY101"]
    assert one is made


@pytest.mark.parametrize(
    ("code", "subject", "more", "message"),
    [
        ("LT777", "run", {},
         "rule LT777: no code for a rule of one's own; allowed: two to eight capital letters, but for LT at "
         "their head, and three digits, for instance MY101"),
        ("my1", "run", {}, "rule my1: no code for a rule of one's own"),
        ("MY101", "runs", {}, 'rule MY101: unknown subject "runs"; did you mean "run"?'),
        ("MY101", "run", {"severity": "bad"}, 'rule MY101: unknown severity "bad"'),
        ("MY101", "run", {"found": "unknown"}, 'rule MY101: unknown verdict "unknown"'),
        ("MY101", "run", {"do": {"en": "Nothing."}},
         'rule MY101: do is no text; allowed: "…", or {"en": "…", "pt": "…"}'),
    ],
)  # fmt: skip
def test_what_cannot_be_a_rule_is_refused_in_one_line(alone, code, subject, more, message):
    with pytest.raises(SpecError) as caught:
        latente.rule(code, subject, **{**TEXTS, **more})
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_what_exists_is_refused(alone):
    def unused(run):
        return None

    with pytest.raises(SpecError, match=r'^rule "unused": exists already \(LT201 of latente.report.scores.collapse\)'):
        latente.rule("MY102", "run", **TEXTS)(unused)
    latente.rule("MY102", "run", **TEXTS)(lambda run: None)
    with pytest.raises(SpecError, match=r"^rule MY102: exists already \(MY102 of .*test_registry\)"):
        latente.rule("MY102", "run", **TEXTS)(test_what_exists_is_refused)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda run: 1 / 0, "rule MY103: ZeroDivisionError in its function: division by zero"),
        (lambda run: "holds", "rule MY103: its function gave 'holds'; allowed: None, or a verdict"),
        (lambda run: ("yes", {}), "rule MY103: its function gave ('yes', {}); allowed"),
        (lambda run: ("holds", {"x": [1]}), "rule MY103: x is [1]; allowed: a number, text or an Estimate"),
    ],
)
def test_what_a_function_gives_wrongly_is_one_line(alone, given, message):
    latente.rule("MY103", "run", **TEXTS)(given)
    with pytest.raises(SpecError) as caught:
        next(r for r in alone.values() if r.code == "MY103").read(None)
    assert str(caught.value).startswith(message)

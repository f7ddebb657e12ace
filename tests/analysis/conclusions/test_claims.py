"""Verdicts of intervals, of several claims and of findings."""

from dataclasses import replace

from madeevidence import GOOD, UNSURE, about, matched

from latente.analysis.conclusions.claims import (
    above,
    agreed,
    all_of,
    below,
    every,
    points,
    within,
)
from latente.analysis.conclusions.notebook import find
from latente.evaluation.metrics.intervals import Estimate


def test_a_finding_fails_with_one_claim_and_is_unknown_with_one():
    by_id = {f.id: f.verdict for f in find(matched(score_percent=about(-14)))}
    assert by_id["autoencoder"] == "fails" and by_id["performance"] == "holds"
    assert {f.id: f.verdict for f in find(replace(GOOD, bits=None))}["next_steps"] == "unknown"


def test_each_of_several():
    sure, outside, maybe = about(1), Estimate(-1.0, -1.9, -0.1), UNSURE
    judge = lambda e, n: above(e, 0, n)  # noqa: E731
    assert every(judge, [sure, sure]) == "holds" and every(judge, [sure, maybe]) == "unknown"
    assert every(judge, [sure, outside]) == "unknown" and every(judge, [outside]) == "fails"
    assert every(judge, []) == "unknown"


def test_verdicts_of_intervals():
    assert [above(about(x), 0) for x in (1, -1, 0)] == ["holds", "fails", "unknown"]
    assert [below(about(x), 0) for x in (-1, 1, 0)] == ["holds", "fails", "unknown"]
    assert [within(about(x), 0, 1) for x in (0.5, 2, -1, 1)] == ["holds", "fails", "fails", "unknown"]
    # A number without spread that is just zero is neither above nor below.
    assert above(Estimate(0, 0, 0), 0) == below(Estimate(0, 0, 0), 0) == "fails"
    assert above(None, 0) == below(None, 0) == within(None, 0, 1) == all_of([]) == "unknown"
    assert all_of(["holds", "unknown"]) == "unknown" and all_of(["unknown", "fails"]) == "fails"
    assert agreed("holds", "fails") == "unknown" and agreed("unknown", "fails") == "fails"
    assert points(None) is None and points(Estimate(0.1, 0.0, 0.2)) == Estimate(10, 0, 20)

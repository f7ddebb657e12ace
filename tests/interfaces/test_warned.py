"""Warnings of scores, as the evaluation says them, in both languages."""

import numpy as np
import pytest

import latente
from latente.evaluation.bounds import Bound
from latente.evaluation.metrics.anomaly import detect
from latente.evaluation.outliers.per_example import KINDS
from latente.evaluation.scores import outliers
from latente.interfaces.scoring import score_tables
from latente.interfaces.warned import PREFIX, _patterns, in_language, warnings_of
from latente.interfaces.words import Words

EN, PT = Words("en"), Words("pt")


def said():
    """Every warning that a score can give."""
    few = np.full(20, 1.25)
    yield Bound(np.ones(20), few, np.full(20, 1.75), 4).warning()
    yield Bound(np.ones(20), few, np.full(20, np.inf), 1).warning()
    reversed_ = detect(np.arange(30.0) + 20, np.arange(30.0))
    yield from (outliers.warning_of(kind, reversed_, "noise") for kind in KINDS)
    yield from (outliers.TOLD, "against noise")


def test_every_warning_has_its_template_in_both_languages():
    matched = set()
    for warning in said():
        assert in_language(warning, EN) == warning != in_language(warning, PT)
        matched |= {key for key, pattern in _patterns() if pattern.fullmatch(warning)}
    keys = {k for k in EN.templates if k.startswith(PREFIX)}
    assert matched == keys == {k for k in PT.templates if k.startswith(PREFIX)}
    assert "sorteios efetivos" in in_language(next(said()), PT) and "em 0,75 nats" in in_language(next(said()), PT)
    assert in_language("said by nobody", PT) == "said by nobody"


def test_a_small_k_is_told_on_the_terminal_and_for_the_report(tiny):
    run = latente.fit(latente.VAE(2, hidden=(8,)), tiny, epochs=1, name="small")
    assert warnings_of([run], EN) == []
    run.score({"name": "nll", "samples": 2}, "validation")
    (told,) = warnings_of([run], EN)
    assert told.startswith("small, nll_2 (validation): K = 2 is too small for a tight bound")
    (table, below) = score_tables([("here", run)], [score("nll", 2)], "validation", "pt")
    assert "nll_2_ess" in table and below.startswith("here: K = 2 é pequeno demais")
    ess = run.metrics["validation"]["nll_2_ess"]
    assert 1 <= ess.value <= 2 and ess.value == pytest.approx(
        run.measured["validation"]["nll_2"].arrays["ess"].mean(), rel=1e-6
    )


def score(name, samples):
    from latente.evaluation.scores import scores

    return scores.make({"name": name, "samples": samples})

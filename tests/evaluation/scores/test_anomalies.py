"""The share of examples that are flagged, and the most unusual of them explained."""

import numpy as np
import pytest

import latente
from latente.evaluation.held_out import held_out
from latente.evaluation.scores import scores


@pytest.mark.slow
def test_numbers_are_those_of_their_definitions(vae, tiny):
    found, known = vae.score("anomalies"), held_out(vae)
    explained = vae.explain(tiny.test.x, usual=known.usual)
    score = explained.excess.sum(axis=(1, 2))
    assert found.array("scores") == pytest.approx(score, abs=1e-3)
    p = [(1 + (known.scores >= s).sum()) / (len(known.scores) + 1) for s in found.array("scores")]
    assert found.array("p") == pytest.approx(p)
    assert found.value("flagged") == np.mean(np.array(p) <= 0.05)
    above = (found.array("scores")[:, None] > known.scores).mean()
    assert found.value("above") == pytest.approx(above, abs=1e-9)
    # Drawn alike, they are flagged about as often as is said.
    assert abs(found.value("flagged") - 0.05) < 3 * found.values["anomalies_flagged"].standard_error
    top = found.array("rows")
    assert top.tolist() == np.argsort(-found.array("scores"), kind="stable")[:6].tolist()
    assert found.array("excess") == pytest.approx(explained.excess[top], abs=1e-4)


@pytest.mark.slow
def test_the_validation_part_is_held_against_its_other_half(vae, tiny):
    found = vae.score({"name": "anomalies", "examples": 40}, "validation")
    assert found.key == "anomalies_examples40" and len(found.array("p")) == len(found.array("held_out")) == 20
    assert (found.array("rows") < len(tiny.validation)).all()


def test_options():
    assert scores.make({"name": "anomalies", "examples": 50}).columns().keys() == {
        "anomalies_examples50_flagged",
        "anomalies_examples50_above",
    }
    with pytest.raises(latente.SpecError, match="whole number of at least 2"):
        scores.make({"name": "anomalies", "examples": 1})

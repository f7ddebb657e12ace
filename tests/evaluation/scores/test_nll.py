"""The importance-weighted bound as a score: on what scale it compares, and that it falls with K."""

import pytest
from made import untrained
from madebare import SCALES

from latente.evaluation.scores import scores


@pytest.fixture(scope="module")
def runs(tiny):
    """With random weights: more codes tighten the bound of any model."""
    return {n: untrained(tiny, s, n) for n, s in SCALES.items()}


@pytest.mark.slow
def test_an_nll_compares_on_its_scale_only_and_says_its_k(runs):
    nll = scores.make({"name": "nll", "samples": 20})
    assert nll.key() == "nll_20"
    scales = {n: nll.scale(r) for n, r in runs.items()}
    assert scales["bits"] == scales["more-bits"] == "bits, drawn once"
    assert scales["grey"] == "BCE score of grey values"
    assert scales["told"] == "BCE score of grey values, given the label or columns"
    assert scales["density"] == "density of values" and scales["point"] is None
    # Summed over its labels it is a bound on log p(x) like any other.
    assert scales["classes"] == "BCE score of grey values"
    # More codes, a tighter bound; and the same again without looking.
    loose, tight = (runs["bits"].score({"name": "nll", "samples": k}).values[f"nll_{k}"] for k in (1, 20))
    assert tight.value < loose.value and 0 < tight.standard_error < 1
    assert runs["bits"].score(nll).values["nll_20"] is runs["bits"].metrics["test"]["nll_20"]
    assert runs["point"].score(nll) is None and "needs a density of codes" in nll.unsupported(runs["point"])

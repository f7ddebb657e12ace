"""The score of annealing: which examples it takes, what it warns of, and of which models it is."""

import numpy as np
import pytest
from made import untrained

import latente
from latente.evaluation.likelihood.annealing import Annealed, Sandwich
from latente.evaluation.scores import ais as module
from latente.evaluation.scores import scores
from latente.evaluation.scores.ais import warnings
from latente.objective.presets import AE, preset


@pytest.mark.slow
def test_the_score_takes_a_fixed_subset_and_warns_of_what_is_loose(tiny):
    run = latente.fit(latente.VAE(2, hidden=(8,)), tiny, epochs=3)
    found = run.score({"name": "ais", "images": 12, "steps": 20, "chains": 4, "samples": 200}, "validation")
    key = "ais_20_of_12"
    assert set(found.values) == {key, *(f"{key}_{c}" for c in ("iwae_excess", "bdmc_gap", "ess", "acceptance"))}
    assert len(found.arrays["index"]) == 12
    nll, excess = found.arrays["nll"], found.values[f"{key}_iwae_excess"].value
    assert nll.mean() - found.values[key].value == pytest.approx(excess, abs=1e-6)
    assert found.values[f"{key}_bdmc_gap"].value == pytest.approx(
        (found.arrays["upper"] - found.arrays["lower"]).mean(), abs=1e-6
    )
    assert found.arrays["index"].tolist() == np.sort(np.random.default_rng(0).permutation(48)[:12]).tolist()
    tight, loose = np.full(20, 0.1), np.full(20, 2.0)
    assert warnings(tight, tight, 10, 10) == ()
    assert "K = 10 is 2.0 nats looser" in warnings(loose, tight, 10, 10)[0]
    assert "2.0 nats apart" in warnings(tight, loose, 10, 10)[0]


@pytest.mark.slow
def test_a_model_whose_encoder_gives_points_has_a_likelihood_too(tiny, monkeypatch):
    run = untrained(tiny, preset("WAE", 2, hidden=(8,)), "wae")
    score = scores.make({"name": "ais", "images": 3, "steps": 7})
    assert scores.make("nll").unsupported(run) and score.unsupported(run) is None
    assert score.unsupported(untrained(tiny, AE(2, hidden=(8,)), "ae"))
    seen, ones = [], np.ones(3)

    def annealed(model, scale, examples, **how):
        seen.append((len(examples), how["steps"], how["start"]))
        return Annealed(2 * ones, ones, ones, 16, 7)

    monkeypatch.setattr(module, "ais", annealed)
    monkeypatch.setattr(module, "bdmc", lambda model, n, **how: Sandwich(-2 * ones, -1.9 * ones, ones))
    found = score.measure(run, "validation")
    assert seen == [(3, 7, "prior")] and "ais_7_of_3_iwae_excess" not in found.values
    assert found.values["ais_7_of_3"].value == 2 and found.values["ais_7_of_3_bdmc_gap"].value == pytest.approx(0.1)

"""Reasons and scales of the scores of likelihoods have words; when a bound is said to be tight."""

import dataclasses

import numpy as np
from made import untrained
from madescores import made_of, verdict_of

import latente
from latente.evaluation.measured import EACH
from latente.evaluation.scores import scores
from latente.language.message import phrase
from latente.language.words import Words

EN, PT = Words("en"), Words("pt")


def test_reasons_and_scales_have_their_words_in_both_languages(tiny):
    def reason(name, spec, **options):
        return scores.make({"name": name, **options}).unsupported(untrained(tiny, spec, "run"))

    gaussian = {"name": "gaussian", "sigma": 1.0}
    hard = {"posterior": {"name": "gumbel-softmax", "hard": False}, "prior": "uniform-categorical"}
    small = latente.VAE(2, hidden=(4,))
    said = [
        reason("nll", latente.AE(2, hidden=(4,))),
        reason("nll", dataclasses.replace(small, **hard)),
        reason("exact-nll", latente.VAE(2, hidden=(4,), prior="gaussian-mixture")),
        reason("exact-nll", small),
        reason("exact-nll", latente.VAE(2, hidden=(4,), likelihood=gaussian)),
        reason("ais", latente.preset("M2", 2, hidden=(4,))),
        reason("ais", latente.AE(2, hidden=(4,))),
        reason("ais", latente.preset("HypersphericalVAE", 3, hidden=(4,))),
        reason("ais", latente.VAE(2, hidden=(4,), posterior="flow"), start="posterior"),
        reason("elbo-split", latente.preset("M2", 2, hidden=(4,))),
        reason("elbo-split", latente.VAE(2, hidden=(4,), posterior="flow")),
        reason("collapse", latente.AE(2, hidden=(4,))),
    ]
    specs = [small, latente.preset("CVAE", 2, hidden=(4,)), latente.VAE(2, hidden=(4,), likelihood=gaussian)]
    specs += [
        latente.VAE(2, hidden=(4,), likelihood={"name": "bernoulli", "binarise": b}) for b in ("static", "dynamic")
    ]
    scales = [scores.make("ais").scale(untrained(tiny, s, "run")) for s in specs]
    scales.append(scores.make("collapse").scale(untrained(tiny, small, "run")))
    for sentence in said + scales:
        assert phrase(sentence, EN) == sentence != phrase(sentence, PT)
    assert phrase(scales[1], PT) == "pontuação BCE de tons de cinza, dados o rótulo ou as colunas, de 100 exemplos"


def test_a_bound_is_tight_only_where_the_tail_is_seen_to_be_light():
    def tight(tail, gain=0.038):
        arrays = {EACH + "nll_500_ess": np.full(200, 7.7), "tail": tail}
        return verdict_of("tight", {"a": made_of("nll_500_gain", [(gain, 0.001)], "nll_500", arrays)})

    assert tight(np.full(200, 0.2)) == "holds" and tight(np.full(200, 0.2), gain=0.2) == "fails"
    # The posterior ten times too narrow: gain and effective size look well, and the bound is 1.13 nats loose.
    assert tight(np.r_[np.full(170, 0.9), np.full(30, 0.5)]) == "fails"
    assert tight(np.r_[np.full(18, 0.9), np.full(182, 0.2)]) == "unknown"

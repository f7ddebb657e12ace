"""Reasons and scales of the scores of likelihoods have words."""

import dataclasses

from made import untrained

import latente
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

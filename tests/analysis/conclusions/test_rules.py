"""The claims that findings share: each limit from both sides, and the numbers and sentences that stand with it."""

from dataclasses import replace

import pytest
from madeevidence import (
    GOOD,
    LARGE,
    LEFT,
    NO_AE,
    NO_LABELS,
    NO_SWEEP,
    NO_VAE,
    PAIR,
    SMALL,
    STEP,
    TABLE,
    UNMATCHED,
    WEIGHTED,
    about,
    main,
    matched,
    sizes,
    step,
    weighted,
)

from latente.analysis.conclusions import rules
from latente.analysis.conclusions.claims import Claim, Finding
from latente.analysis.conclusions.notebook import find
from latente.evaluation.metrics.intervals import Estimate
from latente.language.words import Words
from latente.report.conclusions import render


def names(claim):
    return [name for name, _ in claim.evidence]


def said(finding, claim, language):
    return render(Finding(finding, (claim,)), Words(language)).claims[0].evidence


@pytest.mark.parametrize(
    ("percent", "half", "verdict"),
    [(4.9, 0.05, "holds"), (-4.9, 0.05, "holds"), (5.1, 0.05, "fails"), (-5.1, 0.05, "fails"), (4.9, 0.2, "unknown")],
)
def test_losses_are_close_within_five_percent(percent, half, verdict):
    claim = rules.close(main(loss_percent=about(percent, half)))
    assert claim.verdict == verdict
    ((name, numbers),) = claim.evidence
    assert name == "reported" and (numbers["ae_latents"], numbers["vae_latents"], numbers["limit"]) == (32, 2, 5.0)
    assert (numbers["ae"], numbers["vae"]) == (100.0, 102.0)


def test_pairs_hold_together_and_the_main_pair_counts_where_it_is_asked_for():
    blurred = replace(PAIR, vae_latents=4, ae_latents=4, sharpness=Estimate(-0.1, -0.2, -0.01))
    # Alone it is below zero; as one of two that hold together it is not sure.
    assert rules.sharper_than_vae(replace(GOOD, compared=(blurred,))).verdict == "fails"
    two = rules.sharper_than_vae(replace(GOOD, compared=(PAIR, blurred)))
    assert two.verdict == "unknown" and [numbers["vae_latents"] for _, numbers in two.evidence] == [8, 4]
    assert names(rules.variety(GOOD)) == ["variety_main", "variety"] and names(rules.fair(GOOD)) == ["bce"]
    assert names(rules.variety(UNMATCHED)) == ["variety_main"]


@pytest.mark.parametrize(
    ("new", "spread", "verdict"), [(0.2, 0.8, "holds"), (0.9, 0.3, "holds"), (0.9, 0.8, "fails"), (0.5, 0.8, "unknown")]
)
def test_new_examples_take_recognisable_draws_and_a_variety_of_them(new, spread, verdict):
    pair = {"ae_new": about(new), "ae_spread": about(spread)}
    changed = replace(matched(**pair), main_pair=replace(GOOD.main_pair, **pair))
    assert rules.no_new(changed).verdict == verdict


def test_an_autoencoder_is_sharp_from_eight_tenths_of_the_edges():
    for value, verdict in ((0.82, "holds"), (0.78, "fails"), (0.80, "unknown")):
        assert rules.sharp(main(ae_sharpness=about(value))).verdict == verdict
    assert names(rules.sharp(TABLE)) == ["missing.images"]


def test_what_is_missing_is_named():
    assert names(rules.close(NO_AE)) == ["missing.ae"]
    assert names(rules.close(NO_VAE)) == ["missing.vae"]
    assert names(rules.fair(UNMATCHED)) == ["missing.matched"]
    assert names(rules.falls("reconstruction", NO_SWEEP)) == ["missing.sweep"]
    assert names(rules.recognisable("room", NO_LABELS)) == ["missing.labels"]
    assert names(rules.faster(sizes(replace(SMALL, epochs_to_90=None), LARGE))) == ["missing.epochs"]
    # Models that are left out are named where a model is what is missing, and nowhere else.
    bare = replace(NO_VAE, left_out=LEFT)
    left = ["missing.left_condition", "missing.left_missing", "missing.left_parts"]
    assert names(rules.close(bare)) == ["missing.vae", *left] and names(rules.lacking("x", bare, "labels")) == [
        "missing.labels"
    ]
    assert rules.defined(Claim("x", "holds", ()), 1.0, None) == Claim("x", "unknown", (("missing.numbers", {}),))
    assert rules.defined(Claim("x", "holds", ()), 1.0) == Claim("x", "holds", ())


def test_steps_of_the_sweep_say_both_losses_and_the_change():
    claim = rules.falls("reconstruction", GOOD)
    assert claim.verdict == "holds"
    assert claim.evidence == (
        ("shared.reconstruction", {"first": 2, "second": 32, "before": 151.5, "after": 93.1, "change": about(-58.4)}),
    )
    assert rules.kl_grows("kl", GOOD).evidence[0][1]["before"] == 5.5
    assert rules.higher(GOOD).evidence[0][1]["after"] == 113.2


@pytest.mark.parametrize(
    ("parameters", "operations", "verdict", "rises"),
    [(1100, None, "holds", [10.0]), (1099, 2198, "fails", [9.9, 9.9]), (1000, 2200, "holds", [0.0, 10.0])],
)
def test_the_cost_rises_from_ten_percent_of_parameters_or_operations(parameters, operations, verdict, rises):
    claim = rules.cost(sizes(SMALL, replace(LARGE, parameters=parameters, operations=operations)))
    assert claim.verdict == verdict
    assert [numbers["rise"] for _, numbers in claim.evidence] == pytest.approx(rises)


def test_speed_and_steadiness_have_margins():
    for percent, verdict in ((-10.1, "holds"), (10.1, "fails"), (-9.9, "unknown"), (9.9, "unknown")):
        assert rules.faster(step(epochs_percent=about(percent, 0.05))).verdict == verdict
    for rises, verdict in ((-0.11, "holds"), (-0.09, "fails"), (-0.1, "unknown")):
        assert rules.steadier(step(rises=about(rises, 0.005))).verdict == verdict
    still = rules.steadier(sizes(replace(SMALL, rises=0.0), replace(LARGE, rises=0.0)))
    assert names(still) == ["none", "margin"]


def test_one_weight_that_helps_is_enough_and_a_size_beyond_sixteen_is_larger():
    claim = rules.regularisation(weighted(about(0.1), about(-0.2)))
    assert claim.verdict == "holds"
    assert names(claim) == ["shared.beta_together"] * 2 + ["shared.inactive", "shared.annealing"]
    assert claim.evidence[2][1] == {"latents": 32, "inactive": 3}
    assert rules.regularisation(weighted(about(0.1), about(0.2))).verdict == "fails"
    assert rules.larger(GOOD).verdict == "holds" and rules.NOTEBOOK_LARGEST == 16
    sixteen = replace(GOOD, steps=(replace(STEP, second=16),), sweep=(SMALL, replace(LARGE, latents=16)))
    assert rules.larger(sixteen).verdict == "unknown" and names(rules.larger(sixteen))[0] == "beyond"
    assert rules.larger(sixteen).evidence[0][1] == {"largest": 16, "notebook": 16}


def test_an_annealed_weight_is_told_by_its_steps():
    warm = replace(WEIGHTED, beta=1.0, steps=250)
    claim = rules.regularisation(replace(GOOD, weighted=(warm,)))
    assert claim.verdict == "holds" and names(claim)[0] == "shared.annealed"
    assert said("next_steps", claim, "en")[0].startswith(
        "Latent size 32, the KL's weight annealed over 250 steps to 1 in place of 1 throughout: the energy distance of "
        "samples from validation examples changes from 0.400 to 0.200, by −0.200 (95% interval −0.210 to −0.190); "
    )
    both = rules.regularisation(replace(GOOD, weighted=(replace(warm, tried=2), replace(WEIGHTED, tried=2))))
    assert names(both)[:2] == ["shared.annealed_together", "shared.beta_together"]


def test_the_notebooks_claims_are_of_its_sizes_and_the_next_of_those_beyond():
    three = replace(
        GOOD,
        sweep=(SMALL, replace(LARGE, latents=16), replace(LARGE, latents=32)),
        steps=(replace(STEP, second=16), replace(STEP, first=16, reconstruction=about(5), loss=about(5))),
        from_smallest=(replace(STEP, second=16), STEP),
    )
    own = rules.notebook_sizes(three)
    assert [z.latents for z in own.sweep] == [2, 16] and [(s.first, s.second) for s in own.steps] == [(2, 16)]
    assert [s.second for s in own.from_smallest] == [16]
    verdicts = {c.key: c.verdict for f in find(three) if f.id in ("latent_sizes", "extra_future") for c in f.claims}
    assert verdicts["reconstruction"] == "holds" and verdicts["larger"] == "fails"
    # Of fewer than two sizes as small nothing could be said: the claims are of all.
    assert rules.notebook_sizes(GOOD) is GOOD


def test_harder_data_is_told_by_its_bits_and_principal_components():
    claim = rules.datasets(GOOD)
    assert claim.verdict == "holds" and names(claim) == ["complex", "linear", "linear"]
    assert said("next_steps", claim, "en") == (
        "An image of made-up takes 4,000 bits (coded by the entropy of the differences between neighbouring pixels), "
        "and one of the notebook's MNIST 1,826. Robust means here that reconstructions explain more of the variance of "
        "validation images than as many principal components do, at every latent size.",
        "Latent size 2: the VAE explains 50.0% of the variance, principal components 40.0%: +10.0 percentage points "
        "(95% interval +9.0 to +11.0).",
        "Latent size 32: the VAE explains 50.0% of the variance, principal components 40.0%: +10.0 percentage points "
        "(95% interval +9.0 to +11.0).",
    )
    assert names(rules.datasets(replace(GOOD, bits=2700.0))) == ["simple"]


def test_the_sentences_in_both_languages():
    assert said("autoencoder", rules.close(main(loss_percent=Estimate(-2.0, -3.25, -0.75))), "en") == (
        "Autoencoder of latent size 32: 100.00 nats, reconstruction only; VAE of latent size 2: 102.00 nats, KL "
        "included. The difference is −2.0% of what the VAE's is above a perfect model's (95% interval −3.2% to −0.8%); "
        "close means within ±5%. The two losses do not measure the same thing.",
    )
    assert said("latent_sizes", rules.cost(GOOD), "en") == (
        "From latent size 2 to 32, the parameters change from 1,000 to 1,200: +20.0%; clearly more means at least 10%.",
        "Encoding and decoding one example takes 2,000 floating-point operations at the smallest size and 2,400 at the "
        "largest: +20.0%.",
    )
    assert said("latent_sizes", rules.cost(GOOD), "pt") == (
        "Da dimensão latente 2 para 32, os parâmetros passam de 1.000 para 1.200: +20,0%; um custo claramente maior "
        "significa pelo menos 10% a mais.",
        "Codificar e decodificar um exemplo exige 2.000 operações de ponto flutuante na menor dimensão e 2.400 na "
        "maior: +20,0%.",
    )

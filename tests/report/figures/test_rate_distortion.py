"""The rate–distortion plane and the use of latents, from the numbers; what their scores say, in both languages."""

import dataclasses

import numpy as np
import pytest
from made import untrained

import latente
from latente.analysis.trained_models import trained_models
from latente.errors import SpecError
from latente.evaluation.evaluate import Metric
from latente.evaluation.scores import Measured, scores
from latente.language.message import REASON, SCALE, in_language, patterns
from latente.language.words import Words
from latente.report import scores as scored
from latente.report.figures import latents, rate_distortion
from latente.report.tables import scores as scoretables
from latente.studies.study_file import read_study

EN, PT = Words("en"), Words("pt")
NUMBERS = {0.5: (9.0, 80.0), 1.0: (6.0, 82.0), 4.0: (2.0, 95.0)}


def weighted(beta, **parts):
    objective = {"name": "elbo", "beta": beta}
    return latente.VAE(parts.pop("latent_dim", 3), hidden=(4,), objective=objective, **parts)


def run(data, model, name, rate, distortion, seed=0):
    found = untrained(data, model, name, seed)
    found.metrics = {"test": {"kl": Metric(rate, 0.1), "reconstruction": Metric(distortion, 0.5)}}
    return found


@pytest.fixture
def swept(tiny):
    return [run(tiny, weighted(b), f"vae-{b:g}", r, d) for b, (r, d) in NUMBERS.items()]


def lines(figure):
    """The curves' points, without the lines of equal bounds."""
    drawn = [line for line in figure.axes[0].get_lines() if line.get_linestyle() != ":" and line.get_marker() in "os^"]
    return [np.column_stack(line.get_data()).tolist() for line in drawn]


def test_models_that_differ_in_beta_are_a_curve(tiny, swept):
    other = run(tiny, latente.VAE(5, hidden=(4,)), "other", 7.0, 81.0)
    figure = rate_distortion.rate_distortion([swept[2], other, *swept[:2]], lang="en")
    assert lines(figure) == [[[9.0, 80.0], [6.0, 82.0], [2.0, 95.0]], [[7.0, 81.0]]]
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert {"β = 0.5", "β = 1", "β = 4", "other"} <= set(texts)
    # The lines of equal rate + distortion are that.
    dotted = [line for line in figure.axes[0].get_lines() if line.get_linestyle() == ":"]
    levels = [np.sum(line.get_data(), axis=0) for line in dotted]
    assert len(levels) > 3 and all(np.ptp(level) < 1e-9 for level in levels)
    assert {f"{level[0]:g}" for level in levels} <= set(texts)


def test_the_report_has_the_curve_from_three_values_on(tiny, swept):
    (picture,) = rate_distortion.pictures(trained_models(swept), EN, unit="image")
    assert "The least rate + distortion is 88.00, at β = 1." in picture.alt
    assert "rate 2.00 and distortion 95.00 at β = 4" in picture.alt and picture.group == "rates"
    (picture,) = rate_distortion.pictures(trained_models(swept), PT, unit="image")
    assert "A menor soma de taxa e distorção é 88,00, em β = 1." in picture.alt
    assert not list(rate_distortion.pictures(trained_models(swept[:2]), EN, unit="image"))
    apart = [*swept[:2], run(tiny, weighted(4.0, latent_dim=2), "apart", 2.0, 95.0)]
    assert not list(rate_distortion.pictures(trained_models(apart), EN, unit="image"))
    # A schedule is no β to stand at, and several seeds are one point.
    warm = run(tiny, latente.preset("WarmupVAE", 3, hidden=(4,)), "warm", 3.0, 90.0)
    assert trained_models([warm])[0].kind == "VAE"
    again = [run(tiny, weighted(b), f"vae-{b:g}", r + 1, d, seed=1) for b, (r, d) in NUMBERS.items()]
    (family,) = rate_distortion.families(trained_models([*swept, *again, warm])).values()
    point = rate_distortion.points(family, "test", EN)[0]
    bars = rate_distortion.plane({"a": [point]}, EN).axes[0].containers[0].lines[2][0].get_segments()[0]
    assert point.seeds == 2 and np.ptp(bars[:, 0]) == pytest.approx(2 * 12.706 * 0.5, rel=1e-4)
    assert len(family) == 3 and point.rate == Metric(9.5, pytest.approx(0.5)) and point.total == 89.5


def test_what_does_not_compare_is_refused(tiny, swept):
    grey = run(tiny, weighted(1.0, likelihood={"name": "bernoulli", "binarise": "static"}), "bits", 1.0, 1.0)
    with pytest.raises(SpecError, match="one scale only, and these are of more .*bits: bits, drawn once"):
        rate_distortion.rate_distortion([*swept, grey])
    with pytest.raises(SpecError, match="ae: has no rate"):
        rate_distortion.rate_distortion([*swept, run(tiny, latente.AE(2, hidden=(4,)), "ae", 0.0, 1.0)])
    with pytest.raises(SpecError, match="no runs"):
        rate_distortion.rate_distortion([])


def test_latents_stand_in_the_order_of_their_kl_and_those_unused_are_hatched(tiny):
    arrays = {
        "variance_of_means": np.array([0.002, 0.8, 0.3]),
        "kl_per_dimension": np.array([0.01, 1.5, 2.5]),
        "kl_per_dimension_error": np.array([0.001, 0.1, 0.1]),
        "information_per_dimension": np.array([0.0, 1.1, 0.9]),
    }
    found = run(tiny, weighted(1.0), "vae", 4.01, 80.0)
    found.measured = {
        "test": {
            "collapse": Measured(
                {"active-units": Metric(2.0, 0.0)}, arrays, (), "collapse", name="collapse", key="collapse"
            )
        }
    }
    trained = trained_models([found])
    (picture,) = scored.pictures(trained, tiny, EN)
    assert picture.file == "latents-vae.svg" and "1 of 3 latents are unused" in picture.caption
    assert "Their KL adds up to 4.01 nats; latent 3 has the most, 2.50." in picture.alt
    (picture,) = scored.pictures(trained, tiny, PT)
    assert "1 de 3 latentes não são usados" in picture.caption
    figure = latents.usage(
        arrays["variance_of_means"], EN, kl=arrays["kl_per_dimension"], information=arrays["information_per_dimension"],
        threshold=0.01,
    )  # fmt: skip
    top, low = figure.axes
    bars = sorted((p.get_x() + p.get_width() / 2, p.get_height(), p.get_hatch()) for p in top.patches)
    assert [b[1:] for b in bars] == [(2.5, None), (1.5, None), (0.01, "////")]
    assert [t.get_text() for t in low.get_xticklabels()] == ["3", "2", "1"]
    alone = latents.usage(arrays["variance_of_means"], EN, threshold=0.01)
    assert len(alone.axes) == 1 and [t.get_text() for t in alone.axes[0].get_xticklabels()] == ["2", "3", "1"]


def test_unranked_numbers_are_in_a_table_with_their_names(tiny, swept):
    for at, found in enumerate(swept):
        values = {"nll_50": Metric(84.0 + at, 0.5), "nll_50_ess": Metric(20.0, 1.0), "nll_50_gain": Metric(0.2, 0.01)}
        found.measured = {"test": {"nll_50": Measured(values, {}, (), {"name": "nll", "samples": 50})}}
        found.metrics["test"] |= values
    trained = trained_models(swept)
    (table,) = scoretables.numbers(trained, scoretables.every(trained, []), EN)
    assert [row[0].text for row in table.rows] == [
        "Bound on −log p(x), K = 50, nats ↓",
        "Effective sample size, of 50",
        "Fall of the bound from K/2 to K, nats",
    ]
    assert [c.value for c in table.rows[0][1:]] == [84.0, 85.0, 86.0] and "BCE score" in table.caption
    (table,) = scoretables.numbers(trained, scoretables.every(trained, []), PT)
    assert table.rows[1][0].text == "Tamanho efetivo da amostra, de 50" and "tons de cinza" in table.caption
    for name in ("nll", "exact-nll", "ais", "elbo-split", "collapse", "active-units"):
        made = scores.make(name)
        for words in (EN, PT):
            assert all(scoretables.label(c, made, words) != c for c in made.columns())
            assert f"report.section.{name}" in words.templates


def test_reasons_and_scales_have_their_words_in_both_languages(tiny):
    def reason(name, spec, **options):
        return scores.make({"name": name, **options}).why_not(untrained(tiny, spec, "run"))

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
    scales += [scores.make("collapse").scale(untrained(tiny, small, "run")), "probability of whole values", "bits"]
    scales += ["squared error", "squared error of drawn codes"]
    matched = set()
    for sentence in [*said, *(part for scale in scales for part in scale.split(", "))]:
        (key,) = [key for key, pattern in patterns() if pattern.fullmatch(sentence)]
        matched.add(key)
    for sentence in [s for s in said + scales if s != "bits"]:
        assert in_language(sentence, EN) == sentence != in_language(sentence, PT)
    keys = {k for k in EN.templates if k.startswith((REASON, SCALE))}
    assert matched == keys == {k for k in PT.templates if k.startswith((REASON, SCALE))}
    assert in_language(scales[1], PT) == "pontuação BCE de tons de cinza, dados o rótulo ou as colunas, de 100 exemplos"


def test_the_shipped_study_sweeps_beta():
    study = read_study("rate-distortion")
    assert [r.model.objective["beta"] for r in study.runs] == [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    assert len({r.model.latent_dim for r in study.runs}) == 1 and "collapse" in study.scores

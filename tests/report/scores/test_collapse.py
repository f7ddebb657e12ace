"""What is said of the use of latents, and its figure: by made-up variances and divergences."""

import numpy as np
import pytest
from madescores import made_of, scored_run, verdict_of

import latente
from latente.analysis.conclusions.registry import rules
from latente.analysis.trained_models import trained_models
from latente.evaluation.scores import Measured
from latente.language.words import Words
from latente.report.scores import figure_files

EN, PT = Words("en"), Words("pt")
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("distance", "verdict"), [(0.0005, "fails"), (0.02, "unknown"), (0.05, "holds")])
def test_a_difference_from_the_prior_must_have_a_size(distance, verdict):
    # Five thousand codes that are 3% too wide: sure, and small.
    made = made_of("aggregate-mmd", [(distance, distance / 5)], "collapse")
    assert verdict_of("holes", {"a": made}) == verdict


def test_a_latent_is_unused_where_intervals_that_hold_together_say_so():
    """Of four latents z is 2.498 and not 1.960: 0.005 ± 0.0022 z ends at 0.0093 by itself, at 0.0105 of four."""
    arrays = {
        "variance_of_means": np.array([1.0, 0.005, 0.0001, 0.0099]),
        "variance_error": np.array([0.1, 0.0022, 0.00001, 0.001]),
        "threshold": np.array(0.01),
    }
    read, judge = rules["unused"].read, rules["unused"].judge
    found = read(Measured({}, arrays, name="collapse", key="collapse"))
    assert found == {"unused": 1, "latents": 4, "unsure": 2, "limit": 0.01} and judge(found) == "holds"
    for kept, verdict in (([0, 1, 3], "unknown"), ([0], "fails")):
        part = {k: v if v.ndim == 0 else v[kept] for k, v in arrays.items()}
        assert judge(read(Measured({}, part))) == verdict
    assert read(Measured({}, {"threshold": arrays["threshold"]})) is None


def test_the_figure_says_how_many_are_unused_and_where_the_divergence_is(tiny):
    arrays = {
        "variance_of_means": np.array([0.9, 1.1, 0.0001]),
        "kl_per_dimension": np.array([1.25, 2.5, 0.01]),
        "kl_per_dimension_error": np.array([0.1, 0.2, 0.001]),
    }
    bare = {"variance_of_means": np.array([0.9, 1.1])}

    def figure(arrays, words):
        measured = {"collapse": Measured({}, arrays, (), "collapse", name="collapse", key="collapse")}
        run = scored_run(tiny, latente.VAE(len(arrays["variance_of_means"]), hidden=(8,)), "vae", 0, measured)
        (found,) = figure_files(trained_models([run]), tiny, words)
        return found

    english, portuguese = figure(arrays, EN), figure(arrays, PT)
    assert (english.file, english.group, english.wide) == ("latents-vae.svg", "collapse", False)
    assert english.alt == (
        "Chart of the latents of vae: 1 of 3 latents are unused. "
        "Their KL adds up to 3.76 nats; latent 2 has the most, 2.50."
    )
    assert portuguese.alt == (
        "Gráfico dos latentes de vae: 1 de 3 latentes não são usados. "
        "As suas KL somam 3,76 nats; o latente 2 tem a maior, 2,50."
    )
    assert "Above: each latent's KL to the prior" in english.caption and "Diamonds" not in english.caption
    # Without a KL for each latent there is the variance alone.
    assert figure(bare, EN).alt == "Chart of the latents of vae: all 2 latents are used."
    assert figure(bare, EN).caption == (
        "vae: all 2 latents are used (filled: used; hatched or hollow: unused). Below: the variance of each latent's "
        "posterior mean over the test part, and the limit δ."
    )

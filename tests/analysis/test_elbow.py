"""The latent size that is enough, on made-up curves whose truth is known, and how often it is wrong."""

import itertools

import numpy as np
import pytest
from scipy import stats

import latente
from latente.analysis.elbow import FLAT, find_elbow, known_score
from latente.analysis.trained_models import OpenedRun, distinct_models, sweeps
from latente.errors import DataError, SpecError

ELBOW = {2: 157.0, 4: 135.0, 8: 118.8, 16: 113.2, 32: 113.0}
SMALL = {"hidden": (4,)}
FALLING = {2: 157.0, 4: 140.0, 8: 125.0, 16: 110.0}


def made(curve, seeds=1, n=400, example=25.0, own=4.0, seed_sd=0.0, draw=0):
    """Values around a curve: examples differ much and alike at all sizes, by their own noise, and by seeds."""
    rng = np.random.default_rng(draw)
    shared = example * rng.normal(size=(1, n))
    return {
        d: mean + shared + own * rng.normal(size=(seeds, n)) + seed_sd * rng.normal(size=(seeds, 1))
        for d, mean in curve.items()
    }


@pytest.mark.parametrize(("seeds", "seed_sd"), [(1, 0.0), (5, 0.2)])
def test_an_elbow_is_found(seeds, seed_sd):
    found = find_elbow(made(ELBOW, seeds, seed_sd=seed_sd))
    assert (found.shape, found.chosen, found.possible) == ("elbow", 16, ())
    assert [s.state for s in found.sizes] == ["small", "small", "small", "enough", "enough"]
    assert found.tolerance == pytest.approx(0.05 * found.gain.value) and 2.1 < found.tolerance < 2.3
    assert found.gain.low < 44 < found.gain.high and found.gain.high - found.gain.low < 5
    assert (found.seeds, found.examples, found.share) == (seeds, 400, 0.05)


def test_a_size_behind_the_elbow_that_is_worse_again_changes_nothing():
    found = find_elbow(made({**ELBOW, 64: 120.0}))
    assert (found.shape, found.chosen, found.at(64).state) == ("elbow", 16, "small")


def test_a_curve_without_elbow_is_falling():
    found = find_elbow(made(FALLING))
    assert (found.shape, found.chosen, found.best) == ("falling", 16, 16)
    assert [s.state for s in found.sizes] == ["small"] * 3 + ["enough"]


def test_a_flat_curve_needs_no_more_than_the_smallest():
    found = find_elbow(made(dict.fromkeys((2, 4, 8, 16), 113.0)))
    assert (found.shape, found.chosen) == ("flat", 2)
    # A twentieth of the deviation over the examples, of 25 and of the mean of four noises of 4.
    assert found.flat == pytest.approx(FLAT * np.hypot(25, 2), rel=0.1) and FLAT == 0.05


def test_a_constant_makes_no_size_enough():
    # A normal density of σ = 1 with 784 values has 720 nats of constant, of which a hundredth hid a gain of 2.93.
    curve = {1: 14.0, 2: 12.0, 8: 11.07}
    values = made(curve, n=600, example=8.0, own=1.0)
    found, moved = (find_elbow({d: v + constant for d, v in values.items()}) for constant in (0.0, 720.4))
    assert [s.state for s in found.sizes] == [s.state for s in moved.sizes] == ["small", "small", "enough"]
    assert found.gain.value == pytest.approx(2.93, abs=0.15) and found.flat == pytest.approx(0.4, rel=0.1)


def test_where_only_means_are_known_a_gain_is_never_next_to_nothing():
    rng = np.random.default_rng(0)
    found = find_elbow({d: 100 + 1e-3 * rng.normal(size=(8, 1)) for d in (2, 4, 8)})
    assert found.flat == 0 and found.sizes[0].state != "enough"


def test_too_much_noise_cannot_be_told():
    found = find_elbow(made(ELBOW, n=30, own=150.0))
    assert (found.shape, found.chosen) == ("unknown", None) and len(found.possible) >= 3
    between = find_elbow(made({2: 157.0, 4: 135.0, 8: 115.1, 16: 113.0}))
    assert (between.shape, between.chosen, between.possible) == ("unknown", None, (8, 16))


def test_few_seeds_that_scatter_cannot_be_told_where_one_seed_would_have_been_sure():
    values = made(ELBOW, seeds=3, seed_sd=2.0)
    assert find_elbow(values).shape == "unknown"
    assert find_elbow({d: v[0] for d, v in values.items()}).shape in ("elbow", "falling")


def test_a_stated_tolerance_is_in_the_units_of_the_values():
    values = made(ELBOW)
    wide, narrow, far = (find_elbow(values, tolerance=t) for t in (8.0, 0.01, 100.0))
    assert (wide.chosen, wide.tolerance, wide.share) == (8, 8.0, None)
    assert (narrow.shape, narrow.possible) == ("unknown", (16, 32))
    assert (far.shape, far.chosen) == ("flat", 2)
    # Twice the units, twice the tolerance: the same.
    assert find_elbow({d: 2 * v for d, v in values.items()}, tolerance=16.0).chosen == 8


def test_the_share_does_not_depend_on_units_or_zero():
    values = made(ELBOW)
    moved = find_elbow({d: 3 * v - 1000 for d, v in values.items()})
    assert [s.state for s in moved.sizes] == [s.state for s in find_elbow(values).sizes]


@pytest.mark.parametrize("seeds", [1, 3])
def test_what_is_not_enough_is_rarely_called_so(seeds):
    # Eight latents are behind the best by exactly a twentieth of the gain: half of a wrong step.
    curve = {2: 140.0, 8: 121.0, 16: 120.0, 32: 120.0}
    trials = 120
    enough = small = 0
    for draw in range(trials):
        found = find_elbow(made(curve, seeds, n=60, own=1.0, seed_sd=0.3 * (seeds > 1), draw=draw))
        enough += found.at(8).state == "enough"
        small += any(found.at(d).state == "small" for d in (8, 16, 32))
    limit = 0.05 + 2 * np.sqrt(0.05 * 0.95 / trials)
    assert enough / trials < limit and small / trials < limit


def test_without_examples_the_seeds_decide():
    rng = np.random.default_rng(0)
    means = {d: v + 0.05 * rng.normal(size=(6, 1)) for d, v in ELBOW.items()}
    found = find_elbow(means)
    assert (found.chosen, found.examples, found.seeds) == (16, 1, 6)


def test_the_differences_to_the_best_are_paired():
    found = find_elbow(made(ELBOW))
    behind = found.at(2).behind
    # Unpaired, the examples' own spread of 25 would make it some 5 wide; with the noise of 4 alone it is 1 to 2.
    assert 0.5 < behind.high - behind.low < 2
    assert found.at(found.best).behind.value == 0
    assert found.at(2).mean.high - found.at(2).mean.low == pytest.approx(2 * 1.96 * 25.3 / 20, rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "seeds", "seed_sd"), [(8, 1, 0.0), (8, 3, 0.3), (3, 1, 0.0)])
def test_intervals_behind_the_best_hold_together_though_the_best_was_looked_for(sizes, seeds, seed_sd):
    trials, missed = 60, 0
    for draw, curve in itertools.product(range(trials), (np.zeros(sizes), np.linspace(1, 0, sizes))):
        means = {2**i: 100 + v for i, v in enumerate(curve)}
        found = find_elbow(made(means, seeds, n=60, seed_sd=seed_sd, draw=draw))
        behind = curve - curve.min()
        missed += any(not s.behind.low <= true <= s.behind.high for s, true in zip(found.sizes, behind, strict=True))
        assert all(0 <= s.behind.low <= s.behind.value <= s.behind.high for s in found.sizes)
    assert missed / (2 * trials) <= 0.05


def test_behind_a_best_that_is_clear_the_intervals_are_the_paired_ones():
    values = made({2: 150.0, 4: 130.0, 8: 100.0})
    found = find_elbow(values)
    ends = stats.ttest_1samp((values[4] - values[8])[0], 0).confidence_interval(1 - 0.05 / 2)
    assert (found.at(4).behind.low, found.at(4).behind.high) == pytest.approx((ends.low, ends.high), rel=1e-9)
    assert (found.at(8).behind.low, found.at(8).behind.high) == (0, 0)


def test_one_seed_says_how_many_would_show_it_of_the_models():
    one, several = find_elbow(made(ELBOW)), find_elbow(made(ELBOW, seeds=3, seed_sd=0.01))
    assert 2 <= one.seeds_needed < 20 and several.seeds_needed is None
    assert find_elbow(made(ELBOW, own=8.0)).seeds_needed > one.seeds_needed


@pytest.mark.parametrize(
    ("values", "options", "error", "message"),
    [
        ({2: [1.0, 2.0]}, {}, DataError, "got 1 latent sizes; allowed: at least 2"),
        ({2: [1.0, 2.0], 4: [1.0]}, {}, DataError, r"got shapes \[\(1, 1\), \(1, 2\)\]"),
        ({2: [1.0], 4: [1.0]}, {}, DataError, "got a single value a size"),
        ({2: [1.0, np.nan], 4: [1.0, 2.0]}, {}, DataError, "latent size 2 are not all finite"),
        ({2: [1.0, 2.0], 4: [1.0, 2.0]}, {"share": 1.0}, SpecError, "share: got 1.0; allowed: a number above 0"),
        ({2: [1.0, 2.0], 4: [1.0, 2.0]}, {"tolerance": -1.0}, SpecError, "tolerance: got -1.0; allowed: a number of"),
        ({2: [1.0, 2.0], 4: [1.0, 2.0]}, {"level": 0}, SpecError, "level: got 0"),
    ],
)
def test_refusals(values, options, error, message):
    with pytest.raises(error, match=message):
        find_elbow(values, **options)


@pytest.mark.slow
def test_the_elbow_of_a_sweep_is_found_on_validation(make):
    curve = {2: 157.0, 4: 135.0, 8: 118.8, 16: 113.2, 32: 113.0}
    shared = 20 * np.random.default_rng(4).normal(size=48)

    def sweep(split="validation", column="loss", spec=latente.VAE):
        rng = np.random.default_rng(5)
        n = 48 if split == "validation" else 60
        values = {d: {column: m + shared[0] + 0.5 * rng.normal(size=n)} for d, m in curve.items()}
        return [
            make(f"vae-{d}", spec=spec(d, **SMALL), split=split, **(v if column == "loss" else {"scored": v}))
            for d, v in values.items()
        ]

    found = latente.elbow(sweep(), "loss")
    assert (found.shape, found.chosen, found.column, found.split) == ("elbow", 16, "loss", "validation")
    assert found.models == ("vae-2", "vae-4", "vae-8", "vae-16", "vae-32") and found.scale == "elbo of bernoulli"
    assert latente.elbow(sweep(), "loss", tolerance=7.0).chosen == 8
    # The bound of most codes is taken of those that are known.
    assert latente.elbow(sweep(column="nll_500")).column == "nll_500"
    # Without a density of codes it is the reconstruction.
    points = sweep(spec=latente.AE)
    assert latente.elbow(points).column == "reconstruction"
    with pytest.raises(SpecError, match="choose a latent size by the test part: refused"):
        latente.elbow(sweep("test"), "loss", split="test")
    with pytest.raises(SpecError, match="no two models that differ in their latent size only"):
        latente.elbow([make("a", split="validation"), make("b", spec=latente.VAE(2, hidden=(9,)), split="validation")])
    with pytest.raises(SpecError, match="active-units has no number of which less is better"):
        latente.elbow(sweep(), "active-units")


def test_a_loss_stands_for_the_nll_only_where_it_is_a_bound(make):

    def judged(name, **options):
        runs = [make(f"m{d}", spec=latente.preset(name, d, **SMALL, **options), split="validation") for d in (2, 4)]
        (sweep,) = sweeps(distinct_models(map(OpenedRun, runs))[0])
        score = known_score(sweep)
        return score and score.key()

    assert judged("VAE") == "loss" and judged("IWAE") == "loss" and judged("AE") == "distortion"
    assert judged("BetaVAE") is None and judged("FreeBitsVAE") is None
    assert judged("BetaVAE", beta={"name": "linear", "steps": 10, "end": 1.0}) == "loss"

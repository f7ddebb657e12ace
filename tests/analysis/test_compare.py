"""Comparisons of runs with made-up numbers: against scipy, and one line for each thing that does not compare."""

import itertools

import numpy as np
import pytest
from scipy import stats

import latente
from latente.analysis.ranking import PairedDifference
from latente.errors import DataError, SpecError, StoreError
from latente.evaluation.evaluate import Metric

N = 60
SMALL = {"hidden": (4,)}


def board(found, column):
    return next(b for b in found.boards if b.column == column)


def notes(found, kind):
    return [n.values for n in found.notes if n.kind == kind]


@pytest.mark.slow
def test_one_seed_is_the_paired_t_test_over_examples(make):
    rng = np.random.default_rng(0)
    a = 100 + 20 * rng.normal(size=N)
    b = a + 0.5 + rng.normal(size=N)
    found = latente.compare([make("small", loss=b), make("large", spec=latente.VAE(4, **SMALL), loss=a)], ["loss"])
    (only,) = board(found, "loss").gaps
    theirs = stats.ttest_rel(b, a)
    ends = theirs.confidence_interval(0.95)
    estimate = only.difference.estimate
    assert (only.first, only.second, only.seeds, only.examples, only.covers) == ("large", "small", 1, N, "examples")
    assert only.difference.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    assert (estimate.low, estimate.high) == pytest.approx((ends.low, ends.high), rel=1e-9)
    assert only.better == "large" and found.comparisons == 1
    assert [e.model for e in board(found, "loss").entries] == ["large", "small"]
    assert board(found, "loss").entries[0].value.value == pytest.approx(a.mean())


def test_seeds_are_grouped_and_paired_by_their_number(make):
    rng = np.random.default_rng(1)
    shared, step = 20 * rng.normal(size=N), {0: 1.0, 1: 1.4, 2: 0.8}
    large = latente.VAE(4, **SMALL)
    runs = [make("b", s, large, loss=100 + s + shared) for s in (2, 0, 1)]
    runs += [make("a", s, loss=100 + s + step[s] + shared + 1e-6 * rng.normal(size=N)) for s in (1, 2, 0)]
    found = latente.compare(runs, ["loss"])
    assert [(m.name, m.seeds) for m in found.models] == [("b", (0, 1, 2)), ("a", (0, 1, 2))]
    (only,) = board(found, "loss").gaps
    # The examples add nothing here, so it is the t test of the three steps.
    theirs = stats.ttest_1samp([1.0, 1.4, 0.8], 0)
    assert (only.first, only.seeds, only.examples, only.covers) == ("b", 3, N, "both")
    assert only.difference.p_value == pytest.approx(theirs.pvalue, rel=1e-3)
    value = board(found, "loss").entries[1].value
    assert value.standard_error == pytest.approx(np.std([101.0, 102.4, 102.8], ddof=1) / 3**0.5, rel=1e-6)


def test_all_comparisons_of_a_call_are_corrected_together(make):
    specs = {"a": 2, "b": 3, "c": 4, "d": 5}
    rng = np.random.default_rng(2)
    shared = rng.normal(size=N)
    runs = [
        make(n, spec=latente.VAE(d, **SMALL), loss=shared + rng.normal(size=N) + d / 3, mse=shared + rng.normal(size=N))
        for n, d in specs.items()
    ]
    found = latente.compare(runs)
    gaps = [g for b in found.boards for g in b.gaps]
    assert found.comparisons == len(gaps) == 12
    raw = []
    for b in found.boards:
        each = {r.spec.name: r.known_examples("test")[b.column] for r in runs}
        for g in b.gaps:
            d = each[g.second] - each[g.first]
            ends = stats.ttest_1samp(d, 0).confidence_interval(1 - 0.05 / 12)
            estimate = g.difference.estimate
            assert (estimate.low, estimate.high) == pytest.approx((ends.low, ends.high), rel=1e-9)
            raw.append(stats.ttest_1samp(d, 0).pvalue)
    assert [g.difference.p_value for g in gaps] == pytest.approx([min(1, 12 * p) for p in raw], rel=1e-9)
    # Verdict, interval and p value say one thing.
    for g in gaps:
        apart = g.difference.estimate.low > 0 or g.difference.estimate.high < 0
        assert (g.better is not None) == apart == (g.difference.p_value <= 0.05)
    assert 0 < sum(g.better is not None for g in gaps) < 12
    alone = latente.compare(runs, ["loss"], against="a")
    assert alone.comparisons == 3 and all("a" in (g.first, g.second) for g in board(alone, "loss").gaps)


@pytest.mark.slow
def test_under_the_null_nothing_is_called_better_more_often_than_alpha(make):
    trials = 60
    wrong = 0
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        shared = 10 * rng.normal(size=N)
        runs = [
            make(f"m{d}", s, latente.VAE(d, **SMALL), loss=shared + 0.3 * rng.normal() + rng.normal(size=N))
            for d, s in itertools.product((2, 3, 4), (0, 1, 2))
        ]
        found = latente.compare(runs, ["loss"])
        wrong += any(g.better for g in board(found, "loss").gaps)
    assert wrong / trials < 0.05 + 2 * np.sqrt(0.05 * 0.95 / trials)


def test_losses_are_ranked_only_where_objective_beta_and_likelihood_agree(make):
    static = {"name": "bernoulli", "binarise": "static"}
    runs = [
        make("vae", spec=latente.VAE(2, **SMALL)),
        make("vae-4", spec=latente.VAE(4, **SMALL)),
        make("beta", spec=latente.preset("BetaVAE", 2, **SMALL)),
        make("bits", spec=latente.VAE(2, likelihood=static, **SMALL)),
        make("ae", spec=latente.AE(2, **SMALL)),
        make("ae-4", spec=latente.AE(4, **SMALL)),
        make("held", spec=latente.preset("FreeBitsVAE", 2, **SMALL)),
    ]
    found = latente.compare(runs)
    losses = [b for b in found.boards if b.column == "loss"]
    assert [{e.model for e in b.entries} for b in losses] == [{"vae", "vae-4"}, {"ae", "ae-4"}]
    assert [b.scale for b in losses] == ["elbo of bernoulli", "reconstruction of bernoulli"]
    assert {n["model"] for n in notes(found, "alone") if n["score"] == "loss"} == {"beta", "bits"}
    (none,) = notes(found, "none")
    assert none["model"] == "held" and "a term of all examples together" in none["why"]
    assert "elbo of bernoulli (vae, vae-4); " in notes(found, "apart")[0]["scales"]
    # The squared error compares all that see the same values.
    errors = board(found, "mse")
    assert {e.model for e in errors.entries} == {"vae", "vae-4", "beta", "ae", "ae-4", "held"}
    reconstruction = latente.compare(runs, ["distortion"])
    assert {e.model for e in reconstruction.boards[0].entries} == {"vae", "vae-4", "beta", "ae", "ae-4", "held"}


def test_what_is_no_mean_over_examples_is_compared_over_seeds_or_unpaired(make):
    one_seed = Metric(0.8, 0.06), Metric(0.7, 0.08)
    large = latente.VAE(4, **SMALL)
    one = [
        make("a", unpaired={"linear-probe": one_seed[0]}),
        make("b", spec=large, unpaired={"linear-probe": one_seed[1]}),
    ]
    (only,) = latente.compare(one, ["linear-probe"]).boards[0].gaps
    assert only == PairedDifference("a", "b", only.difference, 1, 0, "unpaired", None)
    assert (only.about, only.spread_from) == ("weights", "none")
    assert only.difference.estimate.value == pytest.approx(-0.1)
    assert only.difference.p_value == pytest.approx(2 * stats.norm.sf(0.1 / 0.1), rel=1e-9)
    values = {"a": (0.80, 0.82, 0.79), "b": (0.70, 0.71, 0.72)}
    many = [
        make(n, s, latente.VAE(2 if n == "a" else 4, **SMALL), unpaired={"linear-probe": Metric(v, 0.03)})
        for n, found in values.items()
        for s, v in enumerate(found)
    ]
    (only,) = latente.compare(many, ["linear-probe"]).boards[0].gaps
    theirs = stats.ttest_rel(values["b"], values["a"])
    assert (only.covers, only.better, only.seeds) == ("seeds", "a", 3)
    assert only.difference.p_value == pytest.approx(theirs.pvalue, rel=1e-9)


def test_a_number_without_any_error_has_no_interval(make):
    exact = Metric(0.8, 0.0), Metric(0.7, 0.0)
    runs = [
        make(n, spec=latente.VAE(d, **SMALL), unpaired={"linear-probe": m})
        for n, d, m in zip("ab", (2, 4), exact, strict=True)
    ]
    found = latente.compare(runs, ["linear-probe"])
    (only,) = found.boards[0].gaps
    assert (only.covers, only.better, found.comparisons) == ("nothing", None, 0)


def test_models_of_other_seeds_are_compared_by_all_of_them(make):
    rng = np.random.default_rng(6)
    shared = 20 * rng.normal(size=N)
    a = {s: 100.0 + m + shared + rng.normal(size=N) for s, m in ((0, 0.0), (1, 1.0))}
    b = {s: 90.0 + m + shared + rng.normal(size=N) for s, m in ((5, 0.0), (7, 2.0), (9, 1.0))}
    runs = [make("a", s, loss=v) for s, v in a.items()]
    runs += [make("b", s, latente.VAE(4, **SMALL), loss=v) for s, v in b.items()]
    (only,) = board(latente.compare(runs, ["loss"]), "loss").gaps
    means = [np.array([v.mean() for v in found.values()]) for found in (b, a)]
    assert (only.first, only.seeds, only.covers, only.paired) == ("b", 2, "both", False)
    assert only.difference.estimate.value == pytest.approx(means[1].mean() - means[0].mean(), rel=1e-12)
    # Three variances, each with Student's own quantile, in quadrature: examples, and the seeds of each.
    each = np.mean(list(a.values()), axis=0) - np.mean(list(b.values()), axis=0)
    halves = [stats.t.ppf(0.975, len(m) - 1) * stats.sem(m) for m in (each, *means)]
    assert only.difference.estimate.high - only.difference.estimate.value == pytest.approx(np.hypot.reduce(halves))
    # One seed against three: of these weights, over the examples alone.
    (only,) = board(latente.compare(runs[1:], ["loss"]), "loss").gaps
    assert (only.seeds, only.covers, only.about, only.better) == (1, "examples", "weights", "b")
    assert only.difference.estimate.value == pytest.approx(a[1].mean() - means[0].mean(), rel=1e-12)


def test_rank_difference_and_word_are_of_one_estimate(make):
    # By all seeds b is better, by the one that both have a is: never a rank by one and a word by the other.
    large = latente.VAE(4, **SMALL)
    runs = [make("a", s, loss=v) for s, v in ((4, 105.0), (5, 105.0), (6, 99.65))]
    runs += [make("b", s, large, loss=v) for s, v in ((6, 100.0), (0, 100.0), (7, 100.0))]
    found = board(latente.compare(runs, ["loss"]), "loss")
    (only,) = found.gaps
    assert [e.model for e in found.entries] == ["b", "a"] == [only.first, only.second]
    entries = [e.value.value for e in found.entries]
    assert only.difference.estimate.value == pytest.approx(entries[1] - entries[0], rel=1e-12)
    assert entries == pytest.approx([100.0, 309.65 / 3], abs=0.05)
    # Two of the three seeds of a are 5 worse and one is 0.35 better: with so few it cannot be told.
    assert only.better is None and only.difference.p_value > 0.05


@pytest.mark.parametrize("trial", range(20))
def test_no_models_contradict_each_other_whatever_seeds_they_have(make, trial):
    rng = np.random.default_rng(trial)
    lower = {"loss": True, "probe": False}
    runs = []
    for d in range(2, 7):
        for s in rng.choice(8, size=rng.integers(1, 5), replace=False).tolist():
            loss = 100 + 0.3 * d + rng.normal() + 0.5 * rng.normal(size=N)
            probe = Metric(0.5 + 0.02 * d + 0.05 * rng.normal(), 0.02)
            runs.append(make(f"m{d}", s, latente.VAE(d, **SMALL), loss=loss, unpaired={"linear-probe": probe}))
    for found in latente.compare(runs, ["loss", "linear-probe"]).boards:
        values = {e.model: e.value.value for e in found.entries}
        sign = 1 if found.lower else -1
        assert found.lower == lower[found.column.removeprefix("linear-")]
        assert list(values.values()) == sorted(values.values(), reverse=not found.lower)
        for g in found.gaps:
            estimate = g.difference.estimate
            assert estimate.value == pytest.approx(values[g.second] - values[g.first], rel=1e-9)
            assert g.better in (None, g.first) and sign * estimate.value >= 0
            if len(found.gaps) == 1:
                assert (g.better is not None) == (not estimate.low <= 0 <= estimate.high)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda m: latente.compare([m("a")]),
            SpecError,
            "compare: got 1 run of a; allowed: runs of at least two models",
        ),
        (lambda m: latente.compare([m("a"), m("a", 1)]), SpecError, "compare: got 2 runs of a; allowed"),
        (lambda m: latente.compare([]), SpecError, "compare: got 0 runs of nothing"),
        (lambda m: latente.compare([3]), SpecError, "compare: got int; allowed: folders of runs or studies"),
        (lambda m: latente.compare("/no/where"), StoreError, "/no/where: no such folder"),
        (lambda m: latente.compare([m("a"), m("b", epochs=5)], ["los"]), SpecError, 'unknown score "los"; did you'),
        (lambda m: latente.compare([m("a"), m("b", epochs=5)], []), SpecError, r"scores: got \[\]; allowed: a list"),
        (lambda m: latente.compare([m("a"), m("b", epochs=5)], split="tst"), DataError, 'unknown split "tst"'),
        (lambda m: latente.compare([m("a"), m("b", epochs=5)], against="c"), SpecError, 'unknown model "c"'),
    ],
)
def test_every_mistake_is_one_line(make, call, error, message):
    with pytest.raises(error, match=message) as raised:
        call(make)
    assert "\n" not in str(raised.value)

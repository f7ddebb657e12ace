"""Scores of made codes against what they must be, and against other implementations of the same formulas."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import mutual_info_score
from sklearn.svm import LinearSVC

from latente.errors import DataError
from latente.evaluation.metrics.disentanglement import (
    NAMES,
    binned,
    dci,
    factor_vae,
    halves,
    irs,
    mig,
    modularity,
    mutual_information,
    purity,
    sap,
    scores,
    standard_error,
)


def grid(*sizes, times=1):
    """Every combination of factors of so many values, so that they are exactly independent."""
    return np.tile(np.array(list(itertools.product(*map(range, sizes)))), (times, 1))


def values(codes, factors, **options):
    found = {
        "mig": mig(codes, factors).value,
        "sap": sap(codes, factors, seed=0, **options).value,
        "factor_vae": factor_vae(codes, factors, seed=0, votes=2000, held=2000, least=0).value,
        "modularity": modularity(codes, factors).value,
        "irs": irs(codes, factors).value,
    }
    forest = dci(codes, factors, seed=0, trees=10)
    return found | {"disentanglement": forest.disentanglement, "completeness": forest.completeness}


FACTORS = grid(3, 4, 5, 10, times=3)
PERFECT = FACTORS * [1.0, 2.0, 0.5, -1.0] + [0, 3, -2, 5]
EQUAL = grid(5, 5, 5, 5, times=3)
# Turned by 45° in pairs: every latent tells as much of two factors.
ROTATED = np.stack(
    [EQUAL[:, 0] + EQUAL[:, 1], EQUAL[:, 0] - EQUAL[:, 1], EQUAL[:, 2] + EQUAL[:, 3], EQUAL[:, 2] - EQUAL[:, 3]], axis=1
)
NOISE = np.random.default_rng(0).normal(size=(6000, 5))
INDEPENDENT = np.random.default_rng(1).integers(0, 5, (6000, 4))


def test_a_perfect_code_gets_one_on_every_score():
    assert values(PERFECT, FACTORS) == pytest.approx(dict.fromkeys(values(PERFECT, FACTORS), 1.0), abs=1e-9)
    forest = dci(PERFECT, FACTORS, seed=0, trees=10)
    assert forest.importance == pytest.approx(np.eye(4), abs=1e-9) and forest.informativeness == 1
    assert forest.chance == pytest.approx(np.mean([1 / 3, 1 / 4, 1 / 5, 1 / 10]), abs=0.03)


def test_the_order_scale_and_sign_of_latents_do_not_matter():
    noisy = PERFECT + 0.4 * np.random.default_rng(0).normal(size=PERFECT.shape) * PERFECT.std(axis=0)
    changed = noisy[:, [2, 0, 3, 1]] * [1e3, -1.0, 1e-3, 1.0] + [0, 5, 0, 1e4]
    before, after = values(noisy, FACTORS), values(changed, FACTORS)
    assert all(0.1 < v < 0.9999 for k, v in before.items() if k != "factor_vae"), before
    for name in ("mig", "modularity", "sap"):
        # A code on the edge of a bin may fall to the other side when the latent is turned round.
        assert after[name] == pytest.approx(before[name], abs=2e-3), name
    # Latents of a larger scale weigh more in IRS, but each keeps its own.
    assert irs(changed, FACTORS).each == pytest.approx(irs(noisy, FACTORS).each[[2, 0, 3, 1]])
    # The same draws for the same seed, whatever the latents are called.
    assert after["factor_vae"] == before["factor_vae"]
    assert after["disentanglement"] == pytest.approx(before["disentanglement"], abs=0.02)
    assert after["completeness"] == pytest.approx(before["completeness"], abs=0.02)


def test_a_rotation_by_45_degrees_in_pairs():
    found = values(ROTATED, EQUAL)
    exact = {"mig": 0, "sap": 0, "modularity": 2 / 3, "irs": 1 / 2}
    assert {name: found[name] for name in exact} == pytest.approx(exact, abs=1e-9)
    # Half of each importance on each of two; and two factors between which a vote cannot choose.
    for name in ("disentanglement", "completeness", "factor_vae"):
        assert found[name] == pytest.approx(0.5, abs=0.06), name


@pytest.mark.slow
def test_noise_gets_next_to_nothing_or_chance():
    found = values(NOISE, INDEPENDENT)
    assert all(found[name] < 0.01 for name in ("mig", "sap", "disentanglement", "completeness")), found
    chance = dci(NOISE, INDEPENDENT, seed=0, trees=10)
    assert chance.informativeness == pytest.approx(0.2, abs=0.02)
    assert chance.chance == pytest.approx(0.2, abs=0.02)
    # Each latent stands for the factor it happened to win, and is right on one in four.
    assert found["factor_vae"] == pytest.approx(0.25, abs=0.05)
    # A quantile of normal noise is not its largest value; of uniform noise it nearly is.
    largest = np.abs(NOISE - NOISE.mean(axis=0)).max(axis=0)
    assert found["irs"] == pytest.approx(1 - 5 * stats.norm.ppf(0.995) / largest.sum(), abs=0.04)
    assert irs(stats.norm.cdf(NOISE), INDEPENDENT).value < 0.02


def test_information_is_that_of_scikit_learn():
    factors = INDEPENDENT.copy()
    factors[:, 0] = (NOISE[:, 0] > 0) + 2 * (NOISE[:, 1] > 1)
    ours = mutual_information(NOISE, factors)
    for i, j in itertools.product(range(5), range(4)):
        edges = np.histogram(NOISE[:, i], 20)[1]
        bins = np.digitize(NOISE[:, i], edges[:-1])
        assert ours[i, j] == pytest.approx(mutual_info_score(bins, factors[:, j]), abs=1e-12)
    # Of noise, the bias that its docstring names.
    filled = np.mean([len(np.unique(column)) for column in binned(NOISE).T])
    assert ours[2:, 1:].mean() == pytest.approx((filled - 1) * 4 / 2 / 6000, rel=0.3)


def test_bins_are_of_equal_width_and_a_constant_fills_one():
    z = np.array([[0.0, 7.0], [0.49, 7.0], [0.51, 7.0], [1.0, 7.0]])
    found = binned(z, 2)
    assert found[:, 0].tolist() == [0, 0, 1, 1]
    assert len(set(found[:, 1])) == 1


def test_mig_of_a_factor_held_twice_and_of_one_held_by_half():
    f = grid(4, 4)
    # The second latent knows half of the first factor's two bits; the third, all of the second factor's, as the fourth.
    codes = np.stack([f[:, 0], f[:, 0] // 2, f[:, 1], -f[:, 1]], axis=1)
    found = mig(codes, f)
    assert found.each == pytest.approx([0.5, 0.0])
    assert found.value == pytest.approx(0.25)
    assert mig(np.stack([f[:, 0], 0 * f[:, 0]], axis=1), f).each == pytest.approx([1.0, 0.0])


def test_modularity_of_latents_that_hold_two_factors_and_none():
    f = grid(2, 2, 2)
    codes = np.stack([2 * f[:, 0] + f[:, 1], f[:, 2], np.zeros(8), 4 * f[:, 0] + 2 * f[:, 1] + f[:, 2]], axis=1)
    found = modularity(codes, f)
    assert found.each == pytest.approx([0.5, 1.0, 0.0, 0.0])
    assert found.value == pytest.approx(1.5 / 4)


def test_modularity_weighs_squares_of_the_information():
    f = grid(4, 2)
    # Two bits of one factor's, one of the other's: 1 − 1² / 2².
    found = modularity(np.stack([2 * f[:, 0] + f[:, 1], f[:, 1]], axis=1), f)
    assert found.each == pytest.approx([0.75, 1.0])


def test_sap_of_a_sum():
    f = grid(5, 5)
    found = sap(np.stack([f[:, 0], f[:, 0] + f[:, 1], np.full(25, 0.1)], axis=1), f, seed=0)
    assert found.each == pytest.approx([0.5, 0.5])
    # Noise of a known share of the variance.
    codes = np.stack([INDEPENDENT[:, 0] + NOISE[:, 0], NOISE[:, 1]], axis=1)
    r = np.corrcoef(codes[:, 0], INDEPENDENT[:, 0])[0, 1] ** 2 - np.corrcoef(codes[:, 1], INDEPENDENT[:, 0])[0, 1] ** 2
    assert sap(codes, INDEPENDENT[:, :2], seed=0).each[0] == pytest.approx(r, abs=1e-12)
    assert r == pytest.approx(2 / 3, abs=0.03)


def test_sap_of_categories_is_the_gap_between_linear_machines():
    f = grid(2, 3, 4, times=100)
    codes = f + np.random.default_rng(0).normal(size=f.shape)
    found = sap(codes, f, seed=3, categorical=[True, True, False])
    train, held = halves(len(f), seed=3, examples=9000)
    right = np.empty((3, 2))
    for i, j in itertools.product(range(3), range(2)):
        z = (codes[:, i] - codes[train, i].mean()) / codes[train, i].std()
        machine = LinearSVC(C=0.01, class_weight="balanced").fit(z[train, None], f[train, j])
        right[i, j] = np.mean(machine.predict(z[held, None]) == f[held, j])
    ranked = np.sort(right, axis=0)
    assert found.each[:2] == pytest.approx(ranked[-1] - ranked[-2], abs=2e-3)
    assert found.each[2] == sap(codes, f, seed=0).each[2]
    # What a perfect code gets: noise is right on one in k.
    perfect = sap(f * 1.0, f, seed=0, categorical=True)
    assert perfect.each == pytest.approx([1 / 2, 2 / 3, 3 / 4], abs=0.06)


@pytest.mark.slow
def test_dci_of_a_factor_shared_by_two_latents_and_of_a_latent_that_serves_two():
    f = grid(4, 4, times=60)
    both = dci(np.stack([f[:, 0], f[:, 0], f[:, 1]], axis=1), f, seed=0, trees=200)
    # Copies are chosen as often: half of the importance each.
    assert both.importance == pytest.approx(np.array([[0.5, 0], [0.5, 0], [0, 1]]), abs=0.08)
    assert both.of_factors == pytest.approx([1 - math.log(2) / math.log(3), 1], abs=0.02)
    assert both.disentanglement == pytest.approx(1, abs=1e-9)
    one = dci(np.stack([4 * f[:, 0] + f[:, 1], np.random.default_rng(0).normal(size=len(f))], axis=1), f, seed=0)
    assert one.of_latents[0] == pytest.approx(0, abs=0.01)
    assert one.completeness > 0.95 and one.informativeness == 1


def test_dci_counts_latents_by_their_importance():
    importance = np.array([[0.9, 0.2, 0.0], [0.1, 0.5, 0.0], [0.0, 0.3, 1.0], [0.0, 0.0, 0.0]])
    wanted = [1 - stats.entropy(row, base=3) for row in importance[:3]] + [0.0]
    assert purity(importance) == pytest.approx(wanted)
    assert purity(importance.T) == pytest.approx([1 - stats.entropy(row, base=4) for row in importance.T])
    turned = stats.zscore(PERFECT) @ stats.ortho_group(4, seed=1).rvs()
    found = dci(turned, FACTORS, seed=0, trees=10)
    weights = found.importance.sum(axis=1) / found.importance.sum()
    entropies = stats.entropy(found.importance.T, base=4)
    assert found.disentanglement == pytest.approx(1 - weights @ entropies)
    assert found.completeness == pytest.approx(np.mean(1 - stats.entropy(found.importance, base=4)))


def test_a_forest_that_finds_nothing_gives_no_importance():
    found = dci(np.ones((90, 2)), grid(3, 3, times=10), seed=0, trees=3)
    assert found.disentanglement == found.completeness == 0
    assert found.informativeness <= 0.6


def test_irs_of_a_sum():
    f = grid(2, 2)
    # With one of them fixed the sum is still half as far from its mean as it ever gets.
    found = irs(np.stack([f.sum(axis=1), f[:, 0]], axis=1), f, quantile=1)
    assert found.each == pytest.approx([0.5, 1.0])
    # Largest distances 1 and 0.5 are the weights.
    assert found.value == pytest.approx((0.5 * 1 + 1 * 0.5) / 1.5)
    assert np.isnan(irs(np.stack([f[:, 0], np.full(4, 0.1)], axis=1), f).each[1])
    assert irs(np.ones((4, 2)), f).value == 0


def test_irs_written_out():
    factors = np.random.default_rng(3).integers(0, 3, (500, 2))
    z = np.random.default_rng(4).normal(size=(500, 3)) + factors[:, [0, 1, 1]]
    each, reach = [], []
    for i in range(3):
        reach.append(max(abs(v - z[:, i].mean()) for v in z[:, i]))
        moved = []
        for j in range(2):
            far = []
            for value in range(3):
                group = z[factors[:, j] == value, i]
                far.append(np.percentile(abs(group - group.mean()), 90))
            moved.append(sum(far) / 3)
        each.append(1 - min(moved) / reach[-1])
    found = irs(z, factors, quantile=0.9)
    assert found.each == pytest.approx(each)
    assert found.value == pytest.approx(np.dot(each, reach) / sum(reach))


def test_factor_vae_where_one_factor_is_not_held_at_all():
    f = grid(4, 4, 4, times=5)
    found = factor_vae(f[:, :2] * 1.0, f, seed=0)
    # With the third fixed either latent may vary least, and each stands for its own factor: right in 2 of 3.
    assert found.value == pytest.approx(2 / 3, abs=0.02)
    assert found.each == pytest.approx([1, 1, 0])
    assert found.standard_error == pytest.approx(math.sqrt(2 / 9 / 5000), rel=0.02)


def test_factor_vae_against_a_loop_over_votes():
    codes = FACTORS + np.random.default_rng(5).normal(size=FACTORS.shape) * [0.6, 2.0, 1.6, 9.0]
    rng = np.random.default_rng(6)
    tables = []
    for votes in (800, 1600):
        table = np.zeros((4, 4))
        for _ in range(votes):
            j = rng.integers(4)
            rows = np.flatnonzero(FACTORS[:, j] == FACTORS[rng.integers(len(FACTORS)), j])
            group = codes[rng.choice(rows, 20)]
            table[j, np.argmin(group.var(axis=0) / codes.var(axis=0))] += 1
        tables.append(table)
    wanted = sum(tables[1][tables[0][:, i].argmax(), i] for i in range(4)) / 1600
    found = factor_vae(codes, FACTORS, seed=0, batch=20)
    assert 0.5 < wanted < 0.95
    assert found.value == pytest.approx(wanted, abs=4 * math.sqrt(wanted * (1 - wanted) / 1600))


def test_factor_vae_leaves_out_collapsed_latents():
    f = grid(4, 4, times=20)
    tiny = np.concatenate([f, 0.01 * f[:, :1]], axis=1)
    assert factor_vae(tiny, f, seed=0).value == 1
    assert factor_vae(np.concatenate([f, np.ones((len(f), 1))], axis=1), f, seed=0, least=0).value == 1
    none = factor_vae(tiny * 1e-3, f, seed=0)
    assert none.value == 0 and none.each.tolist() == [0, 0]


def test_the_standard_error_is_the_spread_over_samples():
    def sample(seed):
        rng = np.random.default_rng(seed)
        f = rng.integers(0, 4, (600, 2))
        return f + 0.5 * rng.normal(size=f.shape), f

    for score in (mig, lambda z, f: sap(z, f, seed=0)):
        spread = np.std([score(*sample(seed)).value for seed in range(60)], ddof=1)
        found = np.mean([standard_error(score, *sample(seed), draws=40, seed=0)[0] for seed in range(5)])
        assert found == pytest.approx(spread, rel=0.4)


@pytest.mark.slow
def test_all_of_them_at_once_and_to_the_bit():
    codes = np.concatenate([PERFECT, NOISE[: len(PERFECT), :1]], axis=1)[::2]
    factors = FACTORS[::2]
    kinds = [True, False, False, False]
    found = scores(codes, factors, seed=1, categorical=kinds, draws=5)
    assert tuple(found) == NAMES
    again = scores(codes, factors, seed=1, categorical=kinds, draws=5)
    for name, score in found.items():
        assert score.value == again[name].value and score.standard_error == again[name].standard_error
        assert 0 <= score.value <= 1
        assert (score.standard_error is None) == (name not in ("mig", "factor_vae")), name
    assert found["mig"].value == mig(codes, factors).value
    assert found["dci_completeness"].value == dci(codes, factors, seed=1).completeness
    assert found["sap"].value == sap(codes, factors, seed=1, categorical=kinds).value
    assert found["factor_vae"].value == factor_vae(codes, factors, seed=1).value
    ordered = scores(codes, factors, seed=1, draws=5)["sap"]
    error, each = standard_error(lambda z, f: sap(z, f, seed=1), codes, factors, draws=5, seed=1)
    assert ordered.standard_error == error and ordered.each_error.tolist() == each.tolist()


@pytest.mark.parametrize(
    ("codes", "factors", "message"),
    [
        (PERFECT[:, 0], FACTORS, r"codes: got shape \(1800,\).*two or more latents"),
        (PERFECT[:, :1], FACTORS, r"codes: got shape \(1800, 1\)"),
        (PERFECT[:9], FACTORS, "got 9 codes and 1800 rows of factors; they must agree"),
        (PERFECT, FACTORS * 1.0, r"factors: got shape \(1800, 4\) and type float64; allowed: .* whole numbers"),
        (PERFECT, FACTORS[:, :1], "two or more factors"),
        (PERFECT, FACTORS * [1, 0, 1, 1], "column 1 has a single value; leave out what does not vary"),
        (np.where(PERFECT > 4, np.nan, PERFECT), FACTORS, "NaN or infinite"),
    ],
)
def test_what_is_refused(codes, factors, message):
    for score in (mig, modularity, irs):
        with pytest.raises(DataError, match=message):
            score(codes, factors)
    for score in (dci, sap, factor_vae, scores):
        with pytest.raises(DataError, match=message):
            score(codes, factors, seed=0)


def test_options_that_are_refused():
    few = grid(2, 2, times=5)
    with pytest.raises(DataError, match="got 20 examples; at least 30"):
        dci(few, few, seed=0)
    with pytest.raises(DataError, match="got 20 examples; at least 30"):
        sap(few, few, seed=0, categorical=True)
    with pytest.raises(DataError, match="categorical: got 1 values; allowed: one, or one for each of 2 factors"):
        sap(few, few, seed=0, categorical=[True])
    with pytest.raises(DataError, match="quantile: got 0"):
        irs(few, few, quantile=0)
    with pytest.raises(DataError, match="got batch = 1"):
        factor_vae(few, few, seed=0, batch=1)
    with pytest.raises(DataError, match="bins: got 1"):
        mig(few, few, bins=1)

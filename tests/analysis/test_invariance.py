"""No verdict moves with a constant in all values, with their units, or with the order of runs, seeds or examples.

Every rule that compares models or chooses a size is held to it, over made-up numbers of many kinds.
"""

import itertools
from functools import partial

import numpy as np
import pytest

import latente
from latente.analysis.elbow import find_elbow
from latente.analysis.power import seeds_needed
from latente.evaluation.evaluate import Metric
from latente.evaluation.metrics.differences import mean_difference, together

TRIALS = 20
N = 60
CONSTANTS = (-3000.0, 720.4, 1e5)
UNITS = (1e-3, 1 / np.log(2), 1e4)


def drawn(trial):
    """Values of a sweep, (seeds, examples) of each size: falling, flat, with an elbow, of much and of little noise."""
    rng = np.random.default_rng(trial)
    sizes = [2**i for i in range(1, rng.integers(3, 7))]
    seeds, n = int(rng.choice([1, 3])), int(rng.choice([40, 200]))
    gain, at, noise = 10 ** rng.uniform(-1, 2), rng.uniform(0.2, 2), 10 ** rng.uniform(-1, 1)
    shared, seed_sd = 10 ** rng.uniform(0, 1.5) * rng.normal(size=(1, n)), 0.1 * noise * rng.random()
    return {
        d: gain * np.exp(-at * i) + shared + noise * rng.normal(size=(seeds, n)) + seed_sd * rng.normal(size=(seeds, 1))
        for i, d in enumerate(sizes)
    }


def verdicts(found):
    return [s.state for s in found.sizes], found.shape, found.chosen, found.possible, found.best, found.seeds_needed


def spans(found):
    estimates = [e for s in found.sizes for e in (s.behind, s.behind)] + [found.gain]
    return np.array([v for e in estimates for v in (e.value, e.low, e.high)] + [found.tolerance, found.flat])


@pytest.mark.slow
@pytest.mark.parametrize("tolerance", [None, 0.5])
def test_the_elbow(tolerance):
    seen = set()
    for trial in range(TRIALS):
        values = drawn(trial)
        plain = find_elbow(values, tolerance=tolerance)
        seen.add(plain.shape)
        scale = np.abs(spans(plain)).max()
        for constant in CONSTANTS:
            moved = find_elbow({d: v + constant for d, v in values.items()}, tolerance=tolerance)
            assert verdicts(moved) == verdicts(plain)
            assert spans(moved) == pytest.approx(spans(plain), rel=1e-6, abs=1e-9 * scale)
        for unit in UNITS:
            other = find_elbow({d: unit * v for d, v in values.items()}, tolerance=tolerance and unit * tolerance)
            assert verdicts(other) == verdicts(plain)
            assert spans(other) == pytest.approx(unit * spans(plain), rel=1e-6, abs=1e-9 * unit * scale)
        rng = np.random.default_rng(trial)
        shape = next(iter(values.values())).shape
        seeds, examples = rng.permutation(shape[0]), rng.permutation(shape[1])
        order = dict(reversed([(d, v[seeds][:, examples]) for d, v in values.items()]))
        assert verdicts(find_elbow(order, tolerance=tolerance)) == verdicts(plain)
    assert {"elbow", "unknown"} < seen


def test_the_elbow_where_only_means_are_known():
    for trial in range(TRIALS):
        values = {d: 100 + v.mean(axis=1, keepdims=True) for d, v in drawn(3 * trial + 1).items() if len(v) > 1}
        if values:
            plain = find_elbow(values)
            for constant, unit in itertools.product(CONSTANTS, UNITS):
                assert verdicts(find_elbow({d: unit * (v + constant) for d, v in values.items()})) == verdicts(plain)
            assert verdicts(find_elbow({d: v[::-1] for d, v in reversed(values.items())})) == verdicts(plain)


def compared(make, values, unit=1.0, constant=0.0, order=None, **options):
    """What is said of models by the values of their seeds and examples."""
    runs = [
        make(
            name, seed, latente.VAE(2 + at, hidden=(4,)), split="validation", loss=unit * (each + constant),
            unpaired={"linear-probe": Metric(float(each.mean()), 0.2 + 0.1 * at)},
        )
        for at, (name, seeds) in enumerate(sorted(values.items()))
        for seed, each in seeds.items()
    ]  # fmt: skip
    if order is not None:
        runs = [runs[i] for i in order.permutation(len(runs))]
    found = latente.compare(runs, ["loss", "linear-probe"], split="validation", **options)
    said = {
        (b.column, g.first, g.second): (g.better, g.about, g.covers, g.seeds, g.seeds_needed, g.spread_from)
        for b in found.boards
        for g in b.gaps
    }
    ranked = {b.column: [e.model for e in b.entries] for b in found.boards}
    chosen = found.select("loss")
    return said, ranked, (chosen.model, chosen.opened.run.spec.seed, set(chosen.ties), chosen.about)


@pytest.mark.slow
@pytest.mark.parametrize("against", [None, "m1"])
def test_every_comparison(make, against):
    told = set()
    for trial in range(8):
        rng = np.random.default_rng(trial)
        shared, noise = 10 * rng.normal(size=48), 10 ** rng.uniform(-1, 1)
        values = {
            f"m{at}": {
                s: 20 + shared + rng.normal() * noise / 3 + at / 3 + noise * rng.normal(size=48)
                for s in (rng.permutation(6)[: rng.integers(1, 4)].tolist() if trial % 2 else range(trial % 3 + 1))
            }
            for at in range(3)
        }
        plain = compared(make, values, against=against)
        told |= {said[0] is not None for said in plain[0].values()}
        for constant, unit in itertools.product((0.0, *CONSTANTS), (1.0, *UNITS)):
            assert compared(make, values, unit, constant, against=against) == plain
        assert compared(make, values, order=np.random.default_rng(trial), against=against) == plain
    assert told == {True, False}


def test_differences_and_the_seeds_they_need():
    for trial in range(TRIALS):
        rng = np.random.default_rng(trial)
        a, b = rng.normal(size=(2, int(rng.choice([1, 4])), N))
        plain = mean_difference(b - a + 0.3)
        for constant, unit in itertools.product(CONSTANTS, UNITS):
            moved = mean_difference(unit * ((b + constant + 0.3) - (a + constant)))
            assert moved.p_value == pytest.approx(plain.p_value, rel=1e-6)
            assert moved.estimate.high == pytest.approx(unit * plain.estimate.high, rel=1e-6)
            needed = [seeds_needed(u * 0.3, u * rng_spread, u * 0.02) for u in (1.0, unit) for rng_spread in (0.2, 0.5)]
            assert needed[:2] == needed[2:]
        pairs = {str(i): partial(mean_difference, b[0] + i / 5 - a[0]) for i in range(4)}
        once, again = together(pairs), together(dict(reversed(pairs.items())))
        assert all(once[k].p_value == pytest.approx(again[k].p_value, rel=1e-12) for k in pairs)

"""Coverage of the intervals, and how often a claim is made under the null hypothesis, by simulation.

The values are simulated, so the truth is known; benchmarks/README.md has the figures for the default seed and trials.

    python benchmarks/coverage.py [--trials 2000] [--seed 0] [--json FILE]
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from pathlib import Path

import numpy as np

from latente.analysis.conclusions import measures
from latente.analysis.conclusions.claims import above, below, every
from latente.analysis.elbow import find_elbow
from latente.evaluation.metrics import influence
from latente.evaluation.metrics.differences import from_parts, mean_difference, part_of, together
from latente.evaluation.metrics.influence import combine
from latente.evaluation.metrics.intervals import LEVEL, bonferroni
from latente.evaluation.metrics.representation import cluster_agreement

SIZES, EXAMPLES, NOISE = (3, 6, 10), 200, 4.0


def behind(rng: np.random.Generator, trials: int) -> dict[str, float]:
    """Simultaneous coverage of each latent size's distance behind the best of a sweep, by curve, sizes and seeds."""
    found = {}
    for sizes, seeds, curve in itertools.product(SIZES, (1, 3), ("all equal", "two equal", "a line")):
        true = {
            "all equal": np.zeros(sizes),
            "two equal": np.r_[np.full(sizes - 2, 20.0), 0, 0],
            "a line": np.linspace(1.0, 0, sizes),
        }[curve]
        covered = 0
        for _ in range(trials // 4):
            shared = 25 * rng.normal(size=(1, EXAMPLES))
            values = {
                2**i: v
                + shared
                + NOISE * rng.normal(size=(seeds, EXAMPLES))
                + (seeds > 1) * 0.5 * rng.normal(size=(seeds, 1))
                for i, v in enumerate(true)
            }
            estimated = find_elbow(values).sizes
            covered += all(
                s.behind.low <= t <= s.behind.high for s, t in zip(estimated, true - true.min(), strict=True)
            )
        found[f"{sizes} sizes, {seeds} seed{'s' * (seeds > 1)}, {curve}"] = covered / (trials // 4)
    return found


def best_chosen_afterwards(rng: np.random.Generator, trials: int) -> dict[str, float]:
    """The same as it was before: with the lowest mean taken as the best, as if it had been named in advance."""
    found = {}
    for sizes in SIZES:
        covered = 0
        for _ in range(trials):
            values = NOISE * rng.normal(size=(sizes, EXAMPLES))
            best = int(values.mean(axis=1).argmin())
            level = bonferroni(sizes - 1)
            spans = [mean_difference(v - values[best], level=level).estimate for i, v in enumerate(values) if i != best]
            covered += all(s.low <= 0 <= s.high for s in spans)
        found[f"{sizes} sizes, 1 seed, all equal"] = covered / trials
    return found


def other_weights(rng: np.random.Generator, trials: int) -> dict[str, float]:
    """How often "another weight of the KL helps" holds although none does: corrected, and as it was before."""
    found: dict[str, float] = {}
    for weights, (name, level) in itertools.product(
        (1, 3, 7), (("corrected", None), ("uncorrected, as it was", LEVEL))
    ):
        holds = 0
        for _ in range(trials):
            real, *samples = rng.normal(size=(weights + 2, 100, 3))
            within = measures.mean_pair_distance(real).value
            # All models are off in the same way, as trained models are.
            plain, *others = [measures.energy(s + 1, real, within) for s in samples]
            at = bonferroni(weights) if level is None else level
            changes = [combine([measures.energy_difference(plain, other)], level=at) for other in others]
            holds += any(below(change, 0) == "holds" for change in changes)
        found[f"{weights} weight{'s' * (weights > 1)}, {name}"] = holds / trials
    return found


def six_models(rng: np.random.Generator, trials: int) -> dict[str, float]:
    """How often any of six equal models is called better; with one seed, it is the weights that are compared."""
    found = {}
    for seeds in (1, 2, 3, 5):
        wrong = 0
        for _ in range(trials // 4):
            rows = (
                NOISE * rng.normal(size=(6, seeds, EXAMPLES))
                + 0.25 * NOISE * rng.normal(size=(6, seeds, 1))  # the typical spread over seeds
            )
            pairs = {
                (i, j): (lambda level, d=rows[j] - rows[i]: mean_difference(d, level=level))
                for i, j in itertools.combinations(range(6), 2)
            }
            wrong += any(d.p_value <= 1 - LEVEL for d in together(pairs).values())
        found[f"{seeds} seed{'s' * (seeds > 1)}"] = wrong / (trials // 4)
    return found


def other_seeds(rng: np.random.Generator, trials: int) -> dict[str, float]:
    """Coverage of the difference of two models with different seeds, each averaged over its own."""
    found = {}
    for (a, b), over in itertools.product(((2, 2), (2, 5), (3, 4), (5, 5)), (0.2, 1.0, 5.0)):
        covered = 0
        for _ in range(trials):
            shared = rng.normal(size=(1, EXAMPLES))
            rows = [
                shared + rng.normal(size=(n, EXAMPLES)) + over / math.sqrt(EXAMPLES) * rng.normal(size=(n, 1))
                for n in (a, b)
            ]
            each = rows[1].mean(axis=0) - rows[0].mean(axis=0)
            parts = [part_of(each), *(part_of(r.mean(axis=1)) for r in rows)]
            span = from_parts(float(each.mean()), parts).estimate
            covered += span.low <= 0 <= span.high
        found[f"{a} and {b} seeds, spread {over:g}"] = covered / trials
    return found


def clusters(rng: np.random.Generator, trials: int) -> dict[str, float]:
    """Coverage of the ARI of k-means on codes without clusters: with the full error, and given the clusters."""

    def drawn() -> tuple[np.ndarray, np.ndarray]:
        z = rng.normal(size=(600, 2))
        return z, (np.arctan2(z[:, 1], z[:, 0]) * 5 / np.pi).astype(int) + 5

    repeats = max(trials // 20, 20)
    truth = np.mean([cluster_agreement(*drawn(), restarts=1, refits=0, seed=s).ari.value for s in range(5 * repeats)])
    found = {}
    for name, refits in (("refits", 10), ("given the clusters, as it was", 0)):
        spans = [cluster_agreement(*drawn(), restarts=1, refits=refits, seed=s).ari for s in range(repeats)]
        found[name] = float(np.mean([s.low <= truth <= s.high for s in spans]))
    return found


def shares(rng: np.random.Generator, trials: int) -> dict[str, float]:
    """Coverage of shares and of their differences, by share and sample size; and of the earlier normal interval."""
    found = {}
    for p, n in itertools.product((0.5, 0.9, 0.97), (32, 200)):
        covered = {
            "share": 0,
            "normal, as it was": 0,
            "difference of two sets": 0,
            "difference on the same": 0,
            "ratio": 0,
        }
        for _ in range(trials):
            a, b, real = ((rng.random(k) < q).astype(float) for k, q in ((n, p), (n, p), (1000, 0.9)))
            spans = {
                "share": (influence.share([a]), p),
                "normal, as it was": (combine([influence.mean(a)]), p),
                "difference of two sets": (influence.shares_apart([(a, b)]), 0.0),
                "difference on the same": (influence.shares_paired([(a, b)]), 0.0),
                "ratio": (influence.shares_ratio([a], real), p / 0.9),
            }
            for name, (span, truth) in spans.items():
                covered[name] += span is not None and span.low <= truth <= span.high
        found |= {f"{p:g} of {n}, {name}": count / trials for name, count in covered.items()}
    return found


def claim_about_each(rng: np.random.Generator, trials: int) -> dict[str, float]:
    """How often a claim about each of several null effects fails or holds; and how often it failed before."""
    found = {}
    for number in (1, 3, 7):
        spans = [[combine([influence.mean(rng.normal(size=100))]) for _ in range(number)] for _ in range(trials)]
        verdicts = [every(lambda e, n: above(e, 0, n), each) for each in spans]
        before = [any(above(e, 0) == "fails" for e in each) for each in spans]
        found |= {f"{number}, {verdict}": verdicts.count(verdict) / trials for verdict in ("fails", "holds")}
        found[f"{number}, fails as it was"] = sum(before) / trials
    return found


def noise_between_epochs(rng: np.random.Generator, trials: int) -> dict[str, float]:
    """How often a flat curve is found to have risen from its lowest point, by number of epochs."""
    found = {}
    for epochs in (12, 20, 60, 200):
        spans = [combine([measures.course(rng.normal(size=epochs)).rise]) for _ in range(trials)]
        found[f"{epochs} epochs"] = sum(e.low > 0 for e in spans) / trials
    return found


SIMULATIONS = {
    "behind the best, coverage": behind,
    "behind the best as it was, coverage": best_chosen_afterwards,
    "another weight of the KL helps, under the null": other_weights,
    "one of six equal models is better": six_models,
    "two models of other seeds, coverage": other_seeds,
    "ARI, coverage": clusters,
    "shares, coverage": shares,
    "each of several that do nothing": claim_about_each,
    "a flat loss has risen": noise_between_epochs,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = {}
    for number, (name, simulate) in enumerate(SIMULATIONS.items()):
        found[name] = simulate(np.random.default_rng([options.seed, number]), options.trials)
        for case, rate in found[name].items():
            print(f"{name} | {case} | {rate:.3f}", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"seed": options.seed, "trials": options.trials, **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()

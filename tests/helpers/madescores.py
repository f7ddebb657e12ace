"""What scores keep, made up: for their figures, and for the rules that read them."""

import dataclasses

import numpy as np
from made import untrained

from latente.analysis.conclusions.registry import DATA, NOTEBOOK, RUN, STUDY, rules
from latente.analysis.conclusions.score_rules import claims_of_scores
from latente.evaluation.evaluate import Metric
from latente.evaluation.measured import EACH
from latente.evaluation.scores import Measured, scores


def four_scores(data, seed=0):
    """What four scores of one run would keep, made up."""
    rng = np.random.default_rng(seed)
    shape, n = data.shape, len(data.test)
    near = {f"{k}_neighbours": rng.integers(0, len(data.train), (12, 3)) for k in ("sample", "suspect")}
    apart = {f"{k}_distances": np.sort(rng.uniform(1, 2, (12, 3)), axis=1) for k in ("sample", "suspect")}
    images = {f"{k}s": rng.uniform(size=(12, *shape)).astype(np.float32) for k in ("sample", "suspect")}
    share = rng.dirichlet(np.ones(3))
    shares = {"class_shares": np.stack([share, share * 0.8, np.minimum(share * 1.2, 1)], axis=1)}
    shares |= {"class_reference": np.full(3, 1 / 3), "counts": np.array([n, n, 5])}
    shares |= {"classifier": np.arange(32, dtype=np.uint8), "classifier_accuracy": np.array([0.91, 0.9, 0.92])}
    mse = rng.uniform(size=n)
    rebuilt = {EACH + "reconstruction_mse": mse, "per_pixel": rng.uniform(size=shape), "worst": np.argsort(-mse)[:8]}
    rebuilt["worst_rebuilt"] = rng.uniform(size=(8, *shape)).astype(np.float32)
    values = {
        "generation": {c: Metric(0.25, 0.01) for c in scores.make("generation").columns()},
        "reconstruction": {c: Metric(0.5, 0.01) for c in scores.make("reconstruction").columns()},
        "representation": {c: Metric(0.75, 0.01) for c in scores.make("representation").columns()},
    }
    return {
        "generation": Measured(
            values["generation"], near | apart | images | shares, (), "generation", name="generation", key="generation"
        ),
        "reconstruction": Measured(
            values["reconstruction"], rebuilt, (), "reconstruction", name="reconstruction", key="reconstruction"
        ),
        "representation": Measured(
            values["representation"],
            {"confusion": np.diag([9, 8, 7]) + 1 - np.eye(3, dtype=int)},
            (),
            "representation",
            name="representation",
            key="representation",
        ),
    }


def scored_run(data, model, name, seed=0, measured=None):
    found = untrained(data, model, name, seed)
    found.measured = {"test": four_scores(data, seed) if measured is None else measured}
    found.metrics = {"test": {c: m for one in found.measured["test"].values() for c, m in one.values.items()}}
    return found


def kept():
    """What each score with rules keeps, made up, under the columns that it says it has."""
    found = {}
    for name in {r.about for r in rules.values() if r.about not in (DATA, RUN, STUDY, NOTEBOOK)}:
        score = scores.make({"name": name, "samples": 500} if name in ("nll", "generation") else name)
        found[score.key()] = Measured({c: Metric(0.5, 0.01) for c in score.columns()})
    means = {"nll.inliers": 1, "nll.outliers": 0, "regret.inliers": 0, "regret.outliers": 3}
    rng = np.random.default_rng(0)
    anomalies = {name: rng.normal(mean, 1, 50) for name, mean in means.items()}
    arrays = {
        "nll_500": {EACH + "nll_500_ess": np.full(10, 100.0), "tail": np.full(10, 0.2)},
        "collapse": {
            "variance_of_means": np.array([1.0, 0.9, 1e-4]),
            "variance_error": np.array([0.1, 0.1, 1e-5]),
            "threshold": np.array(0.01),
            "mmd_of_wider": np.array(0.02),
        },
        "disentanglement": {
            "gaps": np.array([0.9, 0.8]),
            "gap_errors": np.array([0.01, 0.02]),
            "information": np.eye(3)[:, :2],
        },
        "ais_500_of_100": {"index": np.arange(100)},
        "psis_1000": {f"{EACH}psis_1000_heavy": np.arange(100) < 40},
        "generation_samples500": {"classifier": np.arange(32, dtype=np.uint8), "counts": np.array([500, 500, 5])},
        "representation": {EACH + "probe": np.arange(100) < 90, EACH + "probe_pca": np.arange(100) < 80},
        "outliers": anomalies | {"against": np.frombuffer(b"clothes", np.uint8)},
    }
    assert set(arrays) <= set(found), set(found)
    return {k: Measured(m.values, arrays.get(k, {})) for k, m in found.items()}


def scored(model, seed, measured):
    """What a run has, by the key of each score."""
    return [(model, seed, dataclasses.replace(m, key=k, name=k.partition("_")[0])) for k, m in measured.items()]


def tell(runs):
    """Every claim, with the score that it is about."""
    return [(f.id, c) for f in claims_of_scores(runs) for c in f.claims]


def facts(claim, at=0):
    return claim.evidence[at][1]


def made_of(column, values, name="generation_samples500", arrays=None):
    """As `kept`, of one score with one column's value and error, for each seed."""
    found = []
    for value, error in values:
        one = kept()[name]
        changed = one.values | {column: Metric(value, error)} if column else one.values
        found.append({name: Measured(changed, {**one.arrays, **(arrays or {})})})
    return found


def verdict_of(name, models):
    """A rule's verdict on models of several seeds each: {name: [measured of a seed]}."""
    found = [f for model, seeds in models.items() for i, one in enumerate(seeds) for f in scored(model, i, one)]
    told = [c for _, c in tell(found) if c.key == name]
    return told[0].verdict if told else None

"""Rules about anomaly scores, and their histograms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from latente.analysis.conclusions.claims import Facts, Verdict, above, below
from latente.analysis.conclusions.registry import builtin
from latente.evaluation.measured import Measured
from latente.evaluation.metrics.anomaly import auroc, auroc_difference
from latente.evaluation.metrics.intervals import Estimate, bounded, greatest
from latente.evaluation.outliers.anomaly_scores import KINDS
from latente.evaluation.scores.outliers import detected, tried
from latente.report.figures.figure_file import FigureFile, as_svg
from latente.report.figures.histograms import Panel, histograms
from latente.report.scores.base import Scored, draws

WELL = 0.9
"""Outliers are told apart well from this AUROC."""


def _aurocs(found: Measured, kinds: Sequence[str] = KINDS) -> dict[str, Estimate]:
    arrays = found.arrays
    known = [k for k in kinds if f"{k}.inliers" in arrays]
    return {k: auroc(arrays[f"{k}.inliers"], arrays[f"{k}.outliers"]) for k in known}


def _likelihood(found: Measured) -> Facts | None:
    known = _aurocs(found, ("nll",))
    return {"auroc": known["nll"], "other": tried(found.arrays)} if known else None


@builtin(
    "LT504", "prefers-the-wrong-set", "outliers", _likelihood, severity="warning", found="holds",
    holds={"auroc": Estimate(0.35, 0.33, 0.37), "other": "mnist"},
    fails={"auroc": Estimate(0.99, 0.98, 1.0), "other": "mnist"},
)  # fmt: skip
def prefers_the_wrong_set(f: Facts) -> Verdict:
    """The model finds something else likelier than its own data (Nalisnick et al. 2019)."""
    return below(f["auroc"], 0.5)


def _ratio(found: Measured) -> Facts | None:
    known = _aurocs(found, ("nll", "regret"))
    if len(known) < 2:
        return None
    pairs = [tuple(found.arrays[f"{kind}.{side}"] for side in ("inliers", "outliers")) for kind in ("nll", "regret")]
    more = auroc_difference(pairs[0], pairs[1]).estimate  # type: ignore[arg-type]
    own, other = (known[k].value for k in ("regret", "nll"))
    return {"regret": own, "nll": other, "more": more, "other": tried(found.arrays)}


@builtin(
    "LT505", "regret-is-better", "outliers", _ratio,
    holds={"regret": 0.98, "nll": 0.35, "more": Estimate(0.63, 0.60, 0.66), "other": "mnist"},
    fails={"regret": 0.90, "nll": 0.99, "more": Estimate(-0.09, -0.10, -0.08), "other": "mnist"},
)  # fmt: skip
def regret_is_better(f: Facts) -> Verdict:
    """The likelihood regret tells outliers apart better than the likelihood."""
    return above(f["more"], 0)


def _best(found: Measured) -> Facts | None:
    known = _aurocs(found)
    if not known:
        return None
    best = bounded(greatest(list(known.values())), 0, 1)
    return {"auroc": best, "count": len(known), "limit": WELL, "other": tried(found.arrays)}


@builtin(
    "LT506", "detects", "outliers", _best,
    holds={"auroc": Estimate(0.98, 0.97, 0.99), "count": 3, "limit": WELL, "other": "mnist"},
    fails={"auroc": Estimate(0.6, 0.55, 0.65), "count": 3, "limit": WELL, "other": "mnist"},
)  # fmt: skip
def detects(f: Facts) -> Verdict:
    """The best of the scores tells outliers apart well."""
    return above(f["auroc"], WELL)


@draws("outliers", 50)
def outliers(shown: Scored) -> Iterator[FigureFile]:
    """A figure for each model, with a panel for each anomaly score that it has."""
    w = shown.words
    for model, kept in shown.kept:
        panels, sentences = [], []
        for kind, d in detected(kept.arrays).items():
            low, high = (kept.array(f"{kind}.{side}") for side in ("inliers", "outliers"))
            ends = {k: w.number(getattr(d.auroc, k), ".3f") for k in ("low", "high")}
            area = w.number(d.auroc.value, ".3f")
            title = w("figure.outliers.title", auroc=area, **ends)
            if d.reversed:
                title += "\n" + w("figure.outliers.reversed")
            label = w(f"figure.outliers.{kind}")
            panels.append(Panel(title, label, low, high))
            medians = {s: shown.number(float(np.median(v)), ".3g") for s, v in (("inliers", low), ("outliers", high))}
            sentences.append(w("figure.outliers.alt_score", score=label, auroc=area, **medians))
            counts = {"inliers": w.number(d.inliers, ",d"), "outliers": w.number(d.outliers, ",d")}
        own, other = str(model.first.card["name"]), tried(kept.arrays)
        texts = shown.texts(
            "figure.outliers", model, name=model.name, own=own, other=other, part=shown.part,
            scores=" ".join(sentences), **counts,
        )  # fmt: skip
        figure = histograms(panels, (own, other), w)
        yield as_svg(f"outliers-{model.name}", figure, *texts, group=shown.name, wide=True)

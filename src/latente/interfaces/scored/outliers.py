"""How scores of a model's own data and of something else lie apart, or on each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from latente.evaluation.scores.outliers import detected, tried
from latente.interfaces.histograms import Panel, histograms
from latente.interfaces.picture import Picture, as_svg
from latente.interfaces.scored.base import Kept, Scored, draws


@draws("outliers", 50)
def outliers(shown: Scored) -> Iterator[Picture]:
    """A figure a model: a panel for each score that it has."""
    for kept in shown.kept:
        yield _histograms(shown, kept)


def _histograms(shown: Scored, kept: Kept) -> Picture:
    w, run = shown.words, kept.model.first
    found = detected(kept.measured.arrays)
    panels, told = [], []
    for kind, d in found.items():
        low, high = (kept.array(f"{kind}.{side}") for side in ("inliers", "outliers"))
        auroc = {k: w.number(getattr(d.auroc, k), ".3f") for k in ("value", "low", "high")}
        title = w("figure.outliers.title", auroc=auroc["value"], low=auroc["low"], high=auroc["high"])
        if d.reversed:
            title += "\n" + w("figure.outliers.reversed")
        label = w(f"figure.outliers.{kind}")
        panels.append(Panel(title, label, low, high))
        medians = {s: shown.number(float(np.median(v)), ".3g") for s, v in (("inliers", low), ("outliers", high))}
        told.append(w("figure.outliers.alt_score", score=label, auroc=auroc["value"], **medians))
    names = (str(run.card["name"]), tried(kept.measured.arrays))
    d = next(iter(found.values()))
    counts = {"inliers": w.number(d.inliers, ",d"), "outliers": w.number(d.outliers, ",d")}
    said = {"name": kept.name, "own": names[0], "other": names[1]}
    caption = w("figure.outliers.caption", **said, **counts, part=shown.part) + shown.seed(kept.model)
    alt = w("figure.outliers.alt", **said, scores=" ".join(told))
    return as_svg(f"outliers-{kept.name}", histograms(panels, names, w), caption, alt, group=shown.name, wide=True)

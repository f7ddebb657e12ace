"""Rules about codes, and the confusion of a probe as a figure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from latente.analysis.conclusions.claims import Facts, Verdict, above, points
from latente.analysis.conclusions.registry import builtin
from latente.evaluation.measured import Measured
from latente.evaluation.metrics.influence import shares_paired
from latente.evaluation.metrics.intervals import Estimate
from latente.report.figures import heatmaps
from latente.report.figures.codes import MOST_CLASSES
from latente.report.figures.figure_file import FigureFile, as_svg
from latente.report.scores.base import Scored, against, draws


def _probe(found: Measured) -> Facts | None:
    read = against("probe", "probe_pca", "other")(found)
    if read is None:
        return None
    more = read["more"]
    own, other = (found.each(found.column(name)) for name in ("probe", "probe_pca"))
    if own is not None and other is not None and len(own) == len(other):
        # Of the same examples: paired.
        more = shares_paired([(other, own)])
    return {**read, "more": points(more)}


@builtin(
    "LT204", "better-than-pca", "representation", _probe, severity="warning",
    holds={"own": 0.95, "other": 0.85, "more": Estimate(10.0, 9.0, 11.0)},
    fails={"own": 0.80, "other": 0.85, "more": Estimate(-5.0, -6.0, -4.0)},
)  # fmt: skip
def better_than_pca(f: Facts) -> Verdict:
    """Labels are read off the codes better than off as many principal components."""
    return above(f["more"], 0)


@builtin(
    "LT205", "neighbourhoods", "representation", against("trustworthiness", "trustworthiness_pca", "other"),
    holds={"own": 0.97, "other": 0.85, "more": Estimate(0.12, 0.11, 0.13)},
    fails={"own": 0.80, "other": 0.85, "more": Estimate(-0.05, -0.06, -0.04)},
)  # fmt: skip
def neighbourhoods(f: Facts) -> Verdict:
    """Neighbours among the codes are neighbours in the data, more so than among as many principal components."""
    return above(f["more"], 0)


@draws("representation", 30)
def representation(shown: Scored) -> Iterator[FigureFile]:
    """A confusion matrix for each model, where there are labels and not too many."""
    w, classes = shown.words, shown.data.classes
    for model, kept in shown.kept:
        counts = kept.array("confusion")
        if counts is None or len(classes) > MOST_CLASSES:
            continue
        pca = kept.value("probe_pca")
        values = {"name": model.name, "part": shown.part, "n": w.number(int(counts.sum()), ",d")}
        values |= {"accuracy": shown.percent(kept.value("probe") or 0.0), "pca": shown.percent(pca or 0.0)}
        caption = w("figure.confusion.caption_plain" if pca is None else "figure.confusion.caption", **values)
        figure, alt = heatmaps.confusion(counts, classes, w), _seen(shown, counts)
        yield as_svg(f"confusion-{model.name}", figure, caption + shown.seed(model), alt, group=shown.name)


def _seen(shown: Scored, counts: np.ndarray) -> str:
    w, classes = shown.words, shown.data.classes
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = np.where(counts.sum(axis=1) > 0, share.diagonal(), np.nan)
    wrong = share - np.diag(share.diagonal())
    if not wrong.any():
        return w("figure.confusion.none", classes=len(classes))
    best, worst = int(np.nanargmax(right)), int(np.nanargmin(right))
    true, said = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return w(
        "figure.confusion.alt", classes=len(classes), best=classes[best], best_share=shown.percent(right[best]),
        worst=classes[worst], worst_share=shown.percent(right[worst]), true=classes[int(true)],
        said=classes[int(said)], mistaken=shown.percent(wrong.max()),
    )  # fmt: skip

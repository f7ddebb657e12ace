"""Rules about latents and known factors; traversals and shared information as figures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from latente.analysis.conclusions.claims import Facts, Verdict, above, all_of
from latente.analysis.conclusions.registry import builtin
from latente.analysis.trained_models import TrainedModel
from latente.evaluation.measured import Measured
from latente.evaluation.metrics.intervals import Estimate, least, normal_interval
from latente.report.figures import heatmaps
from latente.report.figures.figure_file import FigureFile, as_png, as_svg
from latente.report.figures.images import ImageRows, image_grid
from latente.report.scores.base import Scored, draws

APART = 0.5
"""A factor has a latent of its own where that one tells half of its entropy beyond every other."""


def _gap(found: Measured) -> Facts | None:
    mean, (gaps, errors, information) = found.estimate("mig"), map(found.array, ("gaps", "gap_errors", "information"))
    if mean is None or gaps is None or errors is None or information is None:
        return None
    each = [normal_interval(g, e) for g, e in zip(gaps.tolist(), errors.tolist(), strict=True)]
    owners = information.argmax(axis=0)
    shared = int((np.bincount(owners)[owners] > 1).sum())
    return {"gap": least(each), "mean": mean.value, "factors": len(each), "shared": shared, "limit": APART}


@builtin(
    "LT203", "apart", "disentanglement", _gap,
    holds={"gap": Estimate(0.7, 0.65, 0.75), "mean": 0.8, "factors": 5, "shared": 0, "limit": APART},
    fails={"gap": Estimate(0.001, 0.0, 0.002), "mean": 0.6, "factors": 5, "shared": 2, "limit": APART},
)  # fmt: skip
def apart(f: Facts) -> Verdict:
    """Each factor has a latent of its own: even the one least apart does, and no latent belongs to two."""
    own: Verdict = "fails" if f["shared"] else "holds"
    return all_of([above(f["gap"], APART), own])


TELLS = 0.05
"""Share of a factor's entropy below which a latent is not said to tell of it."""

LOW = 0.01
"""The level of the lowest quantile of a traversal, as `latente.evaluation.traversal.posterior_steps` has it."""


@draws("disentanglement", 40)
def disentanglement(shown: Scored) -> Iterator[FigureFile]:
    """A traversal and a map for each model."""
    for model, kept in shown.kept:
        if "traversal" in kept.arrays:
            yield _traversal(shown, model, kept)
        yield _information(shown, model, kept)


def _traversal(shown: Scored, model: TrainedModel, kept: Measured) -> FigureFile:
    w, factors = shown.words, shown.data.known
    images, latents, change = (kept.array(f"traversal{k}") for k in ("", "_latents", "_change"))
    names = []
    for latent in latents.tolist():
        shares = kept.array("information")[latent]
        most = int(shares.argmax())
        if shares[most] >= TELLS:
            share = w.number(100 * float(shares[most]), ".0f")
            names.append(w("figure.traversal.factor", number=latent + 1, factor=factors[most].name, share=share))
        else:
            names.append(w("figure.traversal.row", number=latent + 1))
    steps = images.shape[1]
    at = [w.number(100 * q, ".0f") + "%" for q in np.linspace(LOW, 1 - LOW, steps)]
    texts = shown.texts(
        "figure.traversal", model, name=model.name, part=shown.part, rows=len(latents), steps=steps,
        most=int(latents[change.argmax()]) + 1, least=int(latents[change.argmin()]) + 1,
    )  # fmt: skip
    figure = image_grid([ImageRows(names, list(images), at)], shown.span)
    return as_png(f"traversal-{model.name}", figure, *texts, group=shown.name, wide=True)


def _information(shown: Scored, model: TrainedModel, kept: Measured) -> FigureFile:
    w, factors, shares = shown.words, shown.data.known, kept.array("information")
    sentences = [
        w("figure.information.alt_factor", factor=f.name, number=int(column.argmax()) + 1,
          share=w.number(100 * float(column.max()), ".0f"))
        for f, column in zip(factors, shares.T, strict=True)
    ]  # fmt: skip
    texts = shown.texts(
        "figure.information", model, name=model.name, mig=shown.number(kept.value("mig") or 0.0),
        latents=len(shares), factors=len(factors), sentences=" ".join(sentences),
    )  # fmt: skip
    figure = heatmaps.information(shares, [f.name for f in factors], w)
    return as_svg(f"information-{model.name}", figure, *texts, group=shown.name)

"""The worst reconstructions, and where in the image the errors lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from latente.analysis.trained_models import TrainedModel
from latente.evaluation.measured import EACH, Measured
from latente.report.figures import heatmaps, images
from latente.report.figures.figure_file import FigureFile, as_png
from latente.report.scores.base import MOST, Scored, draws


@draws("reconstruction", 10)
def reconstruction(shown: Scored) -> Iterator[FigureFile]:
    """Of images: a map of all models, and the worst of each."""
    if shown.data.is_image:
        yield _pixels(shown, shown.kept[:MOST])
        for model, kept in shown.kept:
            yield _worst(shown, model, kept)


def _pixels(shown: Scored, kept: Sequence[tuple[TrainedModel, Measured]]) -> FigureFile:
    w = shown.words
    sentences = []
    for model, k in kept:
        errors = k.array("per_pixel")
        errors = errors.reshape(*errors.shape[:2], -1).mean(axis=2)
        row, column = np.unravel_index(int(errors.argmax()), errors.shape)
        most = shown.number(float(np.sqrt(errors.max())), ".3f")
        sentences.append(
            w("figure.pixels.alt_model", name=model.name, row=int(row) + 1, column=int(column) + 1, value=most)
        )
    figure = heatmaps.pixel_errors({m.name: k.array("per_pixel") for m, k in kept}, w)
    texts = shown.texts("figure.pixels", *(m for m, _ in kept), part=shown.part, models=" ".join(sentences))
    return as_png("pixel-errors", figure, *texts, group=shown.name, wide=len(kept) > 2)


def _worst(shown: Scored, model: TrainedModel, kept: Measured) -> FigureFile:
    w, part = shown.words, shown.data.part(shown.split)
    which, errors = kept.array("worst"), kept.array(EACH + "reconstruction_mse")
    labels = [] if part.y is None else [shown.data.classes[c] for c in part.y[which]]
    rebuilt = kept.array("worst_rebuilt")
    figure = images.worst(shown.data.values(part.x[which]), rebuilt, errors[which], w, labels, shown.span)
    high, low, mean = (shown.number(e, ".3f") for e in (errors[which[0]], errors[which[-1]], errors.mean()))
    texts = shown.texts(
        "figure.worst", model, name=model.name, n=len(which), part=shown.part, high=high, low=low, mean=mean,
        total=w.number(len(errors), ",d"), labels=w("figure.worst.labels") if labels else "",
    )  # fmt: skip
    return as_png(f"worst-{model.name}", figure, *texts, group=shown.name, wide=True)

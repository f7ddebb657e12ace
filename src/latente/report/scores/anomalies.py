"""The figure of the most unusual examples, and what makes them so."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from latente.analysis.trained_models import TrainedModel
from latente.evaluation.measured import Measured
from latente.report.figures.anomalies import excess_bars, excess_maps
from latente.report.figures.figure_file import FigureFile, as_png, as_svg
from latente.report.scores.base import Scored, draws


@draws("anomalies", 55)
def anomalies(shown: Scored) -> Iterator[FigureFile]:
    """A figure a model: bars of columns for a table, heat maps for images."""
    for model, kept in shown.kept:
        yield _figure(shown, model, kept)


def _figure(shown: Scored, model: TrainedModel, kept: Measured) -> FigureFile:
    w, run = shown.words, model.first
    excess, rows = np.asarray(kept.array("excess"), np.float64), kept.array("rows")
    both = zip(rows, kept.array("top"), kept.array("top_p"), strict=True)
    numbers = [{"row": int(r) + 1, "score": w.number(s, ".1f"), "p": w.number(p, ".2g")} for r, s, p in both]
    images = 3 <= excess.ndim <= 4
    flat = excess.reshape(len(excess), -1)
    names = [str(n) for n in run.card.get("features") or ()] or [f"x{i + 1}" for i in range(flat.shape[1])]
    first = [int(np.argmax(row)) for row in flat]
    said = " ".join(
        w("figure.anomalies.alt_row", row=n["row"], score=n["score"], column=names[c], excess=w.number(row[c], ".1f"))
        for n, row, c in zip(numbers, flat, first, strict=True)
    )
    values = {"name": model.name, "count": len(rows), "part": shown.part}
    caption = w(f"figure.anomalies.caption_{'maps' if images else 'bars'}", **values) + shown.seed(model)
    alt = w("figure.anomalies.alt", name=model.name, rows=said)
    file = f"anomalies-{model.name}"
    titles = [w(f"figure.anomalies.{'image' if images else 'row'}", **n) for n in numbers]
    if images:
        figure = excess_maps(kept.array("values"), excess, titles, shown.span, w)
        return as_png(file, figure, caption, alt, group=shown.name, wide=True)
    return as_svg(file, excess_bars(flat, names, titles, w), caption, alt, group=shown.name, wide=True)

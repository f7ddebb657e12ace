"""`latente anomalies`: how unusual each row is, how sure that is, and which columns or pixels make it so."""

from __future__ import annotations

import heapq
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latente.cli import options as common
from latente.cli import rows
from latente.cli.options import AddCommand, Arguments
from latente.errors import SpecError, StoreError
from latente.terminal import say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from latente.evaluation.run import Run
    from latente.language.words import Words

PLACE = 47

SHOWN = 6
"""Rows on the terminal and in the figure."""

FIGURES = (".svg", ".png")


def add(command: AddCommand) -> None:
    """The command's options."""
    text = "how unusual each row is, with a p-value, and which columns make it so"
    anomalies = rows.parser_of(command, "anomalies", _anomalies, text)
    rows.data_options(anomalies)
    anomalies.add_argument("--figure", metavar="FILE", help="draw the most unusual rows, too (.svg or .png)")
    anomalies.add_argument(
        "--fdr", type=common.number, default=0.1, metavar="Q", help="flag rows, a share of Q inliers at most (0.1)"
    )
    common.moved_data(anomalies)
    rows.output_options(anomalies)


class _Found:
    """What is kept of all batches: scores and p-values, and the rows that are most unusual."""

    def __init__(self) -> None:
        self.scores: list[NDArray[np.float64]] = []
        self.rows = 0
        self.top: list[tuple[float, int, Any, Any]] = []

    def add(self, scores: NDArray[np.float64], values: Any, excess: Any) -> None:
        for i, score in enumerate(scores.tolist()):
            entry = (score, -(self.rows + i), values[i], excess[i])
            (heapq.heappush if len(self.top) < SHOWN else heapq.heappushpop)(self.top, entry)
        self.scores.append(scores)
        self.rows += len(scores)


def _anomalies(arguments: Arguments) -> None:
    import numpy as np

    from latente.evaluation.held_out import above_usual
    from latente.evaluation.outliers.conformal import conformal_p_values, threshold_by_fdr
    from latente.evaluation.run_data import read_data

    _check_figure(arguments.figure)
    threshold_by_fdr([], arguments.fdr)
    model = rows.opened(arguments)
    run = model.run
    if arguments.data is not None:
        run._data = read_data(run.spec.data, run.card, arguments.data)
    known, found = model.held_out(), _Found()
    # The columns of a table; of an image there are too many, and the figure shows them.
    names = [f"{name}.excess" for name in rows.model_names(run)] if run.card.get("features") else []

    def work(batch: Any) -> list[Any]:
        values = model.model_values(batch)
        given = model.given(len(values), batch)
        explained = run.explain(values, given=given, scaled=True, usual=known.usual)
        scores = above_usual(explained.score, values, known.usual)
        found.add(scores, values, explained.excess)
        p = conformal_p_values(known.scores, scores)
        return [scores, p, *(explained.excess.reshape(len(values), -1).T if names else ())]

    rows.on_rows(arguments, model, ["score", "p", *names], work)
    words = common.words_of(arguments)
    scores = np.concatenate(found.scores)
    p = conformal_p_values(known.scores, scores)
    if arguments.output != "-":
        _say(run, known.scores, scores, p, arguments.fdr, found, words)
    if arguments.figure is not None:
        _draw(arguments.figure, run, p, found, words)


def _check_figure(figure: str | None) -> None:
    if figure is None:
        return
    if Path(figure).suffix.lower() not in FIGURES:
        raise SpecError(f"--figure: got {figure!r}; allowed: a name that ends with {' or '.join(FIGURES)}")
    if Path(figure).exists():
        raise StoreError(f"--figure: {figure} exists, and nothing is overwritten; give another name, or remove it")


def _say(run: Run, known: Any, scores: Any, p: Any, level: float, found: _Found, words: Words) -> None:
    """How many rows are flagged, the most unusual ones, and whether all of them together have moved."""
    from latente.evaluation.outliers.conformal import smallest_p, threshold_by_fdr
    from latente.evaluation.outliers.drift import drift

    flagged = int((p <= threshold_by_fdr(p, level)).sum())
    small = words.number(smallest_p(len(known)), ".2g")
    counts = {"rows": words.number(len(p), ",d"), "held": words.number(len(known), ",d")}
    say(words("terminal.anomalies.flagged", flagged=flagged, level=level, smallest=small, **counts))
    for row, score, value, _, excess in _top(found, p):
        reasons = ", ".join(f"{name} {words.number(e, '+.1f')}" for name, e in _reasons(run, excess))
        numbers = {"score": words.number(score, ".1f"), "p": words.number(value, ".2g")}
        say(words("terminal.anomalies.row", row=row, reasons=reasons, **numbers))
    if len(scores) > 1:
        moved = drift(known, scores)
        key = "moved" if moved.p <= 0.05 else "same"
        share = {k: words.number(getattr(moved.above, k), ".2f") for k in ("value", "low", "high")}
        enough = "rows" if moved.rows is not None else "too_few"
        need = words(f"terminal.anomalies.{enough}", rows=words.number(moved.rows or 0, ",d"), held=moved.held_out)
        say(words(f"terminal.anomalies.{key}", p=words.number(moved.p, ".2g"), need=need, **share))


def _top(found: _Found, p: Any) -> list[tuple[int, float, float, Any, Any]]:
    """Row (from 1), score, p-value, model values and excess of the most unusual rows, the first the most."""
    ordered = sorted(found.top, key=lambda entry: entry[:2], reverse=True)
    return [(1 - minus, score, float(p[-minus]), values, excess) for score, minus, values, excess in ordered]


def _reasons(run: Run, excess: Any) -> list[tuple[str, float]]:
    """The three values that add most to a row's score."""
    import numpy as np

    flat = np.ravel(excess)
    names = rows.model_names(run)
    return [(names[i], float(flat[i])) for i in np.argsort(-flat, kind="stable")[:3]]


def _draw(target: str, run: Run, p: Any, found: _Found, words: Words) -> None:
    """The most unusual rows as a figure."""
    import numpy as np

    from latente.atomic import write_bytes
    from latente.data.units import span_of
    from latente.report.figures import style
    from latente.report.figures.anomalies import excess_bars, excess_maps

    top = _top(found, p)
    numbers = [{"row": r, "score": words.number(s, ".1f"), "p": words.number(v, ".2g")} for r, s, v, _, _ in top]
    excess = np.stack([e for *_, e in top])
    if excess.ndim > 2 and excess.ndim < 5:
        images = np.stack([x for _, _, _, x, _ in top])
        titles = [words("figure.anomalies.image", **n) for n in numbers]
        figure = excess_maps(images, excess, titles, span_of(*run.card["range"]), words)
    else:
        titles = [words("figure.anomalies.row", **n) for n in numbers]
        figure = excess_bars(excess.reshape(len(top), -1), rows.model_names(run), titles, words)
    svg = Path(target).suffix.lower() == ".svg"
    write_bytes(Path(target), style.svg(figure) if svg else style.png(figure))

"""One table of a study's models for a paper: LaTeX with booktabs, Markdown, or CSV.

A row a model, a column a number of the test part. Bold follows one rule, that of the report's comparison: the best
model of a scale, and every other that is not shown to be worse. Numbers on different scales, such as the losses of
models with and without a prior, carry different letters and are never set in bold against each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from latente import plain
from latente.analysis.compare import compared, default_scores
from latente.analysis.ranking import Ranking
from latente.analysis.trained_models import OpenedRun, TrainedModel, distinct_models, trained_models
from latente.evaluation.evaluate import METRICS
from latente.evaluation.run import Run
from latente.evaluation.scores import Score
from latente.evaluation.scores.losses import Distortion, Loss
from latente.language.words import Words
from latente.report.tables.names import number_title
from latente.report.tables.numbers import digits, number
from latente.report.tables.table import MISSING

LETTERS = "abcdefghijklmnopqrstuvwxyz"

SCALES: dict[str, Score] = {"loss": Loss(), "reconstruction": Distortion()}
"""What says on which scale a number is, of those that results.csv has whatever was asked for."""


@dataclass(frozen=True)
class PaperCell:
    """A model's number.

    Attributes:
        text, error: as they are written; no error where none is known.
        value, standard_error: as they are.
        scale: the letter of its scale, "" where the column has one scale only.
        bold: it is the best of its scale, or not shown to be worse.
    """

    text: str
    error: str
    value: float
    standard_error: float
    scale: str = ""
    bold: bool = False


@dataclass(frozen=True)
class PaperTable:
    """Models in rows, numbers in columns, by ``keys`` of results.csv; a cell that does not exist is None."""

    caption: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    models: tuple[str, ...]
    cells: tuple[tuple[PaperCell | None, ...], ...]
    notes: tuple[str, ...]


def paper_table(runs: Sequence[Run], words: Words) -> PaperTable:
    """The models of a study and what was measured of them on the test part; nothing is measured anew."""
    models, _ = distinct_models(map(OpenedRun, runs))
    asked = default_scores(runs, "test")
    boards: tuple[Ranking, ...] = ()
    if len(models) > 1 and all("test" in run.metrics for run in runs):
        boards = compared(models, asked, whole=False).boards
    trained = trained_models(runs)
    names = [n for n in METRICS[:3] if any(_known(m, n) for m in trained)]
    names += [c for c in dict.fromkeys(b.column for b in boards) if c not in names]
    measures = {score.key(): score for score in asked}
    judged = SCALES | {b.column: measures[b.score] for b in boards if b.column not in SCALES}
    boards_of = {name: [b for b in boards if b.column == name] for name in names}
    columns = [_column(trained, name, judged.get(name), boards_of[name], words) for name in names]
    seeds = max(len(m.runs) for m in trained)
    notes = [words("paper.errors_seeds" if seeds > 1 else "paper.errors", seeds=seeds)]
    every = [cell for column in columns for cell in column if cell is not None]
    if any(cell.bold for cell in every):
        notes.append(words("paper.bold"))
    if any(cell.scale for cell in every):
        notes.append(words("paper.letters"))
    return PaperTable(
        words("paper.caption", data=runs[0].card["name"]),
        tuple(names),
        tuple(words(f"report.metric.{n}") if n in METRICS[:3] else number_title(n, words) for n in names),
        tuple(m.name for m in trained),
        tuple(zip(*columns, strict=True)),
        tuple(notes),
    )


def _known(model: TrainedModel, name: str) -> bool:
    return model.metric("test", name) is not None and (name != "kl" or model.has_kl)


def _column(
    trained: Sequence[TrainedModel], name: str, score: Score | None, boards: Sequence[Ranking], words: Words
) -> list[PaperCell | None]:
    """A number of every model; ``score`` knows its scales, which ``boards`` rank."""
    known = {m.name: m.metric("test", name) for m in trained if _known(m, name)}
    scale_of = {m.name: score.scale(m.first) for m in trained if m.name in known} if score else {}
    distinct = list(dict.fromkeys(scale_of.values()))
    best = {model for board in boards for model in unbeaten(board)}
    places = digits(m.standard_error for m in known.values() if m is not None)
    cells: list[PaperCell | None] = []
    for model in trained:
        metric = known.get(model.name)
        if metric is None:
            cells.append(None)
            continue
        letter = LETTERS[distinct.index(scale_of[model.name]) % len(LETTERS)] if len(distinct) > 1 else ""
        value, error = metric.value, metric.standard_error
        cells.append(
            PaperCell(
                number(words, value, places), number(words, error, places) if error else "", value, error, letter,
                model.name in best,
            )
        )  # fmt: skip
    return cells


def unbeaten(board: Ranking) -> list[str]:
    """The best model of a ranking, and those that are not shown to be worse than it; none where nothing can be shown,
    because only means are known."""
    best = board.entries[0].model
    if any(g.covers == "nothing" for g in board.gaps if best in (g.first, g.second)):
        return []
    worse = {g.second if g.first == best else g.first for g in board.gaps if g.better == best}
    return [entry.model for entry in board.entries if entry.model not in worse]


def markdown(table: PaperTable) -> str:
    """A pipe table, with its caption above and its notes below."""

    def shown(cell: PaperCell | None) -> str:
        if cell is None:
            return MISSING
        text = f"{cell.text} ± {cell.error}" if cell.error else cell.text
        return (f"**{text}**" if cell.bold else text) + (f" ({cell.scale})" if cell.scale else "")

    head = ["", *map(plain.markdown, table.columns)]
    rows = [[plain.markdown(m), *map(shown, cells)] for m, cells in zip(table.models, table.cells, strict=True)]
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---", *["---:"] * len(table.columns)], *rows)]
    return "\n".join([plain.markdown(table.caption), "", *lines, "", *map(plain.markdown, table.notes), ""])


def latex(table: PaperTable) -> str:
    """A table environment for the package booktabs."""

    def shown(cell: PaperCell | None) -> str:
        if cell is None:
            return "--"
        text = cell.text + (rf" \pm {cell.error}" if cell.error else "")
        text = text.replace("−", "-").replace("∞", r"\infty").replace(",", "{,}")
        return (rf"$\mathbf{{{text}}}$" if cell.bold else f"${text}$") + (
            rf"\textsuperscript{{{cell.scale}}}" if cell.scale else ""
        )

    rows = [" & ".join([_tex(m), *map(shown, cells)]) for m, cells in zip(table.models, table.cells, strict=True)]
    return "\n".join(
        [
            r"% \usepackage{booktabs}",
            r"\begin{table}",
            r"  \centering",
            rf"  \caption{{{_tex(' '.join([table.caption, *table.notes]))}}}",
            r"  \label{tab:models}",
            rf"  \begin{{tabular}}{{l{'r' * len(table.columns)}}}",
            r"    \toprule",
            rf"    {' & '.join(['', *map(_tex, table.columns)]).strip()} \\",
            r"    \midrule",
            *(rf"    {row} \\" for row in rows),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def csv(table: PaperTable) -> str:
    """Every cell on a line: model, number, value, standard_error, scale, bold; with a point for the decimal mark."""
    rows = [
        (model, name, cell.value, cell.standard_error or None, cell.scale, int(cell.bold))
        for model, cells in zip(table.models, table.cells, strict=True)
        for name, cell in zip(table.keys, cells, strict=True)
        if cell is not None
    ]
    return plain.csv_text(("model", "number", "value", "standard_error", "scale", "bold"), rows)


_SPECIAL = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}",
    "β": r"$\beta$", "−": "$-$", "±": r"$\pm$", "≥": r"$\geq$", "∞": r"$\infty$",
}  # fmt: skip


def _tex(text: str) -> str:
    """Text as LaTeX shows it, whatever characters a name has; line breaks are spaces."""
    return "".join(_SPECIAL.get(c, c) for c in re.sub(r"\s+", " ", text))

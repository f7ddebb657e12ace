"""Rankings by scores, and their numbers: a table for each scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from latente.analysis.trained_models import TrainedModel, by_scale, grouped
from latente.evaluation.evaluate import Metric
from latente.evaluation.run import Run
from latente.evaluation.scores import Score, scores
from latente.language.message import phrase
from latente.language.words import Words
from latente.report.tables.names import number_name, number_title
from latente.report.tables.table import FINE, Cell, Column, Table, count, nats, text_cell


def ranking(trained: Sequence[TrainedModel], asked: Sequence[Score], words: Words) -> list[Table]:
    """For each ranked number of each score, and each scale that two models or more share, those from best to worst."""
    tables: list[Table] = []
    for score in asked:
        for key, lower in score.columns().items():
            if lower is None:
                continue
            for scale_, models in groups(trained, score, key).items():
                tables.append(_ranked(models, key, lower, scale_, len(tables), words))
    return tables


def _ranked(models: Sequence[TrainedModel], key: str, lower: bool, scale_: str, number: int, words: Words) -> Table:
    ranked = sorted(models, key=lambda m: _value(m, key) * (1 if lower else -1))
    best = _value(ranked[0], key)
    columns = (
        Column(words("report.column.rank")),
        Column(words("report.column.run"), numeric=False),
        Column(words("report.column.latents")),
        Column(words("report.column.parameters")),
        Column(number_title(key, words), error=True),
        Column(words("report.column.behind")),
    )
    rows = tuple(
        (
            count(words, place),
            text_cell(m.name),
            Cell(str(m.latents), value=m.latents),
            count(words, m.first.model.parameters()),
            nats(words, m.metric("test", key), _form(m.metric("test", key))),
            Cell(words.number(abs(_value(m, key) - best), FINE), value=abs(_value(m, key) - best)),
        )
        for place, m in enumerate(ranked, 1)
    )
    caption = words("report.caption.ranking", score=number_name(key, words), scale=phrase(scale_, words))
    note = words("report.note.ranking_lower" if lower else "report.note.ranking_higher")
    return Table(f"ranking-{key}-{number}", caption, columns, rows, (note,))


def groups(trained: Sequence[TrainedModel], score: Score, key: str) -> dict[str, list[TrainedModel]]:
    """The models that have a number of a score, by the scale on which it may be compared; scales of one model are
    left out."""
    found = by_scale([m for m in trained if m.metric("test", key) is not None], score)
    return {scale: models for scale, models in found.items() if scale is not None and len(models) > 1}


def _value(model: TrainedModel, key: str) -> float:
    metric = model.metric("test", key)
    assert metric is not None
    return metric.value


FEW = 2
"""A score of at most so many ranked numbers is shown as rankings (see `latente.report.tables.scores.ranking`)."""

ARROWS = {True: "↓", False: "↑", None: ""}


def has_many(score: Score) -> bool:
    """Whether a score has too many ranked numbers for a ranking of each."""
    return sum(lower is not None for lower in score.columns().values()) > FEW


def has_table(score: Score) -> bool:
    """Whether a score is shown as a table: one of many numbers, or of some that nothing is ranked by."""
    return has_many(score) or None in score.columns().values()


def every(trained: Sequence[TrainedModel], asked: Sequence[Score]) -> list[Score]:
    """The scores a study asked for, and those that its runs were given later."""
    found = {score.key(): score for score in asked}
    for measured in (m for model in trained for run in model.runs for m in run.measured.get("test", {}).values()):
        made = scores.make(measured.score)
        found.setdefault(made.key(), made)
    return list(found.values())


def numbers(trained: Sequence[TrainedModel], asked: Sequence[Score], words: Words) -> list[Table]:
    """A table for each scale of each score that `has_table`, with the reasons of the models that have none."""
    tables = []
    for score in asked:
        if has_table(score):
            without = by_scale(trained, score).get(None, ())
            lacking = [f"{m.name}: {phrase(score.unsupported(m.first) or '', words)}." for m in without]
            scored = [m for m in trained if any(m.metric("test", column) is not None for column in score.columns())]
            scales = {scale: models for scale, models in by_scale(scored, score).items() if scale is not None}
            for at, (scale, models) in enumerate(scales.items()):
                tables.append(_table(score, scale, models, lacking if at == 0 else [], at, words))
    return tables


def lacking(trained: Sequence[TrainedModel], asked: Sequence[Score], words: Words) -> list[str]:
    """Which models have no number of a score, and why, where no table says so already."""
    found = []
    for score in asked:
        reasons = [(score.key(), score.unsupported(m.first) or "", m.name) for m in trained]
        if not has_many(score) or all(reason for _, reason, _ in reasons):
            found += [each for each in reasons if each[1]]
    said = []
    for (key, reason), same in grouped(found, lambda each: each[:2]).items():
        texts = {"score": number_title(key, words), "reason": phrase(reason, words)}
        said.append(words("warned.lacking", names=words.joined([name for *_, name in same]), **texts))
    return said


def _table(
    score: Score, scale: str, models: Sequence[TrainedModel], lacking: Sequence[str], number: int, words: Words
) -> Table:
    rows = []
    for column, lower in score.columns().items():
        found = [model.metric("test", column) for model in models]
        if any(metric is not None for metric in found):
            cells = (_number(words, metric) for metric in found)
            rows.append((text_cell(f"{label(column, score, words)} {ARROWS[lower]}".strip()), *cells))
    columns = (
        Column(words("report.column.number"), numeric=False),
        *(Column(model.name, error=True) for model in models),
    )
    title = words(f"report.section.{name_of(score)}") if f"report.section.{name_of(score)}" in words.templates else ""
    caption = words("report.caption.score", title=title or number_title(score.key(), words), scale=phrase(scale, words))
    seeds = max(len(m.runs) for m in models)
    error = words("report.note.error_seeds", seeds=seeds) if seeds > 1 else words("report.note.score_error")
    notes = (words("report.note.score_arrows"), error, *lacking)
    return Table(f"score-{score.key()}-{number}", caption, columns, tuple(rows), notes)


def of_runs(score: Score, scale: str, runs: Mapping[str, Run], split: str, words: Words) -> Table:
    """A score's numbers of single runs of one scale, by what they are called.

    The best comes first by the first number that is ranked; the order is the one given where none is.
    """
    columns = score.columns()
    values = {name: run.measured[split][score.key()].values for name, run in runs.items()}
    ranked = next((column for column, lower in columns.items() if lower is not None), None)
    names = list(values)
    if ranked is not None:
        sign = 1 if columns[ranked] else -1
        names.sort(key=lambda name: sign * values[name][ranked].value if ranked in values[name] else math.inf)
    shown = {c: label(c, score, words) for c in columns if any(c in found for found in values.values())}
    # Many numbers of few runs stand under each other, so that a terminal is wide enough.
    if len(shown) > 3:
        titles = ["", *names]
        rows = [(text_cell(title), *(_number(words, values[n].get(c)) for n in names)) for c, title in shown.items()]
    else:
        titles = [words("report.column.run"), *shown.values()]
        rows = [(text_cell(n), *(_number(words, values[n].get(c)) for c in shown)) for n in names]
    caption = f"{score.key()} ({words(f'report.part.{split}')}): {phrase(scale, words)}"
    heads = (Column(title, numeric=False, error=i > 0, unbroken=i == 0) for i, title in enumerate(titles))
    return Table(f"score-{score.key()}", caption, tuple(heads), tuple(rows))


def _number(words: Words, metric: Metric | None) -> Cell:
    """A score's number; an error that was not estimated is none, and not zero."""
    cell = nats(words, metric, _form(metric))
    return cell if cell.error_value else Cell(cell.text, value=cell.value)


def _form(metric: Metric | None) -> str:
    """How a score's number is written: a count, which has no error, without decimals."""
    return ".0f" if metric is not None and not metric.standard_error and metric.value.is_integer() else FINE


def name_of(score: Score) -> str:
    """What a score is registered as."""
    return scores.name_of(score).split('"')[1]


def label(column: str, score: Score, words: Words) -> str:
    """A number's name in words; its column where it has none."""
    name, key = name_of(score), score.key()
    base = name + column.removeprefix(key) if column.startswith(key) else column.removesuffix(key.removeprefix(name))
    if f"score.{base}" in words.templates:
        return words(f"score.{base}", **vars(score))
    of, _, other = base.rpartition("_")
    if f"score.{of}" in words.templates:
        return words(
            "score.of_baseline",
            name=words(f"score.{of}"),
            other={"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}.get(other, other),
        )
    return number_title(column, words)

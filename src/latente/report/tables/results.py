"""Losses, their parts, settings and times of a study's models."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from latente.analysis.trained_models import OpenedRun, TrainedModel, grouped, pairs, trained_models
from latente.data.split import PARTS
from latente.evaluation.evaluate import METRICS
from latente.evaluation.run import Run
from latente.language.words import Words
from latente.plain import csv_text
from latente.report.tables.names import activation_name, loss_formula, part_name, part_text
from latente.report.tables.table import FINE, MISSING, NATS, Cell, Column, Table, count, nats, text_cell
from latente.spec import part


def results_csv(runs: Iterable[Run]) -> str:
    """Every number of every run as CSV: run, seed, split, metric, value, standard_error."""
    rows = []
    for run in runs:
        for split in PARTS:
            found = run.metrics.get(split, {})
            for name in (*METRICS, *(n for n in found if n not in METRICS)):
                if name in found:
                    metric = found[name]
                    rows.append((run.spec.name, run.spec.seed, split, name, metric.value, metric.standard_error))
    return csv_text(("run", "seed", "split", "metric", "value", "standard_error"), rows)


def results_table(runs: Sequence[Run], words: Words) -> Table:
    """Losses and their parts in nats, one row a model, for a terminal; one standard error of the test loss."""
    trained = trained_models(runs)
    many = any(len(m.runs) > 1 for m in trained)
    losses = dict.fromkeys(loss_formula(m.first.spec.model, words) for m in trained)
    notes = [words("report.terminal.over_seeds" if many else "report.terminal.over_examples")]
    if len(losses) > 1:
        notes.append(words("report.terminal.losses", losses="; ".join(losses)))
    titles = ("latents", "training", "validation", "test", "reconstruction", "kl")
    rows = []
    for model in trained:
        cells = [nats(words, model.metric(split, "loss")) for split in PARTS]
        cells += [part_cell(words, model, "test", name) for name in METRICS[1:3]]
        # A terminal is narrow: only the test loss keeps its error.
        shown = [cell if i == 2 else replace(cell, error="") for i, cell in enumerate(cells)]
        rows.append((text_cell(model.name), text_cell(model.latents), *shown))
    columns = (
        Column(words("report.column.run"), numeric=False, unbroken=True),
        *(Column(words(f"report.terminal.{key}"), unbroken=True) for key in titles),
    )
    return Table("losses", words("report.terminal.title"), columns, tuple(rows), (". ".join(notes),))


def part_cell(words: Words, model: TrainedModel, split: str, metric: str, form: str = NATS) -> Cell:
    """A metric of a model on a part of the data; none for the KL of a code that is a point."""
    if metric == "kl" and not model.has_kl:
        return Cell(MISSING)
    return nats(words, model.metric(split, metric), form)


def results(trained: Sequence[TrainedModel], words: Words, unit: str) -> Table:
    """Every model with its loss on each part, and the loss's parts on validation and test."""
    loss, reconstruction, kl = (words(f"report.metric.{m}") for m in METRICS[:3])
    parts = {p: words(f"report.part.{p}") for p in PARTS}
    columns = [
        Column(words("report.column.run"), numeric=False),
        Column(words("report.column.kind"), numeric=False),
        Column(words("report.column.latents")),
        Column(words("report.column.parameters")),
        Column(words("report.column.epochs")),
        *(Column(parts[p], loss, error=True) for p in PARTS),
        *(Column(parts[p], group, error=True) for group in (reconstruction, kl) for p in PARTS[1:]),
    ]
    rows = []
    for model in trained:
        row = [text_cell(model.name), text_cell(model.kind), Cell(str(model.latents), value=model.latents)]
        row += [count(words, model.first.model.parameters()), _epochs(model)]
        row += [nats(words, model.metric(p, "loss")) for p in PARTS]
        for name in METRICS[1:3]:
            row += [part_cell(words, model, p, name) for p in PARTS[1:]]
        rows.append(tuple(row))
    notes = [*_losses(trained, words), words("report.note.reconstruction")]
    if len({part_text(m.first.spec.model.likelihood) for m in trained}) > 1:
        notes.append(words("report.note.likelihoods"))
    notes.append(_errors(trained, words, unit))
    if not all(m.has_kl for m in trained):
        notes.append(words("report.note.no_kl"))
    caption = words(f"report.caption.results_{unit}")
    return Table("results", caption, tuple(columns), tuple(rows), tuple(notes))


def _losses(trained: Sequence[TrainedModel], words: Words) -> list[str]:
    """What each model's loss is: a sentence for all models whose losses are put together alike."""
    groups = grouped(trained, lambda m: loss_formula(m.spec, words))
    if len(groups) == 1:
        return [words("report.note.loss", loss=next(iter(groups)))]
    named = {loss: ", ".join(m.name for m in models) for loss, models in groups.items()}
    each = [words("report.note.loss_of", names=names, loss=loss) for loss, names in named.items()]
    return [*each, words("report.note.losses")]


def scale(trained: Sequence[TrainedModel], words: Words, shape: Sequence[int], *, grey: bool) -> Table:
    """The same models on scales that do not grow with the size of an example of ``shape``."""
    per = per_what(words, shape)
    names = [n for n in METRICS[3:] if any(m.metric("test", n) for m in trained)]
    columns = [Column(words("report.column.run"), numeric=False)]
    for split in PARTS[1:]:
        group = words(f"report.part.{split}")
        columns += [Column(words(f"report.metric.{n}", per=per), group, error=True) for n in names]
    rows = [
        (text_cell(m.name), *(nats(words, m.metric(p, n), FINE) for p in PARTS[1:] for n in names)) for m in trained
    ]
    notes = [words("report.note.scale", values=math.prod(shape), per=per)]
    if any(m.first.spec.model.missing for m in trained):
        notes.append(words("report.note.scale_missing"))
    if grey and any(part(m.first.spec.model.likelihood)[0] == "bernoulli" for m in trained):
        notes.append(words("report.note.score"))
    return Table("scale", words("report.caption.scale"), tuple(columns), tuple(rows), tuple(notes))


def per_what(words: Words, shape: Sequence[int]) -> str:
    """What one value of an example is called: a pixel, unless it has several values or is no image."""
    return words("report.per.pixel" if len(shape) == 2 or (len(shape) == 3 and shape[2] == 1) else "report.per.value")


def matched(trained: Sequence[TrainedModel], words: Words, unit: str) -> Table | None:
    """Models with and without a prior at equal latent size, network and training; None where no two match."""
    found = pairs(trained)
    if not found:
        return None
    group = words(f"report.column.reconstruction_{unit}")
    columns = (
        Column(words("report.column.latents"), numeric=False),
        Column(words("report.column.with_prior"), numeric=False),
        Column(words("report.column.without_prior"), numeric=False),
        Column(words("report.column.with_prior"), group, error=True),
        Column(words("report.column.without_prior"), group, error=True),
        Column(words("report.column.difference"), group),
        Column(words("report.metric.kl"), words("report.column.with_prior"), error=True),
    )
    rows = []
    for a, b in found:
        ours, theirs = a.metric("test", "reconstruction"), b.metric("test", "reconstruction")
        difference = None if ours is None or theirs is None else theirs.value - ours.value
        shown = MISSING if difference is None else words.number(difference, "+.2f")
        rows.append(
            (Cell(str(a.latents), value=a.latents), text_cell(a.name), text_cell(b.name),
             nats(words, ours), nats(words, theirs), Cell(shown, value=difference), nats(words, a.metric("test", "kl")))
        )  # fmt: skip
    losses = dict.fromkeys(loss_formula(a.first.spec.model, words) for a, _ in found)
    note = words("report.note.matched", loss="; ".join(losses))
    return Table("matched", words("report.caption.matched"), columns, tuple(rows), (note,))


def everything(runs: Sequence[Run], words: Words, shape: Sequence[int]) -> Table:
    """Every number of every run, seed and part."""
    columns = [Column(words(f"report.column.{c}"), numeric=c == "seed") for c in ("run", "seed", "part")]
    columns += [Column(words(f"report.metric.{m}", per=per_what(words, shape)), error=True) for m in METRICS]
    rows = []
    for run in runs:
        model = TrainedModel(run.spec.name, (OpenedRun(run),))
        seed = Cell(str(run.spec.seed), value=run.spec.seed)
        for split in PARTS:
            if split in run.metrics:
                cells = [part_cell(words, model, split, m, NATS if m in METRICS[:3] else FINE) for m in METRICS]
                rows.append((text_cell(run.spec.name), seed, text_cell(words(f"report.part.{split}")), *cells))
    return Table("everything", words("report.caption.everything"), tuple(columns), tuple(rows))


def settings(trained: Sequence[TrainedModel], words: Words) -> Table:
    """What each model is made of and how it was trained."""
    titles = ("run", "hidden", "posterior", "prior", "likelihood", "objective", "epochs", "batch_size", "learning_rate")
    numeric = {"epochs", "batch_size", "learning_rate"}
    columns = tuple(Column(words(f"report.column.{t}"), numeric=t in numeric) for t in titles)
    rows = []
    for model in trained:
        spec, train = model.first.spec.model, model.first.spec.train
        act = activation_name(spec.activation, words)
        network = f"{part_name('network', spec.network, words)} {'–'.join(map(str, spec.hidden))}, {act}"
        kinds = ("posterior", "prior", "likelihood", "objective")
        parts = [Cell(part_name(k, getattr(spec, k), words), value=part_text(getattr(spec, k))) for k in kinds]
        rate = words.number(train.learning_rate, "g")
        rate += "" if train.schedule == "constant" else f" ({train.schedule})"
        rows.append(
            (text_cell(model.name), text_cell(network), *parts, _epochs(model), count(words, train.batch_size),
             Cell(rate, value=train.learning_rate))
        )  # fmt: skip
    return Table("settings", words("report.caption.settings"), columns, tuple(rows))


def times(runs: Sequence[Run], words: Words) -> Table:
    """How long each run was trained."""
    titles = ("run", "seed", "epochs", "seconds", "per_epoch")
    columns = tuple(Column(words(f"report.column.{t}"), numeric=t != "run") for t in titles)
    rows = []
    for run in runs:
        epochs = len(run.history["loss"])
        rows.append(
            (text_cell(run.spec.name), Cell(str(run.spec.seed), value=run.spec.seed), count(words, epochs),
             Cell(words.number(run.seconds, ".1f"), value=run.seconds),
             Cell(words.number(run.seconds / epochs, ".3f"), value=run.seconds / epochs))
        )  # fmt: skip
    return Table("times", words("report.caption.times"), columns, tuple(rows), (words("report.note.times"),))


def parts_of(card: dict[str, Any], words: Words) -> Table:
    """Examples in each part, and how many of each class."""
    columns = [Column(words("report.column.class"), numeric=False)]
    for split in PARTS:
        group = words(f"report.part.{split}")
        columns += [Column(words("report.column.count"), group), Column("%", group)]
    totals, labels = card["counts"], card.get("labels", {})
    rows = []
    for i, name in enumerate([*card["classes"], None]):
        cells = [text_cell(words("report.column.total") if name is None else name)]
        for split in PARTS:
            if name is not None and split not in labels:
                cells += [Cell(MISSING), Cell(MISSING)]
                continue
            number = totals[split] if name is None else labels[split][i]
            share = 100 * number / totals[split]
            cells += [count(words, number), Cell(words.number(share, ".1f"), value=share)]
        rows.append(tuple(cells))
    return Table("classes", words("report.caption.classes"), tuple(columns), tuple(rows))


def _epochs(model: TrainedModel) -> Cell:
    low, high = model.epochs
    return Cell(str(low), value=low) if low == high else text_cell(f"{low}–{high}")


def _errors(trained: Sequence[TrainedModel], words: Words, unit: str) -> str:
    seeds = max(len(m.runs) for m in trained)
    return words("report.note.error_seeds", seeds=seeds) if seeds > 1 else words(f"report.note.error_{unit}")

"""The plain parts of a report's page: its sections, data, method, versions."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from latente.analysis.conclusions.standing import standing
from latente.analysis.conclusions.summary import summarise
from latente.analysis.trained_models import TrainedModel, grouped
from latente.data.datasets import ABOUT
from latente.data.notes import Note
from latente.data.split import PARTS, Data
from latente.evaluation.evaluate import SAMPLES
from latente.evaluation.run import Run
from latente.language.message import phrase
from latente.language.words import Words
from latente.plain import portable
from latente.report.conclusions import WordedClaim, worded_rule
from latente.report.figures.figure_file import FigureFile
from latente.report.tables import table
from latente.report.tables.table import Column, Table
from latente.spec import StudySpec

PICTURED = (
    "data", "model", "training", "reconstructions", "samples", "latent", "sizes", "search", "comparison", "scores",
)  # fmt: skip
"""Sections that are made of figures, in the page's order; a figure of any other group stands under the scores."""

SECTIONS = (*PICTURED, "conclusion", "notebook", "numbers", "method")
"""Of the page, in their order; the answers stand above."""

SYMBOLS = {"holds": "✓", "fails": "✗", "unknown": "?"}

LOSSES = ("best-loss", "best-reconstruction", "gap", "pair")
"""The rules whose sentences open the summary."""

TERMS = ("latent", "reconstruction", "kl", "nat", "prior", "error")

Numbered = tuple[int, FigureFile]
"""A figure with its number on the page."""


class PageSection(NamedTuple):
    """A part of the page: figures, and below them what is folded.

    Attributes:
        name: of `SECTIONS`.
        figures: under the title of each group; "" for none.
        tables: folded, each with its own caption.
        notes: folded sentences.
    """

    name: str
    figures: tuple[tuple[str, tuple[Numbered, ...]], ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()


def pictured(
    drawn: Sequence[FigureFile], tables: Mapping[str, Sequence[Table]], notes: Mapping[str, Sequence[str]]
) -> dict[str, PageSection]:
    """The sections that have a figure, a table or a note, by name; figures are numbered in the page's order."""
    numbers = itertools.count(1)
    found = {}
    for name in PICTURED:
        mine = [f for f in drawn if f.group == name or (name == "scores" and f.group not in (*PICTURED, "hero"))]
        groups = grouped(mine, lambda f: f.group)
        figures = tuple(
            ("" if group == name else group, tuple((next(numbers), f) for f in own)) for group, own in groups.items()
        )
        if figures or tables.get(name) or notes.get(name):
            found[name] = PageSection(name, figures, tuple(tables.get(name, ())), tuple(notes.get(name, ())))
    return found


def at_a_glance(trained: Sequence[TrainedModel], data: Data, words: Words, unit: str) -> str:
    """The line below the title: data, examples of each part, models, seeds."""
    seeds = len({r.spec.seed for m in trained for r in m.runs})
    counts = " / ".join(words.number(len(data.part(p)), ",d") for p in PARTS)
    models = words(f"report.glance.models_{'one' if len(trained) == 1 else 'many'}", models=len(trained))
    of_seeds = words(f"report.glance.seeds_{'one' if seeds == 1 else 'many'}", seeds=seeds)
    return words(f"report.glance.{unit}s", data=data.name, counts=counts, models=models, seeds=of_seeds)


def verdict_counts(conclusions: Iterable[Any]) -> list[tuple[str, int]]:
    """How many conclusions hold, fail, and cannot be told."""
    counts = Counter(c.verdict for c in conclusions)
    return [(verdict, counts[verdict]) for verdict in SYMBOLS if counts[verdict]]


def summary_sentences(runs: Sequence[Run], words: Words, general: Sequence[WordedClaim] = ()) -> list[WordedClaim]:
    """What stands out in the losses, and those of the ``general`` findings that are found; each sentence is a rule."""
    found = standing(runs, codes=False)
    said: list[WordedClaim] = []
    for claim in summarise(found):
        facts, whole = claim.values, worded_rule(claim, words)
        text = " ".join([whole.text, *whole.evidence])
        other = str(facts.get("second") or facts.get("other") or "")
        if found.seeds == 1 and claim.key in LOSSES:
            text = words("compare.seeds.said", text=text)
            number = "loss" if claim.key == "best-loss" else "reconstruction"
            between = found.contrast(str(facts["name"]), other, number) if other else None
            seeds, source = between.seeds_needed() if between else (None, "none")
            if seeds is not None and source == "typical":
                text += " " + words("compare.seeds.claim", seeds=words.number(seeds, ",d"))
        if claim.key in LOSSES:
            said.append(whole._replace(text=text, evidence=()))
    return said + [
        c._replace(text=" ".join([c.text, *c.evidence, c.do]), evidence=())
        for c in general
        if c.matters and c.code not in {s.code for s in said}
    ]


def data_facts(study: StudySpec, card: Mapping[str, Any], words: Words) -> list[tuple[str, str, bool]]:
    """What the data is: name, value, and whether the value is in a font of equal widths."""
    low, high = card["range"]
    extent = words("report.data.range_value", low=float(low), high=float(high), mean=float(card["mean"]))
    facts = [("name", card["name"], False)]
    known = ABOUT.get(study.data.source)
    if known is not None:
        facts.append(("about", words.templates.get(f"dataset.{study.data.source}", known.description), False))
        if known.mirrors:
            facts.append(("from", known.mirrors[0], True))
    # A report is sent to others, whom the folders of this machine do not concern; study.json has the whole path.
    source = Path(study.data.source).name if Path(study.data.source).is_absolute() else study.data.source
    if source != card["name"]:
        facts.append(("source", source, False))
    if card.get("without"):
        facts.append(("without", ", ".join(card["without"]), False))
    facts += [
        ("shape", " × ".join(map(str, card["shape"])), False),
        ("dtype", card["dtype"], False),
        ("range", extent, False),
        ("fingerprint", card["fingerprint"], True),
        *(("note", phrase(Note(**note).message, words), False) for note in card.get("notes", ())),
    ]
    return [(words(f"report.data.{key}"), value, mono) for key, value, mono in facts]


def method(trained: Sequence[TrainedModel], data: Data, words: Words, unit: str) -> list[tuple[str, str]]:
    """How models were trained and evaluated: a name and a sentence each."""
    seeds = sorted({r.spec.seed for m in trained for r in m.runs})
    stratified = "split_stratified" if data.classes else "split_plain"
    stops = [
        words("report.method.patience_value", name=m.name, patience=m.first.spec.train.patience)
        for m in trained
        if m.first.spec.train.patience
    ]
    begun = [
        words(
            "report.method.start_frozen" if start.freeze else "report.method.start_value",
            name=m.name, parent=start.name, fingerprint=start.fingerprint[:12], frozen=", ".join(start.freeze),
        ) + (words("report.method.start_anew", names=", ".join(start.anew)) if start.anew else "")
        for m in trained
        if (start := m.first.spec.start) is not None
    ]  # fmt: skip
    scored = any(r.measured.get("test") for m in trained for r in m.runs)
    test = [words("report.method.test_scored" if scored else "report.method.test_value")]
    again = list(dict.fromkeys(access.by for m in trained for r in m.runs for access in r.test_accesses[1:]))
    if again:
        test.append(words("report.method.test_again", commands="; ".join(map(portable, again))))
    facts = [
        ("split", words(f"report.method.{stratified}", seed=data.spec.seed)),
        ("optimizer", words("report.method.optimizer_value")),
        ("seeds", words("report.method.seeds_value", seeds=", ".join(map(str, seeds)))),
        ("patience", "; ".join(stops)),
        ("start", "; ".join(begun)),
        ("evaluation", words(f"report.method.evaluation_{unit}", samples=SAMPLES)),
        ("test", " ".join(test)),
    ]
    return [(words(f"report.method.{key}"), value) for key, value in facts if value]


def versions_table(facts: Mapping[str, Any], words: Words) -> Table:
    """Versions, the machine and the date, as far as they are known."""
    found = [(str(k), str(v)) for k, v in facts.get("versions", {}).items()]
    for key in ("platform", "processors", "date"):
        if facts.get(key):
            found.append((words(f"report.versions.{key}"), str(facts[key])))
    columns = tuple(Column(words(f"report.column.{c}"), numeric=False) for c in ("name", "version"))
    rows = tuple((table.text_cell(name), table.text_cell(value)) for name, value in found)
    return Table("versions", words("report.caption.versions"), columns, rows)

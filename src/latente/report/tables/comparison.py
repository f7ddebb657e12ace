"""A comparison and its elbows, as tables and sentences of one language."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from latente.analysis.compare import compared, default_scores
from latente.analysis.elbow import Elbow, known_elbows
from latente.analysis.power import MOST as MOST_SEEDS
from latente.analysis.power import POWER, TYPICAL
from latente.analysis.ranking import COUNTED, Comparison, PairedDifference, RankedModel, Ranking
from latente.analysis.trained_models import OpenedRun, distinct_models
from latente.evaluation.metrics.intervals import Estimate
from latente.evaluation.run import Run
from latente.language.message import Message, phrase
from latente.language.words import Words
from latente.report.tables.names import number_name, number_title
from latente.report.tables.numbers import digits, in_nats, number, p_value
from latente.report.tables.table import MISSING, Cell, Column, Table, count, text_cell

MOST = 28
"""Where there are more pairs (of more than eight models), only those with the best are shown."""

MOST_SCALES = 4


@dataclass(frozen=True)
class Section:
    """A comparison as a report shows it.

    Attributes:
        tables: budgets, then the differences of each number.
        notes: how it was corrected, and what was not ranked.
        curves: for each sweep what it is judged by, and which latent size is enough, in sentences.
    """

    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    curves: tuple[tuple[str, tuple[str, ...]], ...]


def compared_in(runs: Sequence[Run]) -> Comparison | None:
    """The runs of a study compared on the test part by what they have; None for a single model.

    Nothing is worked out anew, so that the test part is not accessed.
    """
    models, _ = distinct_models(map(OpenedRun, runs))
    if len(models) < 2 or any("test" not in run.metrics for run in runs):
        return None
    return compared(models, default_scores(runs, "test"), whole=False)


def section(found: Comparison, runs: Sequence[Run], words: Words) -> Section:
    """The comparison of a study's runs, and which latent size is enough."""
    return Section(
        tables=(budgets(found, words), *(differences(b, found, words) for b in found.boards)),
        notes=tuple(notes(found, words)),
        curves=tuple((criterion(e, words), tuple(sentences(e, words))) for e in known_elbows(runs)),
    )


def criterion(curve: Elbow, words: Words) -> str:
    """Which models an elbow is of, and by which number."""
    models, column = words.joined(list(curve.models)), number_name(curve.column, words)
    return words("compare.elbow.judged", models=models, column=column, part=words(f"report.part.{curve.split}"))


def values(ranking: Ranking, split: str, words: Words) -> Table:
    """The models of a ranking from best to worst, with their numbers."""
    # Without an error of their own, three figures of each.
    places = digits(e.value.standard_error or e.value.value / 10 for e in ranking.entries)

    def cell(entry: RankedModel) -> Cell:
        value, error = entry.value.value, entry.value.standard_error
        return Cell(number(words, value, places), number(words, error, places) if error else "", value, error)

    rows = tuple(
        (count(words, place), text_cell(e.model), count(words, e.seeds), cell(e))
        for place, e in enumerate(ranking.entries, 1)
    )
    score = number_title(ranking.column, words)
    columns = (*_columns(words, "rank", "model", "seeds"), Column(score, error=True))
    better = words("compare.lower" if ranking.lower else "compare.higher")
    part, scale = words(f"report.part.{split}"), phrase(ranking.scale, words)
    caption = words("compare.values", score=score, part=part, scale=scale, better=better)
    return Table(f"values-{ranking.column}", caption, columns, rows)


def differences(ranking: Ranking, found: Comparison, words: Words) -> Table:
    """The paired differences of a ranking; of many models, those with the best."""
    shown = shown_differences(ranking)
    places = digits(g.difference.estimate for g in shown)
    titles = ("first", "second", "difference", "interval", "p", "better")
    columns = _columns(words, *titles, level=f"{100 * found.level:g}")
    part = words(f"report.part.{found.split}")
    score, scale = number_name(ranking.column, words), phrase(ranking.scale, words)
    caption = words("compare.differences", score=score, part=part, scale=scale)
    notes = [words(f"compare.covers.{c}") for c in dict.fromkeys(map(_covers, shown))]
    notes += _seeds(shown, words)
    if len(shown) < len(ranking.gaps):
        notes.append(words("compare.reference", comparisons=len(ranking.gaps)))
    rows = tuple(_row(g, places, words) for g in shown)
    return Table(f"differences-{ranking.column}", caption, columns, rows, tuple(notes))


def shown_differences(ranking: Ranking) -> list[PairedDifference]:
    """Those that fit on a page: of many models, the differences from the best."""
    best = ranking.entries[0].model
    return [g for g in ranking.gaps if len(ranking.gaps) <= MOST or best in (g.first, g.second)]


def _columns(words: Words, *titles: str, **values: str) -> tuple[Column, ...]:
    text = ("model", "first", "second", "better")
    return tuple(Column(words(f"compare.column.{t}", **values), numeric=t not in text) for t in titles)


def _row(gap: PairedDifference, places: int, words: Words) -> tuple[Cell, ...]:
    d = gap.difference
    low, high = (number(words, v, places, sign=True) for v in (d.estimate.low, d.estimate.high))
    known = gap.covers != "nothing"
    better = gap.better or words("compare.better.unknown")
    if gap.better and gap.about == "weights":
        better = words("compare.better.weights", model=gap.better)
    return (
        text_cell(gap.first),
        text_cell(gap.second),
        Cell(number(words, d.estimate.value, places, sign=True), value=d.estimate.value),
        Cell(f"{low} … {high}" if known else MISSING, value=f"{d.estimate.low} {d.estimate.high}" if known else None),
        Cell(p_value(words, d.p_value) if known else MISSING, value=d.p_value if known else None),
        text_cell(better),
    )


def _covers(gap: PairedDifference) -> str:
    return gap.covers if gap.paired or gap.about == "weights" else f"{gap.covers}_apart"


def _seeds(shown: Sequence[PairedDifference], words: Words) -> list[str]:
    """How many seeds a claim about the models would take, by the first difference: that of the best two."""
    if not shown or (shown[0].about == "models" and shown[0].better):
        return []
    gap = shown[0]
    case = "none" if gap.spread_from == "none" else gap.spread_from if gap.seeds_needed else "never"
    if case == "none" and gap.covers == "nothing":
        return []
    fields = {
        "first": gap.first,
        "second": gap.second,
        "seeds": words.number(gap.seeds_needed or 0, ",d"),
        "most": words.number(MOST_SEEDS, ",d"),
        "power": f"{100 * POWER:g}",
        "ratio": words.number(TYPICAL, "g"),
    }
    return [words(f"compare.seeds.{gap.about}_{case}", **fields)]


def budgets(found: Comparison, words: Words) -> Table:
    """What each model was given; the notes say in what the budgets differ, and what the cells are."""
    columns = _columns(words, "model", "seeds", *COUNTED, "seconds")
    rows = tuple(
        (
            text_cell(b.model),
            count(words, len(m.runs)),
            *(_span(words, getattr(b, name)) for name in COUNTED),
            _span(words, b.seconds, ".1f"),
        )
        for b, m in zip(found.budgets, found.models, strict=True)
    )
    what = words.joined([words(f"compare.budget.{name}") for name in found.unequal])
    said = [words("compare.note.unequal", what=what) if found.unequal else words("compare.note.equal")]
    if any(len(m.runs) > 1 for m in found.models):
        said.append(words("compare.note.spans"))
    return Table("budgets", words("compare.budgets"), columns, rows, tuple(said))


def notes(found: Comparison, words: Words) -> list[str]:
    """How it was corrected, and what was not ranked with the reason."""
    alpha = words.number(1 - found.level, "g")
    said = []
    if found.comparisons > 1:
        said.append(words("compare.note.corrected", comparisons=found.comparisons, alpha=alpha))
    elif found.comparisons == 1:
        said.append(words("compare.note.single", alpha=alpha))
    if not found.boards:
        said.append(words("compare.note.nothing"))
    together: dict[tuple[str, str, str], list[str]] = {}
    for note in found.notes:
        values = dict(note.values)
        score = values["score"] = number_title(values["score"], words) if "score" in values else ""
        if note.kind in ("none", "alone", "unscored"):
            together.setdefault((note.kind, score, values.get("why", "")), []).append(values["model"])
        elif note.kind == "apart":
            scales = values["scales"]
            each = scales.values["scales"] if isinstance(scales, Message) else ()
            number_of = len(each) if isinstance(each, tuple) else 0
            key = "apart_many" if number_of > MOST_SCALES else "apart"
            said.append(words(f"compare.note.{key}", score=score, count=number_of, scales=phrase(scales, words)))
        else:
            said.append(words(f"compare.note.{note.kind}", **values))
    for (kind, score, why), models in together.items():
        why, names = phrase(why, words), words.joined(models)
        said.append(words(f"compare.note.{kind}", score=score, why=why, models=names))
    return said


def _span(words: Words, span: Sequence[float], form: str = ",.0f") -> Cell:
    low, high = (words.number(v, form) for v in span)
    return Cell(low if low == high else f"{low}–{high}", value=span[0] if low == high else f"{span[0]:g}-{span[1]:g}")


def sentences(found: Elbow, words: Words) -> list[str]:
    """The recommendation, what it leaves open, and what it covers."""
    said = [verdict(found, words)]
    small = [s.latents for s in found.sizes if s.state == "small" and s.latents < (found.chosen or math.inf)]
    if small and found.shape != "falling":
        said.append(words("compare.elbow.small", sizes=_listed(small, words)))
    if found.possible and found.chosen is not None:
        said.append(words("compare.elbow.open", sizes=_listed(found.possible, words)))
    if found.seeds == 1 and found.seeds_needed is not None:
        fields = {"power": f"{100 * POWER:g}", "ratio": words.number(TYPICAL, "g")}
        said.append(words("compare.elbow.one_seeds", seeds=words.number(found.seeds_needed, ",d"), **fields))
    else:
        key = "one" if found.seeds == 1 else "only_seeds" if found.examples == 1 else "seeds"
        examples = words.number(found.examples, ",d")
        said.append(words(f"compare.elbow.{key}", seeds=found.seeds, examples=examples))
    if found.aside:
        said.append(words("compare.elbow.aside", count=found.aside))
    if found.shape == "unknown" and found.seeds > 1:
        said.append(words("compare.elbow.more"))
    if found.column == "loss":
        said.append(words("compare.elbow.bound"))
    return said


def _listed(sizes: Sequence[int], words: Words, last: str = "and") -> str:
    return words.joined([str(size) for size in sizes], last)


def verdict(found: Elbow, words: Words) -> str:
    """The recommendation in one sentence; with one seed it says that it is about these weights."""
    said = recommendation(found, words)
    return words("compare.elbow.weights", verdict=said) if found.seeds == 1 and found.chosen is not None else said


def recommendation(found: Elbow, words: Words) -> str:
    """The recommendation in one sentence, without what it is about."""
    places = digits(s.behind for s in found.sizes if s.latents != found.best)

    def shown(value: float) -> str:
        text = number(words, value, places)
        return words("compare.elbow.nats", value=text) if in_nats(found.column) else text

    def said(key: str, name: str, estimate: Estimate, **more: Any) -> str:
        interval = {"low": number(words, estimate.low, places), "high": shown(estimate.high)}
        facts = {"level": f"{100 * found.level:g}", "best": found.best, "chosen": found.chosen, **more}
        facts |= {"tolerance": shown(found.tolerance), "gain": shown(found.gain.value), name: shown(estimate.value)}
        return words(f"compare.elbow.{key}", **facts, **interval)

    if found.chosen is None:
        if any(s.state == "small" for s in found.sizes):
            return words("compare.elbow.unknown", possible=_listed(found.possible, words, "compare.elbow.or"))
        return said("unknown_all", "gain", found.gain, smallest=found.sizes[0].latents)
    if found.shape == "falling":
        return said("falling", "behind", found.sizes[-2].behind, next=found.sizes[-2].latents)
    if found.shape == "flat" and found.share is not None:
        return words("compare.elbow.flat", chosen=found.chosen, flat=shown(found.flat))
    key = ("within" if found.share is None else "elbow") + ("_best" if found.chosen == found.best else "")
    share = "" if found.share is None else f"{words.number(100 * found.share, 'g')}%"
    return said(key, "behind", found.at(found.chosen).behind, share=share)


def caption_and_alt(found: Elbow, words: Words) -> tuple[str, str]:
    """The caption of an elbow's figure, and the text for readers who cannot see it."""
    part = words(f"report.part.{found.split}") if found.split else ""
    fields = {"column": number_name(found.column, words), "part": part, "level": f"{100 * found.level:g}"}

    def listed(values: Sequence[tuple[int, float]], places: int) -> str:
        return words.joined(
            [words("compare.elbow.alt_value", size=s, value=number(words, v, places)) for s, v in values]
        )

    behind = digits(s.behind for s in found.sizes if s.latents != found.best)
    values = listed([(s.latents, s.mean.value) for s in found.sizes], digits(s.mean for s in found.sizes))
    behinds = listed([(s.latents, s.behind.value) for s in found.sizes], behind)
    alt = words("compare.elbow.alt", values=values, behinds=behinds, verdict=verdict(found, words), **fields)
    return words("compare.elbow.caption", **fields), alt


def text(found: Comparison, lang: str | None = None) -> str:
    """A comparison as the command line prints it."""
    return "\n".join(paragraphs(found, (), Words(lang))).lstrip("\n")


def paragraphs(found: Comparison, curves: Sequence[Elbow], words: Words) -> Iterator[str]:
    """Tables and sentences, each to be printed as it is."""
    tables = [budgets(found, words)]
    for ranking in found.boards:
        tables.append(values(ranking, found.split, words))
        if ranking.gaps:
            tables.append(differences(ranking, found, words))
    yield from (f"\n{table.terminal(fold=False)}" for table in tables)
    yield "\n".join(notes(found, words))
    for curve in curves:
        head = f"\n{words('compare.elbow.title')}: {criterion(curve, words)}"
        yield "\n".join([head, *sentences(curve, words)])

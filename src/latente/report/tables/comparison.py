"""A comparison and its elbows as tables and sentences of one language, and as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from latente.analysis.compare import compared, usual
from latente.analysis.elbow import Elbow, Size, elbow_of, scored_by
from latente.analysis.power import MOST as MOST_SEEDS
from latente.analysis.power import POWER, TYPICAL
from latente.analysis.ranking import COUNTED, Comparison, PairedDifference, RankedModel, Ranking
from latente.analysis.trained_models import OpenedRun, distinct_models, sweeps
from latente.evaluation.run import Run
from latente.language.message import in_language
from latente.language.words import Words, default_language
from latente.report.tables.names import number_name, number_title, scale_name
from latente.report.tables.numbers import digits, in_nats, number, p_value
from latente.report.tables.table import MISSING, Cell, Column, Table, _drawn, text_cell

MOST = 28
"""Where there are more pairs (of more than eight models), only those with the best are shown."""

MOST_SCALES = 4


@dataclass(frozen=True)
class Section:
    """A comparison as a report shows it.

    Attributes:
        tables: budgets, then the differences of each number.
        notes: how it was corrected, and what was not ranked.
        curves: for each sweep what it was judged by, and which latent size is enough, in sentences.
    """

    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    curves: tuple[tuple[str, tuple[str, ...]], ...]


def section(runs: Sequence[Run], words: Words) -> Section | None:
    """The runs of a study compared on the test part by what they have; None for a single model.

    Nothing is worked out anew, and the test part is not looked at.
    """
    models, _ = distinct_models(map(OpenedRun, runs))
    if len(models) < 2 or any("test" not in run.metrics for run in runs):
        return None
    found = compared(models, usual(runs, "test"), whole=False)
    return Section(
        tables=(budgets(found, words), *(differences(b, found, words) for b in found.boards)),
        notes=tuple(notes(found, words)),
        curves=tuple((judged(e, words), tuple(sentences(e, words))) for e in judged_curves(runs)),
    )


def judged_curves(runs: Sequence[Run]) -> list[Elbow]:
    """The elbow of every sweep over latent sizes that can be judged by what is known of the validation part."""
    known = [(s, scored_by(s)) for s in sweeps(distinct_models(map(OpenedRun, runs))[0])]
    return [elbow_of(sweep, score) for sweep, score in known if score is not None]


def judged(curve: Elbow, words: Words) -> str:
    """Of which models it is, and by what."""
    part = words(f"report.part.{curve.split}")
    return words(
        "compare.elbow.judged",
        models=words.joined(list(curve.models)),
        column=number_name(curve.column, words),
        part=part,
    )


def values(board: Ranking, split: str, words: Words) -> Table:
    """The models of a board from best to worst, with their numbers."""
    # Without an error of their own, three figures of each.
    places = digits(e.value.standard_error or e.value.value / 10 for e in board.entries)
    columns = (
        Column(words("compare.column.rank")),
        Column(words("compare.column.model"), numeric=False),
        Column(words("compare.column.seeds")),
        Column(number_title(board.column, words), error=True),
    )

    def cell(entry: RankedModel) -> Cell:
        value, error = entry.value.value, entry.value.standard_error
        return Cell(number(words, value, places), number(words, error, places) if error else "", value, error)

    rows = tuple(
        (_count(words, place), text_cell(e.model), _count(words, e.seeds), cell(e))
        for place, e in enumerate(board.entries, 1)
    )
    better = words("compare.lower" if board.lower else "compare.higher")
    part = words(f"report.part.{split}")
    score, scale = number_title(board.column, words), scale_name(board.scale, words)
    caption = words("compare.values", score=score, part=part, scale=scale, better=better)
    return Table(f"values-{board.column}", caption, columns, rows)


def differences(board: Ranking, found: Comparison, words: Words) -> Table:
    """The paired differences of a board; of many models, those with the best."""
    best = board.entries[0].model
    shown = board.gaps if len(board.gaps) <= MOST else [g for g in board.gaps if best in (g.first, g.second)]
    places = digits(g.difference.estimate for g in shown)
    level = f"{100 * found.level:g}"
    columns = (
        Column(words("compare.column.first"), numeric=False),
        Column(words("compare.column.second"), numeric=False),
        Column(words("compare.column.difference")),
        Column(words("compare.column.interval", level=level)),
        Column(words("compare.column.p")),
        Column(words("compare.column.better"), numeric=False),
    )
    rows = tuple(_row(g, places, words) for g in shown)
    part = words(f"report.part.{found.split}")
    score, scale = number_name(board.column, words), scale_name(board.scale, words)
    caption = words("compare.differences", score=score, part=part, scale=scale)
    notes = [words(f"compare.covers.{c}") for c in dict.fromkeys(map(_covers, shown))]
    notes += _seeds(shown, words)
    if len(shown) < len(board.gaps):
        notes.append(words("compare.reference", comparisons=len(board.gaps)))
    return Table(f"differences-{board.column}", caption, columns, rows, tuple(notes))


def _row(gap: PairedDifference, places: int, words: Words) -> tuple[Cell, ...]:
    d = gap.difference
    low, high = (number(words, v, places, sign=True) for v in (d.estimate.low, d.estimate.high))
    told = gap.covers != "nothing"
    better = gap.better or words("compare.better.unknown")
    if gap.better and gap.about == "weights":
        better = words("compare.better.weights", model=gap.better)
    return (
        text_cell(gap.first),
        text_cell(gap.second),
        Cell(number(words, d.estimate.value, places, sign=True), value=d.estimate.value),
        Cell(f"{low} … {high}" if told else MISSING, value=f"{d.estimate.low} {d.estimate.high}" if told else None),
        Cell(p_value(words, d.p_value) if told else MISSING, value=d.p_value if told else None),
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
    told = {
        "first": gap.first,
        "second": gap.second,
        "seeds": words.number(gap.seeds_needed or 0, ",d"),
        "most": words.number(MOST_SEEDS, ",d"),
        "power": f"{100 * POWER:g}",
        "ratio": words.number(TYPICAL, "g"),
    }
    return [words(f"compare.seeds.{gap.about}_{case}", **told)]


def budgets(found: Comparison, words: Words) -> Table:
    """What each model was given; where budgets differ the notes say in what."""
    columns = (
        Column(words("compare.column.model"), numeric=False),
        Column(words("compare.column.seeds")),
        *(Column(words(f"compare.column.{name}")) for name in (*COUNTED, "seconds")),
    )
    rows = tuple(
        (
            text_cell(b.model),
            _count(words, len(m.runs)),
            *(_span(words, getattr(b, name)) for name in COUNTED),
            _span(words, b.seconds, ".1f"),
        )
        for b, m in zip(found.budgets, found.models, strict=True)
    )
    return Table("budgets", words("compare.budgets"), columns, rows, tuple(budget_notes(found, words)))


def budget_notes(found: Comparison, words: Words) -> list[str]:
    """In what the budgets differ, and what the table's cells are."""
    what = words.joined([words(f"compare.budget.{name}") for name in found.unequal])
    said = [words("compare.note.unequal", what=what) if found.unequal else words("compare.note.equal")]
    if any(len(m.runs) > 1 for m in found.models):
        said.append(words("compare.note.spans"))
    return said


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
    together: dict[tuple[str, ...], list[str]] = {}
    for note in found.notes:
        v = note.values
        if note.kind == "none":
            together.setdefault(("none", v["score"], v["why"]), []).append(v["model"])
        elif note.kind in ("alone", "unscored"):
            together.setdefault((note.kind, v["score"], ""), []).append(v["model"])
        elif note.kind == "apart":
            scales, score = v["scales"].split("; "), number_title(v["score"], words)
            if len(scales) > MOST_SCALES:
                said.append(words("compare.note.apart_many", score=score, count=len(scales)))
            else:
                said.append(
                    words("compare.note.apart", score=score, scales="; ".join(_apart(s, words) for s in scales))
                )
        elif "score" in v:
            said.append(words(f"compare.note.{note.kind}", **{**v, "score": number_title(v["score"], words)}))
        else:
            said.append(words(f"compare.note.{note.kind}", **v))
    for (kind, score, why), models in together.items():
        said.append(
            words(
                f"compare.note.{kind}",
                score=number_title(score, words),
                why=in_language(why, words),
                models=words.joined(models),
            )
        )
    return said


def _apart(group: str, words: Words) -> str:
    """A scale and its models, as the comparison's note has them: "elbo of bernoulli (vae, vae-4)"."""
    scale, _, models = group.rpartition(" (")
    return f"{scale_name(scale, words)} – {models.removesuffix(')')}"


def _count(words: Words, value: int) -> Cell:
    return Cell(words.number(value, ",d"), value=value)


def _span(words: Words, span: Sequence[float], form: str = ",.0f") -> Cell:
    low, high = (words.number(v, form) for v in span)
    return Cell(low if low == high else f"{low}–{high}", value=span[0] if low == high else f"{span[0]:g}-{span[1]:g}")


def sentences(found: Elbow, words: Words) -> list[str]:
    """The recommendation, what it leaves open, and what it covers."""
    said = [verdict(found, words)]
    small = [
        s.latents for s in found.sizes if s.state == "small" and (found.chosen is None or s.latents < found.chosen)
    ]
    if small and found.shape != "falling":
        said.append(words("compare.elbow.small", sizes=words.joined([str(s) for s in small])))
    if found.possible and found.chosen is not None:
        said.append(words("compare.elbow.open", sizes=words.joined([str(s) for s in found.possible])))
    if found.seeds == 1 and found.seeds_needed is not None:
        told = {"power": f"{100 * POWER:g}", "ratio": words.number(TYPICAL, "g")}
        said.append(words("compare.elbow.one_seeds", seeds=words.number(found.seeds_needed, ",d"), **told))
    elif found.seeds == 1:
        said.append(words("compare.elbow.one"))
    elif found.examples == 1:
        said.append(words("compare.elbow.only_seeds", seeds=found.seeds))
    else:
        examples = words.number(found.examples, ",d")
        said.append(words("compare.elbow.seeds", seeds=found.seeds, examples=examples))
    if found.aside:
        said.append(words("compare.elbow.aside", count=found.aside))
    if found.shape == "unknown" and found.seeds > 1:
        said.append(words("compare.elbow.more"))
    if found.column == "loss":
        said.append(words("compare.elbow.bound"))
    return said


def verdict(found: Elbow, words: Words) -> str:
    """The recommendation in one sentence; with one seed it says that it is about these weights."""
    said = _verdict(found, words)
    return words("compare.elbow.weights", verdict=said) if found.seeds == 1 and found.chosen is not None else said


def _verdict(found: Elbow, words: Words) -> str:
    places = digits(s.behind for s in found.sizes if s.latents != found.best)

    def told(value: float) -> str:
        text = number(words, value, places)
        return words("compare.elbow.nats", value=text) if in_nats(found.column) else text

    def against(size: Size) -> dict[str, str]:
        gap = size.behind
        return {"behind": told(gap.value), "low": number(words, gap.low, places), "high": told(gap.high)}

    level = f"{100 * found.level:g}"
    common: dict[str, Any] = {"level": level, "best": found.best, "tolerance": told(found.tolerance)}
    if found.chosen is None:
        if any(s.state == "small" for s in found.sizes):
            sizes = [str(s) for s in found.possible]
            head = ", ".join(sizes[:-1])
            possible = f"{head} {words('compare.elbow.or')} {sizes[-1]}" if head else sizes[-1]
            return words("compare.elbow.unknown", possible=possible)
        gain = {"gain": told(found.gain.value), "low": number(words, found.gain.low, places)}
        smallest = found.sizes[0].latents
        return words("compare.elbow.unknown_all", smallest=smallest, high=told(found.gain.high), **gain, **common)
    common |= {"chosen": found.chosen, "gain": told(found.gain.value)}
    if found.share is not None:
        common["share"] = f"{words.number(100 * found.share, 'g')}%"
    if found.shape == "falling":
        second = found.sizes[-2]
        return words("compare.elbow.falling", next=second.latents, **against(second), **common)
    if found.shape == "flat" and found.share is not None:
        return words("compare.elbow.flat", chosen=found.chosen, flat=told(found.flat))
    key = "elbow" if found.share is not None else "within"
    if found.chosen == found.best:
        return words(f"compare.elbow.{key}_best", **common)
    return words(f"compare.elbow.{key}", **against(found.at(found.chosen)), **common)


def described(found: Elbow, words: Words) -> tuple[str, str]:
    """The figure's caption, and the text for who cannot see it."""
    part = words(f"report.part.{found.split}") if found.split else ""
    told: dict[str, Any] = {"column": number_name(found.column, words), "part": part, "level": f"{100 * found.level:g}"}

    def listed(values: Sequence[tuple[int, float]], places: int) -> str:
        return words.joined(
            [words("compare.elbow.alt_value", size=s, value=number(words, v, places)) for s, v in values]
        )

    behind = digits(s.behind for s in found.sizes if s.latents != found.best)
    values = listed([(s.latents, s.mean.value) for s in found.sizes], digits(s.mean for s in found.sizes))
    behinds = listed([(s.latents, s.behind.value) for s in found.sizes], behind)
    alt = words("compare.elbow.alt", values=values, behinds=behinds, verdict=verdict(found, words), **told)
    return words("compare.elbow.caption", **told), alt


def text(found: Comparison, lang: str | None = None) -> str:
    """A comparison as the command line prints it."""
    return "\n".join(_told(found, (), Words(lang or default_language()))).lstrip("\n")


def _told(found: Comparison, curves: Sequence[Elbow], words: Words) -> Iterator[str]:
    yield _drawn(budgets(found, words))
    for board in found.boards:
        yield _drawn(values(board, found.split, words))
        if board.gaps:
            yield _drawn(differences(board, found, words))
    yield "\n".join(notes(found, words))
    for curve in curves:
        head = f"\n{words('compare.elbow.title')}: {judged(curve, words)}"
        yield "\n".join([head, *sentences(curve, words)])

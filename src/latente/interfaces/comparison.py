"""A comparison as tables and sentences of one language, and as plain values for CSV and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from latente.evaluation.comparison.boards import Board, Comparison, Entry, Gap
from latente.evaluation.comparison.budget import COUNTED
from latente.evaluation.comparison.compare import compared, usual
from latente.evaluation.comparison.contenders import Opened, contenders
from latente.evaluation.comparison.elbow import Elbow
from latente.evaluation.comparison.power import MOST as MOST_SEEDS
from latente.evaluation.comparison.power import POWER, TYPICAL
from latente.evaluation.comparison.sweep import elbow_of, scored_by, sweeps
from latente.evaluation.run import Run
from latente.interfaces import elbows
from latente.interfaces.naming import number_name, number_title
from latente.interfaces.numbers import digits, number, p_value
from latente.interfaces.scales import scale_name
from latente.interfaces.tables import MISSING, Cell, Column, Table, text_cell
from latente.interfaces.warned import in_language
from latente.interfaces.words import Words

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
    models, _ = contenders([Opened(run) for run in runs])
    if len(models) < 2 or any("test" not in run.metrics for run in runs):
        return None
    found = compared(models, usual(runs, "test"), whole=False)
    return Section(
        tables=(budgets(found, words), *(differences(b, found, words) for b in found.boards)),
        notes=tuple(notes(found, words)),
        curves=tuple((judged(e, words), tuple(elbows.sentences(e, words))) for e in judged_curves(runs)),
    )


def judged_curves(runs: Sequence[Run]) -> list[Elbow]:
    """The elbow of every sweep over latent sizes that can be judged by what is known of the validation part."""
    known = [(s, scored_by(s)) for s in sweeps(contenders([Opened(run) for run in runs])[0])]
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


def values(board: Board, split: str, words: Words) -> Table:
    """The models of a board from best to worst, with their numbers."""
    # Without an error of their own, three figures of each.
    places = digits(e.value.standard_error or e.value.value / 10 for e in board.entries)
    columns = (
        Column(words("compare.column.rank")),
        Column(words("compare.column.model"), numeric=False),
        Column(words("compare.column.seeds")),
        Column(number_title(board.column, words), error=True),
    )

    def cell(entry: Entry) -> Cell:
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


def differences(board: Board, found: Comparison, words: Words) -> Table:
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


def _row(gap: Gap, places: int, words: Words) -> tuple[Cell, ...]:
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


def _covers(gap: Gap) -> str:
    return gap.covers if gap.paired or gap.about == "weights" else f"{gap.covers}_apart"


def _seeds(shown: Sequence[Gap], words: Words) -> list[str]:
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

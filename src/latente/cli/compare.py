"""`latente compare`: models compared; tables and sentences, CSV, JSON, and the run that is selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from latente.cli import compiling
from latente.cli import options as common
from latente.cli.options import AddCommand, Arguments
from latente.plain import csv_text
from latente.terminal import say

if TYPE_CHECKING:
    from latente.analysis.compare import OnScore
    from latente.analysis.elbow import Elbow
    from latente.analysis.trained_models import Sweep
    from latente.evaluation.scores import Score

PLACE = 30

COLUMNS = ("score", "column", "scale", "split", "first", "second", "difference", "low", "high", "p_value",
           "comparisons", "seeds", "examples", "covers", "paired_by_seed",
           "better", "about", "seeds_needed", "spread_from")  # fmt: skip


def add(command: AddCommand) -> None:
    """The command's options."""
    compare = command(
        "compare",
        _compare,
        help="compare models: paired differences with intervals, budgets, the latent size that is enough",
        description="Compare finished runs, or all runs of studies; seeds of one model are one model. Differences are "
        "paired by example and seed, and corrected for how many there are.",
    )
    compare.add_argument("folders", nargs="+", metavar="RUN", help="runs' folders, or studies'")
    common.scores(compare, "by which numbers, by comma (loss, mse and what the runs were scored by)")
    compare.add_argument("--split", choices=common.PARTS, help="on which part (test; with --select validation)")
    compare.add_argument("--against", metavar="MODEL", help="compare all others with this one, not with each other")
    compare.add_argument("--select", action="store_true",
                         help="choose the best run on validation; its folder is the last line printed")  # fmt: skip
    compare.add_argument("--share", type=common.number, metavar="X",
                         help="a latent size is enough with so much of the gain missing (0.05)")  # fmt: skip
    compare.add_argument(
        "--tolerance", type=common.number, metavar="X", help="or with so much missing, in the score's units"
    )
    common.moved_data(compare)
    common.output_files(compare, "write every difference as a table, too", "write all of it as JSON, too")
    common.language(compare)


def _compare(arguments: Arguments) -> None:
    compiling.prepare()
    from latente.analysis.compare import compare
    from latente.analysis.ranking import refuse_test
    from latente.analysis.trained_models import sweeps
    from latente.atomic import as_json
    from latente.cli.progress import counting
    from latente.evaluation.outputs import Output, object_of, table_of
    from latente.report.tables.comparison import paragraphs
    from latente.report.tables.names import number_name

    words = common.words_of(arguments)
    keys = ("split", "level", "models", "boards", "elbows")
    as_table = Output(arguments.csv, "--csv", "comparison that latente wrote", table_of(COLUMNS))
    as_object = Output(arguments.json, "--json", "comparison that latente wrote", object_of(keys))
    split = arguments.split or ("validation" if arguments.select else "test")
    if arguments.select:
        refuse_test(split, "--select")
    asked = common.scores_of(arguments.scores or None, arguments.samples, arguments.settings)
    with counting() as on_score:
        found = compare(
            arguments.folders, asked or None, split=split, against=arguments.against, on_score=on_score,
            data=arguments.data,
        )  # fmt: skip
        judged = [_elbow(sweep, asked, arguments, on_score) for sweep in sweeps(found.models)]
    curves = [curve for curve in judged if curve is not None]
    choice = found.select() if arguments.select else None
    as_table.write(csv_text(COLUMNS, [row.values() for row in found.rows()]))
    as_object.write(as_json({**found.as_dict(), "elbows": [asdict(curve) for curve in curves]}))
    for text in paragraphs(found, curves, words):
        say(text)
    if len(curves) < len(judged):
        say(words("compare.elbow.unjudged"))
    if choice is not None:
        column, seed = number_name(choice.column, words), choice.opened.run.spec.seed
        say(words("compare.note.selected", column=column, model=choice.model, seed=seed))
        if choice.ties:
            kind = "ties" if choice.about == "models" else "ties_weights"
            say(words(f"compare.note.{kind}", models=words.joined(list(choice.ties))))
        say(str(choice.opened.folder))


def _elbow(sweep: Sweep, asked: Sequence[Score], arguments: Arguments, on_score: OnScore) -> Elbow | None:
    """By the first score asked for that all of a sweep share and that is to be minimised; else by what is known."""
    from latente.analysis.compare import measure
    from latente.analysis.elbow import SHARE, elbow_of, known_score
    from latente.analysis.trained_models import by_scale

    for score in asked:
        scales = by_scale(sweep, score)
        if True in score.columns().values() and None not in scales and len(scales) == 1:
            break
    else:
        known = known_score(sweep)
        if known is None:
            return None
        score = known
    measure([o for m in sweep for o in m.opened], [score], "validation", on_score)
    share = SHARE if arguments.share is None else arguments.share
    return elbow_of(sweep, score, share=share, tolerance=arguments.tolerance)

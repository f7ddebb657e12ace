"""Compare finished runs from the command line: tables on the terminal, CSV, JSON, and the run that is selected."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from rich.progress import Progress, TaskID

from latente.analysis.compare import OnScore, compare, measure
from latente.analysis.elbow import SHARE, Elbow, elbow_of, scored_by
from latente.analysis.ranking import refuse_test
from latente.analysis.trained_models import Sweep, by_scale, sweeps
from latente.atomic import as_json as to_json
from latente.cli.evaluate import scores_of
from latente.cli.progress import counting
from latente.evaluation.outputs import check_output, object_of, table_of, write_output
from latente.evaluation.scores import Score
from latente.language.words import Words, default_language
from latente.plain import csv_cell, visible
from latente.report.tables.comparison import _told
from latente.report.tables.names import number_name

COLUMNS = ("score", "column", "scale", "split", "first", "second", "difference", "low", "high", "p_value",
           "comparisons", "seeds", "examples", "covers", "paired_by_seed",
           "better", "about", "seeds_needed", "spread_from")  # fmt: skip

CSV = ("--csv", "comparison that latente wrote", table_of(COLUMNS))

JSON = ("--json", "comparison that latente wrote", object_of(("split", "level", "models", "boards", "elbows")))


def compare_runs(
    folders: Sequence[str],
    *,
    names: Sequence[str] | None,
    samples: int | None,
    settings: Sequence[str],
    split: str | None,
    against: str | None,
    select: bool,
    share: float | None,
    tolerance: float | None,
    as_csv: str | None,
    as_json: str | None,
    lang: str | None,
    data: str | None = None,
) -> Iterator[str]:
    """Compare runs and write what is new into their folders; gives tables and sentences as text.

    Args:
        folders: of runs or studies.
        names: of the scores; None: the loss, the squared error and what the runs were scored by.
        samples: K of the score nll; None for its own.
        settings: ``NAME.OPTION=VALUE`` each, for options of these scores.
        split: on which part; None: "validation" to select, otherwise "test".
        against: a model with which alone all others are compared.
        select: choose a run; its folder comes last.
        share, tolerance: see `latente.elbow`.
        as_csv, as_json: files to write.
        lang: the language.
        data: where the runs' data is now; None: where it was.

    Raises:
        SpecError: as `latente.compare`; or selecting on the test part.
        StoreError, DataError: as `latente.compare`.
    """
    words = Words(lang or default_language())
    for path, about in ((as_csv, CSV), (as_json, JSON)):
        if path is not None:
            # Said before the work, not after it.
            check_output(path, *about)
    split = split or ("validation" if select else "test")
    if select:
        refuse_test(split, "--select")
    asked = scores_of(names or (), samples, settings) or None
    with counting() as progress:
        on_score = _bar(progress)
        found = compare(folders, asked, split=split, against=against, on_score=on_score, data=data)
        judged = [_elbow(s, asked, share, tolerance, on_score) for s in sweeps(found.models)]
    curves = [e for e in judged if e is not None]
    unjudged = len(curves) < len(judged)
    choice = found.select() if select else None
    if as_csv is not None:
        write_output(as_csv, _csv(found.rows()), *CSV)
    if as_json is not None:
        write_output(as_json, to_json({**found.as_dict(), "elbows": [asdict(curve) for curve in curves]}), *JSON)
    yield from _told(found, curves, words)
    if unjudged:
        yield words("compare.elbow.unjudged")
    if choice is not None:
        told = {"column": number_name(choice.column, words), "model": choice.model, "seed": choice.opened.run.spec.seed}
        yield words("compare.note.selected", **told)
        if choice.ties:
            kind = "ties" if choice.about == "models" else "ties_weights"
            yield words(f"compare.note.{kind}", models=words.joined(list(choice.ties)))
        yield str(choice.opened.folder)


def _elbow(
    sweep: Sweep, asked: Sequence[Score] | None, share: float | None, tolerance: float | None, on_score: OnScore
) -> Elbow | None:
    """By the first score asked for that all of a sweep share and that is to be minimised; else by what is known."""
    for score in asked or ():
        scales = by_scale(sweep, score)
        if True in score.columns().values() and None not in scales and len(scales) == 1:
            break
    else:
        known = scored_by(sweep)
        if known is None:
            return None
        score = known
    measure([o for m in sweep for o in m.opened], [score], "validation", on_score)
    return elbow_of(sweep, score, share=SHARE if share is None else share, tolerance=tolerance)


def _bar(progress: Progress) -> OnScore:
    tasks: dict[str, TaskID] = {}

    def on_score(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = progress.add_task(visible(what), total=total)
        progress.update(tasks[what], completed=done)

    return on_score


def _csv(rows: Sequence[dict[str, object]]) -> str:
    out = io.StringIO()
    written = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    written.writeheader()
    written.writerows({name: csv_cell(value) for name, value in row.items()} for row in rows)
    return out.getvalue()

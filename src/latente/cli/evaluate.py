"""Score finished runs from the command line: kept with each run, shown together where they compare."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from rich.progress import Progress, TaskID

from latente.analysis.conclusions.score_rules import ScoreOfRun
from latente.atomic import as_json as to_json
from latente.cli.progress import counting
from latente.errors import SpecError
from latente.evaluation.folders import run_folders
from latente.evaluation.outputs import check_output, rows_of, table_of, write_output
from latente.evaluation.run import Run, load, read_data
from latente.evaluation.scores import Score, scores
from latente.language.message import in_language
from latente.language.words import Words, default_language
from latente.plain import csv_cell, visible
from latente.report.conclusions import lines
from latente.report.scores import claims_of_scores
from latente.report.tables.names import scale_name
from latente.report.tables.scores import label
from latente.report.tables.table import fine
from latente.studies.settings import of_parts
from latente.terminal import drawn

Scored = Sequence[tuple[Path, Run]]

COLUMNS = ("run", "seed", "folder", "split", "score", "scale", "metric", "value", "standard_error")

CSV = ("--csv", "table of scores that latente wrote", table_of(COLUMNS))

JSON = ("--json", "list of scores that latente wrote", rows_of(COLUMNS))


def score_runs(
    folders: Sequence[str],
    names: Sequence[str],
    samples: int | None,
    split: str,
    settings: Sequence[str] = (),
    data: str | None = None,
) -> tuple[Scored, list[Score]]:
    """Score runs and write the numbers into their folders.

    A score that was worked out before is kept and not looked at anew.

    Args:
        folders: of the runs.
        names: of the scores.
        samples: K of the score nll; None for its own.
        split: on which part of the data.
        settings: ``NAME.OPTION=VALUE`` each, for options of these scores.
        data: where the runs' data is now; None: where it was.

    Raises:
        SpecError: an unknown score or option.
        StoreError, DataError: a run cannot be read, or its data is gone.
    """
    asked = scores_of(names, samples, settings)
    runs = [(folder, load(folder)) for given in folders for folder in run_folders(Path(given))]
    if len({r.card["fingerprint"] for _, r in runs}) > 1:
        raise SpecError(
            "these runs were trained on different data, so that their numbers do not compare; score them apart"
        )
    if data is not None:
        found = read_data(runs[0][1].spec.data, runs[0][1].card, data)
        for _, run in runs:
            run._data = found
    with counting() as progress:
        for folder, run in runs:
            before = set(run.measured.get(split, {}))
            for score in asked:
                task = progress.add_task(visible(f"{folder.name}: {score.key()}"), total=None)
                run.score(score, split, partial(_advance, progress, task))
                progress.remove_task(task)
            if before != set(run.measured.get(split, {})):
                run.write(folder)
    return runs, asked


def check_files(as_csv: str | None, as_json: str | None) -> None:
    """Say before the work, not after it, what `write_numbers` could not write.

    Raises:
        StoreError, SpecError: as `latente.evaluation.outputs.check_output`.
    """
    for path, about in ((as_csv, CSV), (as_json, JSON)):
        if path is not None:
            check_output(path, *about)


def scores_of(names: Sequence[str], samples: int | None, settings: Sequence[str] = ()) -> list[Score]:
    """The scores of these names, as the command line asks for them; see `score_runs`.

    Raises:
        SpecError: an unknown score or option; ``samples`` where no score takes it.
    """
    options = of_parts(settings, names)
    if samples is not None:
        if "nll" not in options:
            raise SpecError(
                f"--samples {samples} is the K of nll, which is not asked for (asked: {', '.join(names) or 'none'}); "
                "add nll to --metrics, or set an option of another score by --set NAME.OPTION=VALUE"
            )
        options["nll"].setdefault("samples", samples)
    return [scores.make({"name": n, **options[n]}) for n in names]


def score_tables(runs: Scored, asked: Sequence[Score], split: str, lang: str | None) -> Iterator[str]:
    """A table for each scale of each score, then its warnings and the runs that have no such number, as text."""
    words = Words(lang or default_language())
    names = _names([folder for folder, _ in runs])
    for score in asked:
        groups: dict[str, list[tuple[Path, Run]]] = {}
        for folder, run in runs:
            groups.setdefault(score.scale(run) or "", []).append((folder, run))
        for folder, run in groups.pop("", []):
            yield words("warned.none", name=folder, score=score.key(), why=in_language(score.why_not(run), words))
        for scale, members in groups.items():
            yield _table(score, scale, members, split, words, names)
            for folder, run in members:
                yield from (f"{folder}: {in_language(w, words)}" for w in run.measured[split][score.key()].warnings)


def score_findings(runs: Scored, asked: Sequence[Score], split: str, lang: str | None) -> Iterator[str]:
    """What the numbers say, a line a rule and run: its verdict, the claim, and its evidence."""
    keys = {score.key() for score in asked}
    scored: list[ScoreOfRun] = [
        (str(folder), run.spec.seed, measured)
        for folder, run in runs
        for key, measured in run.measured.get(split, {}).items()
        if key in keys
    ]
    yield from lines(claims_of_scores(scored), Words(lang or default_language()))


def write_numbers(runs: Scored, asked: Sequence[Score], split: str, *, as_csv: str | None, as_json: str | None) -> None:
    """The numbers as files, one row a run and number: run, seed, folder, split, score, scale, metric, value,
    standard_error.

    Raises:
        StoreError: a file cannot be written.
    """
    rows = [
        {"run": run.spec.name, "seed": run.spec.seed, "folder": str(folder), "split": split, "score": score.key(),
         "scale": score.scale(run), "metric": name, "value": metric.value, "standard_error": metric.standard_error}
        for score in asked
        for folder, run in runs
        if score.key() in run.measured.get(split, {})
        for name, metric in run.measured[split][score.key()].values.items()
    ]  # fmt: skip
    if as_json is not None:
        # JSON has no infinity and no NaN.
        plain = [{k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in r.items()} for r in rows]
        write_output(as_json, to_json(plain), *JSON)
    if as_csv is not None:
        out = io.StringIO()
        written = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        written.writeheader()
        written.writerows({name: csv_cell(value) for name, value in row.items()} for row in rows)
        write_output(as_csv, out.getvalue(), *CSV)


def _advance(progress: Progress, task: TaskID, done: int, total: int) -> None:
    progress.update(task, completed=done, total=total)


def _names(folders: Sequence[Path]) -> dict[Path, str]:
    """Folders without the parents that all have in common: whole paths are too long for the head of a column.

    One alone is called as it was given.
    """
    if len(folders) == 1:
        return {folders[0]: str(folders[0])}
    shared = len(os.path.commonpath([folder.absolute().parent for folder in folders]))
    return {folder: str(folder.absolute())[shared:].lstrip(os.sep) for folder in folders}


def _table(score: Score, scale: str, members: Scored, split: str, words: Words, names: dict[Path, str]) -> str:
    """Best first by the first number that is ranked; in the order given where none is."""
    columns = score.columns()
    ranked = next(((c, lower) for c, lower in columns.items() if lower is not None), None)
    values = {folder: run.measured[split][score.key()].values for folder, run in members}
    if ranked is not None:
        sign = 1 if ranked[1] else -1
        absent = float("inf")
        members = sorted(
            members, key=lambda m: sign * values[m[0]][ranked[0]].value if ranked[0] in values[m[0]] else absent
        )
    shown = [c for c in columns if any(c in v for v in values.values())]
    # Many numbers of few runs stand under each other, so that a terminal is wide enough.
    lying = len(shown) > 3
    title = f"{score.key()} ({words(f'report.part.{split}')}): {scale_name(scale, words)}"
    heads = (
        ("", *(names[folder] for folder, _ in members))
        if lying
        else (words("report.column.run"), *(label(c, score, words) for c in shown))
    )
    rows: list[list[str]]

    def cell(folder: Path, column: str) -> str:
        if column not in values[folder]:
            return "–"
        found = values[folder][column]
        value = words.number(found.value, fine(found))
        return f"{value} ± {words.number(found.standard_error, '.4f')}" if found.standard_error else value

    if lying:
        rows = [[label(column, score, words), *(cell(folder, column) for folder, _ in members)] for column in shown]
    else:
        rows = [[names[folder], *(cell(folder, column) for column in shown)] for folder, _ in members]
    return drawn(heads, rows, title=title)

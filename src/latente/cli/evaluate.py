"""`latente evaluate`: finished runs scored; numbers are kept with each run, and shown together where they compare."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latente.cli import compiling
from latente.cli import options as common
from latente.cli.options import AddCommand, Arguments
from latente.errors import SpecError
from latente.plain import csv_text
from latente.terminal import say

if TYPE_CHECKING:
    from latente.analysis.trained_models import OpenedRun
    from latente.evaluation.scores import Score
    from latente.language.words import Words

PLACE = 20

COLUMNS = ("run", "seed", "folder", "split", "score", "scale", "metric", "value", "standard_error")


def add(command: AddCommand) -> None:
    """The command's options."""
    evaluate = command("evaluate", _evaluate, help="score finished runs, and rank those whose numbers mean the same")
    evaluate.add_argument("folders", nargs="+", metavar="RUN", help="runs' folders")
    common.scores(evaluate, "which, by comma (%(default)s)", default="nll,mean-mse,linear-probe,active-units")
    evaluate.add_argument("--split", default="test", choices=common.PARTS, help="on which part (test)")
    common.moved_data(evaluate)
    common.output_files(evaluate, "write the numbers as a table, too", "write the numbers as JSON, too")
    common.language(evaluate)


def _evaluate(arguments: Arguments) -> None:
    compiling.prepare()
    from latente.atomic import as_json
    from latente.cli.progress import counting
    from latente.evaluation.outputs import Output, rows_of, table_of
    from latente.report.conclusions import lines
    from latente.report.scores import claims_of_scores

    split, words = arguments.split, common.words_of(arguments)
    as_table = Output(arguments.csv, "--csv", "table of scores that latente wrote", table_of(COLUMNS))
    as_list = Output(arguments.json, "--json", "list of scores that latente wrote", rows_of(COLUMNS))
    asked = common.scores_of(arguments.scores, arguments.samples, arguments.settings)
    opened = _open(arguments)
    with counting() as on_score:
        for one in opened:
            before = set(one.run.measured.get(split, {}))
            for score in asked:
                one.run.score(score, split, partial(on_score, f"{one.run.spec.name}: {score.key()}"))
            if one.folder is not None and before != set(one.run.measured.get(split, {})):
                one.run.write(one.folder)
    for score in asked:
        _say_score(score, opened, split, words)
    keys = {score.key() for score in asked}
    scored = [
        (one.where, one.run.spec.seed, measured)
        for one in opened
        for key, measured in one.run.measured.get(split, {}).items()
        if key in keys
    ]
    for line in lines(claims_of_scores(scored), words):
        say(line)
    rows = [row for score in asked for one in opened for row in _rows(one, score, split)]
    # JSON has no infinity and no NaN.
    plain = [{k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in r.items()} for r in rows]
    as_list.write(as_json(plain))
    as_table.write(csv_text(COLUMNS, [row.values() for row in rows]))


def _say_score(score: Score, opened: Sequence[OpenedRun], split: str, words: Words) -> None:
    """A table for each scale, with the warnings of its runs, and which runs have no such number."""
    from latente.analysis.trained_models import grouped
    from latente.language.message import phrase
    from latente.report.tables.scores import of_runs

    names = _names([Path(one.where) for one in opened])
    groups = grouped(opened, lambda one: score.scale(one.run) or "")
    for one in groups.pop("", []):
        why = phrase(score.unsupported(one.run) or "", words)
        say(words("warned.none", name=one.where, score=score.key(), why=why))
    for scale, members in groups.items():
        runs = {names[one.where]: one.run for one in members}
        say(of_runs(score, scale, runs, split, words).terminal(rule=False))
        for one in members:
            for warning in one.run.measured[split][score.key()].warnings:
                say(f"{one.where}: {phrase(warning, words)}")


def _open(arguments: Arguments) -> list[OpenedRun]:
    from latente.analysis.trained_models import OpenedRun
    from latente.evaluation.folders import run_folders
    from latente.evaluation.hub import is_hub
    from latente.evaluation.run import load
    from latente.evaluation.run_data import read_data

    opened = [
        # Nothing is written into the hub's cache.
        OpenedRun(load(folder), None if is_hub(given) else folder)
        for given in arguments.folders
        for folder in run_folders(Path(given))
    ]
    if len({one.run.card["fingerprint"] for one in opened}) > 1:
        raise SpecError(
            "these runs were trained on different data, so that their numbers do not compare; score them apart"
        )
    if arguments.data is not None:
        data = read_data(opened[0].run.spec.data, opened[0].run.card, arguments.data)
        for one in opened:
            one.run._data = data
    return opened


def _rows(one: OpenedRun, score: Score, split: str) -> list[dict[str, Any]]:
    """A row for each number that a run has of a score."""
    measured = one.run.measured.get(split, {}).get(score.key())
    return [] if measured is None else [
        {"run": one.run.spec.name, "seed": one.run.spec.seed, "folder": one.where, "split": split,
         "score": score.key(), "scale": score.scale(one.run), "metric": name, "value": metric.value,
         "standard_error": metric.standard_error}
        for name, metric in measured.values.items()
    ]  # fmt: skip


def _names(folders: Sequence[Path]) -> dict[str, str]:
    """Folders without the parents that all have in common: whole paths are too long for the head of a column.

    One alone is called as it was given.
    """
    if len(folders) == 1:
        return {str(folders[0]): str(folders[0])}
    shared = len(os.path.commonpath([folder.absolute().parent for folder in folders]))
    return {str(folder): str(folder.absolute())[shared:].lstrip(os.sep) for folder in folders}

"""What a study's search found, in its report: trials, what mattered, and the found model beside the default."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latente.analysis.compare import compared
from latente.analysis.ranking import PairedDifference
from latente.analysis.trained_models import OpenedRun, distinct_models
from latente.atomic import JSON_LIMIT, parse_json
from latente.evaluation.manifest import damage, reading
from latente.evaluation.run import Run
from latente.evaluation.scores import scores
from latente.language.words import Words
from latente.report.figures import search as figures
from latente.report.figures.figure_file import FigureFile, as_svg
from latente.report.tables.comparison import differences
from latente.report.tables.names import number_name
from latente.report.tables.numbers import digits, number
from latente.report.tables.table import MISSING, Cell, Column, Table, count, text_cell
from latente.spec import SearchSpec

SEARCH = "search.json"
"""In a study's folder, what its search found."""

STATES = ("complete", "pruned", "failed")

Label = str | int | float | bool


@dataclass(frozen=True)
class Trial:
    """One model that a search trained.

    Attributes:
        number: in their order, from 0.
        state: "complete", "pruned" (broken off by its validation ELBO) or "failed".
        value: what was searched by, on the validation part; of complete ones.
        error: its standard error, where it is known.
        epochs: how many it was trained.
        default: whether its settings are those of the run that is varied.
        why: what failed.
        values: its settings by name.
    """

    number: int
    state: str
    value: float | None
    error: float | None
    epochs: int
    default: bool
    why: str
    values: Mapping[str, Label]


@dataclass(frozen=True)
class Searched:
    """What a search found.

    Attributes:
        run: the run that was varied.
        by, column, lower: the score, its number, and whether less is better.
        seed: of all trials.
        best: the number of the best one.
        default: the settings of the run that was varied.
        space: for each setting its choices, or the ends of its range and whether it is logarithmic.
        importance: the share of the variance that each setting explains; None where that cannot be told.
        trials: all of them.
    """

    run: str
    by: str
    column: str
    lower: bool
    seed: int
    best: int
    default: Mapping[str, Label]
    space: Mapping[str, tuple[Label, ...] | tuple[float, float, bool]]
    ranges: frozenset[str]
    importance: Mapping[str, float] | None
    trials: tuple[Trial, ...]

    @property
    def winner(self) -> Trial:
        """The best trial."""
        return next(trial for trial in self.trials if trial.number == self.best)

    def of(self, state: str) -> list[Trial]:
        """The trials of a state."""
        return [trial for trial in self.trials if trial.state == state]


@dataclass(frozen=True)
class SearchSection:
    """A search as a report shows it: sentences and tables."""

    sentences: tuple[str, ...]
    tables: tuple[Table, ...]


def read_search(folder: Path) -> Searched | None:
    """What a study's folder has of its search; None where there was none.

    Raises:
        StoreError: it is damaged.
    """
    if not (folder / SEARCH).is_file():
        return None
    return reading(folder, lambda manifest: _parsed(folder / SEARCH, manifest.read(SEARCH, JSON_LIMIT)))


def _parsed(path: Path, content: bytes) -> Searched:
    table = parse_json(path, content)
    with damage(path):
        space = {str(k): _asked(v) for k, v in table["vary"].items()}
        found = Searched(
            run=str(table["run"]),
            by=str(table["by"]),
            column=str(table["column"]),
            lower=bool(table["lower"]),
            seed=int(table["seed"]),
            best=int(table["best"]),
            default={str(k): _label(v) for k, v in table["default"].items()},
            space=space,
            ranges=frozenset(k for k, v in table["vary"].items() if "low" in v),
            importance=None if table["importance"] is None else {
                str(k): float(v) for k, v in table["importance"].items() if k in space
            },
            trials=tuple(_trial(one) for one in table["trials"]),
        )  # fmt: skip
        if found.best not in [trial.number for trial in found.of("complete")]:
            raise ValueError("its best trial has no number")
        return found


def _asked(table: Mapping[str, Any]) -> Any:
    if "low" in table:
        return float(table["low"]), float(table["high"]), bool(table["log"])
    return tuple(_label(value) for value in table["choices"])


def _label(value: Any) -> Label:
    if not isinstance(value, str | int | float | bool):
        raise TypeError(f"{type(value).__name__} where a setting should be")
    return value


def _trial(table: Mapping[str, Any]) -> Trial:
    if table["state"] not in STATES:
        raise ValueError(f"unknown state of a trial: {table['state']!r}")
    value, error = (None if table[k] is None else float(table[k]) for k in ("value", "standard_error"))
    if (table["state"] == "complete") != (value is not None) or (value is not None and not math.isfinite(value)):
        raise ValueError("a trial without its number")
    return Trial(
        int(table["number"]),
        str(table["state"]),
        value,
        error,
        int(table["epochs"]),
        bool(table["default"]),
        str(table["error"] or ""),
        {str(k): _label(v) for k, v in table["values"].items()},
    )


def setting(value: Label | None, words: Words) -> str:
    """A setting as a page has it."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "true" if value else "false"
    return words.decimal(f"{value:.4g}") if isinstance(value, float) else str(value)


def search_section(found: Searched, spec: SearchSpec, runs: Sequence[Run], words: Words) -> SearchSection:
    """A search in words and tables, and what it found compared with the default on the test part, over new seeds."""
    compared_by, sentence = _compared(found, spec, runs, words)
    best, column = found.winner, number_name(found.column, words)
    places = digits(t.error for t in found.trials if t.error)
    assert best.value is not None
    counts = {state: len(found.of(state)) for state in STATES}
    sentences = [
        words("search.trials", run=found.run, trials=len(found.trials), column=column, seed=found.seed, **counts),
        words("search.best", number=best.number, value=number(words, best.value, places), column=column),
        *([words("search.no_better", run=found.run)] if best.default else [sentence] if sentence else []),
    ]
    tables = (_settings(found, words), *compared_by, _trials(found, places, words))
    return SearchSection(tuple(sentences), tables)


def _compared(found: Searched, spec: SearchSpec, runs: Sequence[Run], words: Words) -> tuple[tuple[Table, ...], str]:
    names = (found.run, found.run + "-tuned")
    models, _ = distinct_models([OpenedRun(run) for run in runs if run.spec.name in names])
    if len(models) < 2 or any("test" not in run.metrics for model in models for run in model.runs):
        return (), ""
    score = scores.make(spec.by)
    result = compared(models, [score], whole=False)
    boards = [board for board in result.boards if board.gaps and board.column == found.column]
    if not boards:
        return (), ""
    gap = boards[0].gaps[0]
    return (differences(boards[0], result, words),), _sentence(gap, names, found, words)


def _sentence(gap: PairedDifference, names: tuple[str, str], found: Searched, words: Words) -> str:
    """Tuned minus default, whatever order they are ranked in."""
    estimate, sign = gap.difference.estimate, 1 if gap.second == names[1] else -1
    places = digits([estimate])
    low, high = sorted((sign * estimate.low, sign * estimate.high))
    values = {
        "difference": number(words, sign * estimate.value, places, sign=True),
        "low": number(words, low, places, sign=True),
        "high": number(words, high, places, sign=True),
    }
    verdict = {names[1]: "better", names[0]: "worse"}.get(gap.better or "", "unknown")
    about = "weights" if gap.about == "weights" else "models"
    text = words(
        f"search.compared_{about}", run=names[0], tuned=names[1], column=number_name(found.column, words),
        seeds=gap.seeds, **values,
    )  # fmt: skip
    return f"{text} {words(f'search.verdict.{verdict}', run=names[0], tuned=names[1])}"


def _settings(found: Searched, words: Words) -> Table:
    columns = tuple(
        Column(words(f"search.column.{name}"), numeric=name in ("importance",))
        for name in ("setting", "space", "default", "found", "importance")
    )
    importance = found.importance or {}

    def share(value: float | None) -> Cell:
        return Cell(MISSING) if value is None else Cell(words.number(value, ".2f"), value=value)

    rows = tuple(
        (
            text_cell(name),
            text_cell(_space(found, name, words)),
            text_cell(setting(found.default.get(name), words)),
            text_cell(setting(found.winner.values.get(name), words)),
            Cell(words.number(importance[name], ".2f"), value=importance[name])
            if name in importance
            else Cell(MISSING),
        )
        for name in found.space
    )
    notes = (words("search.importance_note"),) if importance else ()
    return Table("search", words("search.caption.settings", run=found.run), columns, rows, notes)


def _space(found: Searched, name: str, words: Words) -> str:
    if name not in found.ranges:
        return ", ".join(setting(value, words) for value in found.space[name])
    low, high, log = found.space[name]
    ends = f"{setting(float(low), words)} … {setting(float(high), words)}"
    return f"{ends} ({words('search.log')})" if log else ends


def _trials(found: Searched, places: int, words: Words) -> Table:
    names = ("trial", "state", "epochs")
    columns = (
        *(Column(words(f"search.column.{name}"), numeric=name != "state") for name in names),
        Column(number_name(found.column, words), error=True),
        *(Column(name, numeric=False) for name in found.space),
    )
    worst = math.inf if found.lower else -math.inf
    ordered = sorted(
        found.trials, key=lambda t: (t.value if t.value is not None else worst) * (1 if found.lower else -1)
    )

    def cell(trial: Trial) -> Cell:
        if trial.value is None:
            return Cell(MISSING)
        error = number(words, trial.error, places) if trial.error else ""
        return Cell(number(words, trial.value, places), error, trial.value, trial.error)

    rows = tuple(
        (
            count(words, trial.number),
            text_cell(words("search.default") if trial.default else words(f"search.state.{trial.state}")),
            count(words, trial.epochs),
            cell(trial),
            *(text_cell(setting(trial.values.get(name), words)) for name in found.space),
        )
        for trial in ordered
    )
    failed = [words("search.failed", number=t.number, why=t.why) for t in found.of("failed")][:5]
    return Table("trials", words("search.caption.trials", run=found.run), columns, rows, tuple(failed))


def search_figures(folder: Path, words: Words) -> Iterator[FigureFile]:
    """The trials in their order with what mattered, and a panel for each setting.

    Raises:
        StoreError: search.json is damaged.
    """
    found = read_search(folder)
    if found is None:
        return
    column, best = number_name(found.column, words), found.winner
    assert best.value is not None
    shown = {"run": found.run, "column": column, "number": best.number, "value": float(best.value)}
    done = [(t.number, t.value) for t in found.trials if t.value is not None]
    pruned = [t.number for t in found.of("pruned")]
    caption = words("search.figure.trials", **shown)
    alt = words("search.figure.trials_alt", **shown, complete=len(done), pruned=len(pruned))
    if found.importance:
        listed = [f"{name} {words.number(share, '.2f')}" for name, share in found.importance.items()]
        caption += " " + words("search.figure.importance")
        alt += " " + words("search.figure.importance_alt", listed=words.joined(listed))
    drawn = figures.trials(done, pruned, found.importance or {}, words, ylabel=column, lower=found.lower)
    yield as_svg("search-trials", drawn, caption, alt, group="search", wide=True)
    panels = [
        figures.Slice(
            name,
            [(t.values[name], t.value) for t in found.trials if t.value is not None and name in t.values],
            None if name in found.ranges else [setting(v, words) for v in found.space[name]],
            name in found.ranges and bool(found.space[name][2]),
            best.values[name],
            found.default.get(name),
        )
        for name in found.space
    ]
    panels = [
        figures.Slice(p.name, [(_at(v, found.space[p.name], p.choices), y) for v, y in p.points], p.choices, p.log,
                      _at(p.best, found.space[p.name], p.choices),
                      None if p.default is None else _at(p.default, found.space[p.name], p.choices))
        for p in panels[: figures.MOST]
    ]  # fmt: skip
    listed = [words("search.figure.slice_alt", name=n, best=setting(best.values.get(n), words)) for n in found.space]
    drawn = figures.slices(panels, words, ylabel=column, lower=found.lower, best=best.value)
    yield as_svg(
        "search-slices", drawn, words("search.figure.slices", **shown),
        words("search.figure.slices_alt", **shown, listed=words.joined(listed)), group="search", wide=True,
    )  # fmt: skip


def _at(value: Any, space: Sequence[Any], choices: Sequence[str] | None) -> float | None:
    """Where a setting stands on an axis: its number, or the place of a choice; None where it is none of them."""
    if choices is None:
        return float(value) if isinstance(value, int | float) else None
    places = [i for i, one in enumerate(space) if one == value and isinstance(one, bool) == isinstance(value, bool)]
    return float(places[0]) if places else None

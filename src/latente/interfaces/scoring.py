"""Score finished runs from the command line: kept with each run, shown together where they compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from latente.errors import SpecError
from latente.evaluation.run import Run, load
from latente.evaluation.scores import Score, scores
from latente.interfaces.words import Words, default_language


def score_runs(
    folders: Sequence[str], names: Sequence[str], samples: int, split: str, lang: str | None
) -> Iterator[str]:
    """Score runs and write the numbers into their folders; gives a table for each score, as text.

    A score that was worked out before is shown again and not looked at anew.

    Args:
        folders: of the runs.
        names: of the scores.
        samples: K of the bounds.
        split: on which part of the data.
        lang: how numbers are written.

    Raises:
        SpecError: an unknown score.
        StoreError, DataError: a run cannot be read, or its data is gone.
    """
    words = Words(lang or default_language())
    asked = [scores.make({"name": n, "samples": samples} if "samples" in scores.options(n) else n) for n in names]
    runs = [(Path(folder), load(folder)) for folder in folders]
    if len({r.card["fingerprint"] for _, r in runs}) > 1:
        raise SpecError(
            "these runs were trained on different data, so that their numbers do not compare; score them apart"
        )
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for folder, run in runs:
            before = {k: set(v) for k, v in run.metrics.items()}
            for score in asked:
                task = progress.add_task(f"{folder.name}: {score.key()}", total=None)
                run.score(score, split, partial(_advance, progress, task))
                progress.remove_task(task)
            if before != {k: set(v) for k, v in run.metrics.items()}:
                run.write(folder)
    for score in asked:
        yield from _tables(runs, score, split, words)


def _advance(progress: Progress, task: TaskID, done: int, total: int) -> None:
    progress.update(task, completed=done, total=total)


def _tables(runs: Sequence[tuple[Path, Run]], score: Score, split: str, words: Words) -> Iterator[str]:
    groups: dict[str, list[tuple[Path, Run]]] = {}
    for folder, run in runs:
        scale = score.scale(run)
        if scale is None:
            yield f"{folder}: has no {score.key()} (its model knows no such number)"
        else:
            groups.setdefault(scale, []).append((folder, run))
    for scale, members in groups.items():
        table = Table("run", f"{score.key()} ({split})", "±", title=scale, title_justify="left", box=None)
        members.sort(key=lambda m: m[1].metrics[split][score.key()].value * (1 if score.lower else -1))
        for folder, run in members:
            found = run.metrics[split][score.key()]
            table.add_row(str(folder), words.number(found.value, ".4f"), words.number(found.standard_error, ".4f"))
        console = Console(width=120)
        with console.capture() as captured:
            console.print(table)
        yield captured.get().rstrip()

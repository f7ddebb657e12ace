"""What a person sees while a study trains: a bar on a terminal, plain lines elsewhere, nothing with --quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from latente import stopping
from latente.language.words import Words
from latente.plain import visible
from latente.studies.watch import Watch
from latente.training.progress import epoch_line, epoch_numbers, run_name, stage_line

if TYPE_CHECKING:
    from latente.spec import RunSpec
    from latente.training.fit import EpochNumbers

LINE_SECONDS = 1.0


@contextmanager
def watching(*, quiet: bool, lang: str | None = None, stream: TextIO | None = None) -> Iterator[Watch]:
    """A `Watch` that shows what goes on, on standard error unless told otherwise, and where signals are obeyed."""
    words = Words(lang)
    stream = stream or sys.stderr
    if quiet:
        yield _stopping(Watch())
    elif stream.isatty():
        with _bar(stream, words) as watch:
            yield _stopping(watch)
    else:
        yield _stopping(_lines(stream, words))


def _stopping(watch: Watch) -> Watch:
    def on_epoch(epoch: EpochNumbers) -> None:
        watch.on_epoch(epoch)
        stopping.check()

    def on_stage(text: str, run: RunSpec | None) -> None:
        watch.on_stage(text, run)
        stopping.check()

    return Watch(on_epoch, on_stage, watch.on_done)


@contextmanager
def counting() -> Iterator[Callable[[str, int, int], None]]:
    """A bar of what is worked out, on standard error; nothing where that is no terminal.

    Gives what is called with (what is worked out, examples done, of how many).
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    # Names of folders are no markup.
    columns = TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    # Where nobody sees it, it would still end with an empty line.
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=None, visible=False)

        def on_score(what: str, done: int, total: int) -> None:
            progress.update(bar, description=visible(what), completed=done, total=total, visible=True)

        yield on_score


def _lines(stream: TextIO, words: Words) -> Watch:
    written: dict[str, float] = {}

    def say(text: str) -> None:
        print(visible(text), file=stream, flush=True)

    def on_epoch(epoch: EpochNumbers) -> None:
        now = time.monotonic()
        name = run_name(epoch.run, words)
        if epoch.number in (1, epoch.epochs) or now - written.get(name, 0.0) >= LINE_SECONDS:
            written[name] = now
            say("  " + epoch_line(epoch, words))

    return Watch(on_epoch, lambda text, run: say(stage_line(text, run, words)))


@contextmanager
def _bar(stream: TextIO, words: Words) -> Iterator[Watch]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(file=stream)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=18),
        MofNCompleteColumn(),
        TextColumn("{task.fields[numbers]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=False) as progress:
        bars: dict[str, TaskID] = {}

        def bar(run: RunSpec | None) -> TaskID:
            name = "" if run is None else run_name(run, words)
            if name not in bars:
                bars[name] = progress.add_task("", total=None, numbers="")
            return bars[name]

        def on_stage(text: str, run: RunSpec | None) -> None:
            progress.update(bar(run), description=visible(stage_line(text, run, words)))

        def on_epoch(epoch: EpochNumbers) -> None:
            progress.update(
                bar(epoch.run), total=epoch.epochs, completed=epoch.number, numbers=epoch_numbers(epoch, words)
            )

        def on_done(run: RunSpec) -> None:
            # Its last numbers stay on the screen, above the bars of what still goes on.
            task = progress.tasks[progress.task_ids.index(bar(run))]
            console.print(f"{run_name(run, words)}: {task.fields['numbers']}", markup=False, highlight=False)
            progress.remove_task(bars.pop(run_name(run, words)))

        yield Watch(on_epoch, on_stage, on_done)

"""What a person sees while a study trains: a bar on a terminal, plain lines elsewhere, nothing with --quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from latente import stopping
from latente.interfaces.performing import Watch
from latente.interfaces.terminal import width
from latente.interfaces.translated import in_language
from latente.interfaces.words import Words, default_language
from latente.plain import visible
from latente.spec import RunSpec
from latente.training.fit import EpochNumbers

if TYPE_CHECKING:
    from rich.progress import Progress

LINE_SECONDS = 1.0


@contextmanager
def watching(*, quiet: bool, lang: str | None = None, stream: TextIO | None = None) -> Iterator[Watch]:
    """A `Watch` that shows what goes on, on standard error unless told otherwise, and where signals are obeyed."""
    words = Words(lang or default_language())
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
def counting() -> Iterator[Progress]:
    """Bars of what is worked out, on standard error; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    # Names of folders are no markup.
    columns = TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    # Where nobody sees it, it would still end with an empty line.
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress


@contextmanager
def fitting(run: RunSpec) -> Iterator[Callable[[EpochNumbers], object] | None]:
    """An ``on_epoch`` that shows one training in one line, on a terminal or in a notebook; None elsewhere."""
    notebook = _in_notebook()
    # What a notebook gets on standard error it shows as a warning.
    stream = sys.stdout if notebook else sys.stderr
    if not notebook and not stream.isatty():
        yield None
        return
    before = 0

    def write(text: str) -> None:
        nonlocal before
        shown = visible(text)[:200] if notebook else visible(text)[: max(20, width() - 1)]
        print(f"\r{shown:<{before}}", end="", file=stream, flush=True)
        before = len(shown)

    words = Words(default_language())
    write(_stage("compiling", run, words))
    try:
        yield lambda epoch: write(_epoch(epoch, words))
    finally:
        print(file=stream, flush=True)


def _in_notebook() -> bool:
    """Whether this is a Jupyter kernel, whose output is no terminal but moves to the start of a line as one does."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


def _numbers(epoch: EpochNumbers, words: Words) -> str:
    logs = {name: float(epoch.logs[name]) for name in ("loss", "reconstruction", "kl", "val_loss")}
    return words("progress.numbers", **logs, rate=epoch.examples / max(epoch.seconds, 1e-9))


def _epoch(epoch: EpochNumbers, words: Words) -> str:
    at = {"number": str(epoch.number), "epochs": str(epoch.epochs)}
    return words("progress.epoch", run=_name(epoch.run, words), numbers=_numbers(epoch, words), **at)


def _lines(stream: TextIO, words: Words) -> Watch:
    written: dict[str, float] = {}

    def say(text: str) -> None:
        print(visible(text), file=stream, flush=True)

    def on_epoch(epoch: EpochNumbers) -> None:
        now = time.monotonic()
        name = _name(epoch.run, words)
        if epoch.number in (1, epoch.epochs) or now - written.get(name, 0.0) >= LINE_SECONDS:
            written[name] = now
            say("  " + _epoch(epoch, words))

    return Watch(on_epoch, lambda text, run: say(_stage(text, run, words)))


def _name(run: RunSpec, words: Words) -> str:
    return words("progress.seed", name=run.name, seed=str(run.seed)) if run.seed else run.name


def _stage(text: str, run: RunSpec | None, words: Words) -> str:
    told = in_language(text, words.language)
    return told if run is None else f"{_name(run, words)}: {told}"


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
            name = "" if run is None else _name(run, words)
            if name not in bars:
                bars[name] = progress.add_task("", total=None, numbers="")
            return bars[name]

        def on_stage(text: str, run: RunSpec | None) -> None:
            progress.update(bar(run), description=visible(_stage(text, run, words)))

        def on_epoch(epoch: EpochNumbers) -> None:
            progress.update(bar(epoch.run), total=epoch.epochs, completed=epoch.number, numbers=_numbers(epoch, words))

        def on_done(run: RunSpec) -> None:
            # Its last numbers stay on the screen, above the bars of what still goes on.
            task = progress.tasks[progress.task_ids.index(bar(run))]
            console.print(f"{_name(run, words)}: {task.fields['numbers']}", markup=False, highlight=False)
            progress.remove_task(bars.pop(_name(run, words)))

        yield Watch(on_epoch, on_stage, on_done)

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
from latente.plain import visible
from latente.spec import RunSpec
from latente.training.fit import EpochNumbers

if TYPE_CHECKING:
    from rich.progress import Progress

LINE_SECONDS = 1.0


@contextmanager
def watching(*, quiet: bool, stream: TextIO | None = None) -> Iterator[Watch]:
    """A `Watch` that shows what goes on, on standard error unless told otherwise, and where signals are obeyed."""
    stream = stream or sys.stderr
    if quiet:
        yield _stopping(Watch())
    elif stream.isatty():
        with _bar(stream) as watch:
            yield _stopping(watch)
    else:
        yield _stopping(_lines(stream))


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

    write(f"{_name(run)}: compiling")
    try:
        yield lambda epoch: write(f"{_name(run)}: epoch {epoch.number}/{epoch.epochs}  {_numbers(epoch)}")
    finally:
        print(file=stream, flush=True)


def _in_notebook() -> bool:
    """Whether this is a Jupyter kernel, whose output is no terminal but moves to the start of a line as one does."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


def _numbers(epoch: EpochNumbers) -> str:
    logs = epoch.logs
    return (
        f"loss {logs['loss']:.2f}  recon {logs['reconstruction']:.2f}  KL {logs['kl']:.2f}  "
        f"val {logs['val_loss']:.2f}  {epoch.examples / max(epoch.seconds, 1e-9):,.0f}/s"
    )


def _lines(stream: TextIO) -> Watch:
    written: dict[str, float] = {}

    def say(text: str) -> None:
        print(visible(text), file=stream, flush=True)

    def on_epoch(epoch: EpochNumbers) -> None:
        now = time.monotonic()
        if epoch.number in (1, epoch.epochs) or now - written.get(_name(epoch.run), 0.0) >= LINE_SECONDS:
            written[_name(epoch.run)] = now
            say(f"  {_name(epoch.run)}: epoch {epoch.number}/{epoch.epochs}  {_numbers(epoch)}")

    return Watch(on_epoch, lambda text, run: say(text if run is None else f"{_name(run)}: {text}"))


def _name(run: RunSpec) -> str:
    return f"{run.name}, seed {run.seed}" if run.seed else run.name


@contextmanager
def _bar(stream: TextIO) -> Iterator[Watch]:
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
            name = "" if run is None else _name(run)
            if name not in bars:
                bars[name] = progress.add_task("", total=None, numbers="")
            return bars[name]

        def on_stage(text: str, run: RunSpec | None) -> None:
            progress.update(bar(run), description=visible(text) if run is None else f"{_name(run)}: {text}")

        def on_epoch(epoch: EpochNumbers) -> None:
            progress.update(bar(epoch.run), total=epoch.epochs, completed=epoch.number, numbers=_numbers(epoch))

        def on_done(run: RunSpec) -> None:
            # Its last numbers stay on the screen, above the bars of what still goes on.
            task = progress.tasks[progress.task_ids.index(bar(run))]
            console.print(f"{_name(run)}: {task.fields['numbers']}", markup=False, highlight=False)
            progress.remove_task(bars.pop(_name(run)))

        yield Watch(on_epoch, on_stage, on_done)

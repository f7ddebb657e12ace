"""What a person sees while a study trains: a bar on a terminal, plain lines elsewhere, nothing with --quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from latente.interfaces.study import Watch
from latente.training.fit import Epoch

LINE_SECONDS = 1.0


@contextmanager
def watching(*, quiet: bool, stream: TextIO | None = None) -> Iterator[Watch]:
    """A `Watch` that shows what goes on, on standard error unless told otherwise."""
    stream = stream or sys.stderr
    if quiet:
        yield Watch()
    elif stream.isatty():
        with _bar(stream) as watch:
            yield watch
    else:
        yield _lines(stream)


def _numbers(epoch: Epoch) -> str:
    logs = epoch.logs
    return (
        f"loss {logs['loss']:.2f}  recon {logs['reconstruction']:.2f}  KL {logs['kl']:.2f}  "
        f"val {logs['val_loss']:.2f}  {epoch.examples / max(epoch.seconds, 1e-9):,.0f}/s"
    )


def _lines(stream: TextIO) -> Watch:
    written = 0.0

    def on_epoch(epoch: Epoch) -> None:
        nonlocal written
        now = time.monotonic()
        if epoch.number in (1, epoch.epochs) or now - written >= LINE_SECONDS:
            written = now
            print(f"  epoch {epoch.number}/{epoch.epochs}  {_numbers(epoch)}", file=stream, flush=True)

    return Watch(on_epoch, lambda text: print(text, file=stream, flush=True))


@contextmanager
def _bar(stream: TextIO) -> Iterator[Watch]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=stream)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=18),
        MofNCompleteColumn(),
        TextColumn("{task.fields[numbers]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=False) as progress:
        task = progress.add_task("", total=None, numbers="")

        def on_stage(text: str) -> None:
            progress.update(task, description=text, numbers="")

        def on_epoch(epoch: Epoch) -> None:
            if epoch.number == 1 or progress.tasks[task].total != epoch.epochs:
                progress.reset(task, total=epoch.epochs, numbers="")
            progress.update(task, completed=epoch.number, numbers=_numbers(epoch))

        yield Watch(on_epoch, on_stage)

"""The progress of one training on one line of the terminal or notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from latente.language.message import Message, phrase
from latente.language.words import Words
from latente.plain import visible
from latente.terminal import width

if TYPE_CHECKING:
    from latente.spec import RunSpec
    from latente.training.fit import EpochNumbers


@contextmanager
def fitting(run: RunSpec) -> Iterator[Callable[[EpochNumbers], object] | None]:
    """An ``on_epoch`` hook that shows progress on one line, on a terminal or in a notebook; None elsewhere."""
    notebook = _in_notebook()
    # A notebook shows standard error as a warning.
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

    words = Words()
    write(stage_line(Message("progress.compiling"), run, words))
    try:
        yield lambda epoch: write(epoch_line(epoch, words))
    finally:
        print(file=stream, flush=True)


def _in_notebook() -> bool:
    """Whether this is a Jupyter kernel: its output is no terminal, but obeys carriage returns as one does."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


def epoch_numbers(epoch: EpochNumbers, words: Words) -> str:
    """An epoch's losses and speed, in words."""
    logs = {name: float(epoch.logs[name]) for name in ("loss", "reconstruction", "kl", "val_loss")}
    return words("progress.numbers", **logs, rate=epoch.examples / max(epoch.seconds, 1e-9))


def epoch_line(epoch: EpochNumbers, words: Words) -> str:
    """A run, its epoch and the epoch's numbers, in words."""
    at = {"number": str(epoch.number), "epochs": str(epoch.epochs)}
    return words("progress.epoch", run=run_name(epoch.run, words), numbers=epoch_numbers(epoch, words), **at)


def run_name(run: RunSpec, words: Words) -> str:
    """A run's name, with its seed unless that is 0."""
    return words("progress.seed", name=run.name, seed=str(run.seed)) if run.seed else run.name


def stage_line(text: str, run: RunSpec | None, words: Words) -> str:
    """What is being done, for instance "compiling", and for which run, in words."""
    stage = phrase(text, words)
    return stage if run is None else f"{run_name(run, words)}: {stage}"

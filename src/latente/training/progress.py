"""One training in one line: what a person sees while a model trains, and the words for its epochs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from latente.language.translated import in_language
from latente.language.words import Words, default_language
from latente.plain import visible
from latente.terminal import width

if TYPE_CHECKING:
    from latente.spec import RunSpec
    from latente.training.fit import EpochNumbers


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


def _name(run: RunSpec, words: Words) -> str:
    return words("progress.seed", name=run.name, seed=str(run.seed)) if run.seed else run.name


def _stage(text: str, run: RunSpec | None, words: Words) -> str:
    told = in_language(text, words.language)
    return told if run is None else f"{_name(run, words)}: {told}"

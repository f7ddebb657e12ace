"""One training as it is shown while it runs: a view in a notebook, a bar on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from latente.language.message import Message
from latente.language.words import Words
from latente.plain import visible
from latente.terminal import width
from latente.training.live_view import LiveView
from latente.training.progress import TimeLeft, clock, epoch_line, stage_line

if TYPE_CHECKING:
    from latente.spec import RunSpec
    from latente.training.fit import EpochNumbers

BAR = 12
"""Characters of the bar."""

Show = Callable[["EpochNumbers"], object]


@contextmanager
def fitting(run: RunSpec) -> Iterator[Show | None]:
    """An ``on_epoch`` hook that shows progress: a view in a notebook, a bar on a terminal; None elsewhere."""
    words = Words()
    if _in_notebook():
        from IPython.display import HTML, display

        view = LiveView(words)
        shown = display(HTML(view.start(run)), display_id=True)
        try:
            yield lambda epoch: shown.update(HTML(html)) if (html := view.after(epoch)) else None
        finally:
            shown.update(HTML(view.end()))
    elif sys.stderr.isatty():
        with _line(run, words) as show:
            yield show
    else:
        yield None


@contextmanager
def _line(run: RunSpec, words: Words) -> Iterator[Show]:
    """What shows epochs on one line of the terminal: a bar, the numbers and the time left."""
    before = 0
    left = TimeLeft()

    def write(text: str) -> None:
        nonlocal before
        shown = visible(text)[: max(20, width() - 1)]
        sys.stderr.write(f"\r{shown:<{before}}")
        sys.stderr.flush()
        before = len(shown)

    def after(epoch: EpochNumbers) -> None:
        done = BAR * epoch.number // epoch.epochs
        time = words("progress.left", time=clock(left.after(epoch)))
        write(f"[{'#' * done}{'.' * (BAR - done)}] {time}  {epoch_line(epoch, words)}")

    write(stage_line(Message("progress.compiling"), run, words))
    try:
        yield after
    finally:
        sys.stderr.write("\n")


def _in_notebook() -> bool:
    """Whether this is a Jupyter kernel."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})

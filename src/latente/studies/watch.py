"""`Watch`: what is called while a study goes on. Nothing heavy is imported, for the command line asks for it early."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latente.spec import RunSpec
    from latente.training.fit import EpochNumbers


def _nothing(*args: object) -> None:
    pass


@dataclass(frozen=True)
class Watch:
    """What to call while a study goes on; by default nothing.

    Attributes:
        on_epoch: given the numbers of every epoch; an `Epoch` with its model where the run is trained in this process.
        on_stage: given what begins now, in words, and the run it is done for (None: the study).
        on_done: given a run that is finished.
    """

    on_epoch: Callable[[EpochNumbers], object] = _nothing
    on_stage: Callable[[str, RunSpec | None], object] = _nothing
    on_done: Callable[[RunSpec], object] = _nothing

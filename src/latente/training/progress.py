"""How far a training is, in words: the numbers of an epoch and the time left."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from latente.language.message import phrase
from latente.language.words import Words

if TYPE_CHECKING:
    from latente.spec import RunSpec
    from latente.training.fit import EpochNumbers


class TimeLeft:
    """How long the epochs to come will take, by those that were: the first is not counted, for it compiles."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def after(self, epoch: EpochNumbers) -> float:
        """Seconds left after an epoch; early stopping may make it less."""
        self.seconds.append(epoch.seconds)
        later = self.seconds[1:] or self.seconds
        return statistics.median(later) * (epoch.epochs - epoch.number)


def clock(seconds: float) -> str:
    """A duration as minutes and seconds, and hours where there are any: 0:07, 12:30, 1:02:03."""
    minutes, second = divmod(math.ceil(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


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

"""Figures of scores: a module a score, found by import; each draws what the runs of a study have kept."""

from collections.abc import Iterator, Sequence

from latente.data.split import Data
from latente.interfaces.lineup import Trained
from latente.interfaces.picture import Picture
from latente.interfaces.scored.base import Scored, drawers
from latente.interfaces.words import Words
from latente.registry import import_parts

import_parts(__name__, __path__)


def pictures(trained: Sequence[Trained], data: Data, words: Words, split: str = "test") -> Iterator[Picture]:
    """Every figure of the scores that these models have on a part; images are those of the first seed."""
    for name in sorted(drawers, key=lambda n: drawers[n][0]):
        shown = Scored(name, trained, data, words, split)
        if shown.kept:
            yield from drawers[name][1](shown)

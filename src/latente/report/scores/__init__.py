"""What is shown and said about scores: a module for each, found by import, with its figures and its rules.

A figure draws what the runs of a study have kept. A rule comes with made-up numbers for which it holds and others for
which it fails, so that one test proves all of them; its words are ``rule.NAME``.
"""

from collections.abc import Iterator, Sequence

from latente.analysis.conclusions.registry import rules as rules
from latente.analysis.conclusions.score_rules import claims_of_scores as claims_of_scores
from latente.analysis.trained_models import TrainedModel
from latente.data.split import Data
from latente.language.words import Words
from latente.registry import import_parts
from latente.report.figures.figure_file import FigureFile, possible
from latente.report.scores.base import Scored, drawers

import_parts(__name__, __path__)


def figure_files(
    trained: Sequence[TrainedModel], data: Data, words: Words, split: str = "test"
) -> Iterator[FigureFile]:
    """Every figure of the scores that these models have on a part; images are those of the first seed."""
    for name in sorted(drawers, key=lambda n: drawers[n][0]):
        shown = Scored(trained, data, words, name, split)
        if shown.kept:
            yield from possible(drawers[name][1](shown), data)

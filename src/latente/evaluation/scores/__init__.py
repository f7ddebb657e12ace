"""Numbers of finished runs by which models of different losses compare. A new one is one new module here."""

from latente.evaluation.measured import Measured as Measured
from latente.evaluation.scores.base import Score as Score
from latente.evaluation.scores.base import score as score
from latente.evaluation.scores.base import scores as scores
from latente.registry import import_parts

import_parts(__name__, __path__)

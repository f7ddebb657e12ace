"""Objectives: what training minimises. A new one is one new module here."""

from latente.objective.objectives.base import Objective as Objective
from latente.objective.objectives.base import objectives as objectives
from latente.registry import import_parts

import_parts(__name__, __path__)

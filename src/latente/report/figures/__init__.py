"""Figures: functions from arrays to a picture; and the registry of those that plug-ins add to the report of a study.

A module of a plug-in imports `figures` alone and what draws inside its function, so that a command that draws nothing
does not wait for it.
"""

from collections.abc import Iterator
from typing import Any

from latente.registry import Registry

figures: Registry[Iterator[Any]] = Registry("figure")
"""Functions that take `latente.report.study_figures.StudyFigures` and yield `latente.report.figures.figure_file`'s
files. They are drawn after latente's own, and stand in the section of the page that each file's group names."""

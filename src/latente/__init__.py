"""Train, compare, trust and explore autoencoders.

import latente

data = latente.load_data("mnist-5k")
run = latente.fit(latente.VAE(latent_dim=2), data, epochs=20)
run.evaluate("test")["loss"]
"""

# First, so that a process of our own imports nothing from the current folder.
import latente._begin  # noqa: F401

# isort: split
import importlib
from typing import TYPE_CHECKING, Any

from latente._version import __version__
from latente.errors import (
    DataError,
    DownloadError,
    LatenteError,
    LatenteWarning,
    SpecError,
    StoreError,
    TrainingError,
)

if TYPE_CHECKING:
    from latente.analysis.compare import compare
    from latente.analysis.conclusions.registry import rule
    from latente.analysis.elbow import elbow
    from latente.data.load import load_data
    from latente.data.split import Data
    from latente.evaluation.evaluate import Metric
    from latente.evaluation.run import Run, fit, load
    from latente.evaluation.scores import score
    from latente.explorer.launch import explore
    from latente.export.export_run import export_run
    from latente.objective.presets import AE, VAE, preset
    from latente.plugins import load_plugin
    from latente.report.callback import ReconstructionCallback
    from latente.report.data_findings import check_data
    from latente.report.figures.elbow import plot_elbow
    from latente.report.figures.forest import plot_comparison
    from latente.report.figures.run_figures import plot_run
    from latente.report.tables.comparison import text
    from latente.spec import ModelSpec, TrainSpec
    from latente.studies.folder import Study, load_study
    from latente.studies.study import report_study, run_study
    from latente.studies.study_file import read_study
    from latente.training.fit import Epoch

# Importing latente must stay fast (the command line's --help), so the rest is imported at first use.
_HOME = {
    "AE": "latente.objective.presets",
    "Data": "latente.data.split",
    "Epoch": "latente.training.fit",
    "Metric": "latente.evaluation.evaluate",
    "ModelSpec": "latente.spec",
    "ReconstructionCallback": "latente.report.callback",
    "Run": "latente.evaluation.run",
    "Study": "latente.studies.study",
    "TrainSpec": "latente.spec",
    "VAE": "latente.objective.presets",
    "explore": "latente.explorer.launch",
    "export_run": "latente.export.export_run",
    "plot_comparison": "latente.report.figures.forest",
    "plot_run": "latente.report.figures.run_figures",
    "plot_elbow": "latente.report.figures.elbow",
    "rule": "latente.analysis.conclusions.registry",
    "score": "latente.evaluation.scores",
    "text": "latente.report.tables.comparison",
    "check_data": "latente.report.data_findings",
    "compare": "latente.analysis.compare",
    "elbow": "latente.analysis.elbow",
    "fit": "latente.evaluation.run",
    "load": "latente.evaluation.run",
    "load_data": "latente.data.load",
    "load_plugin": "latente.plugins",
    "load_study": "latente.studies.study",
    "preset": "latente.objective.presets",
    "read_study": "latente.studies.study_file",
    "report_study": "latente.studies.study",
    "run_study": "latente.studies.study",
}

__all__ = [
    "AE",
    "VAE",
    "Data",
    "DataError",
    "DownloadError",
    "Epoch",
    "LatenteError",
    "LatenteWarning",
    "Metric",
    "ModelSpec",
    "ReconstructionCallback",
    "Run",
    "SpecError",
    "StoreError",
    "Study",
    "TrainSpec",
    "TrainingError",
    "__version__",
    "check_data",
    "compare",
    "elbow",
    "explore",
    "export_run",
    "fit",
    "load",
    "load_data",
    "load_plugin",
    "load_study",
    "plot_comparison",
    "plot_elbow",
    "plot_run",
    "preset",
    "read_study",
    "report_study",
    "rule",
    "run_study",
    "score",
    "text",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f'module "latente" has no attribute "{name}"')
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

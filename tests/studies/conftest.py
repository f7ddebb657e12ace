"""A finished study of made-up runs, whose folder every tracker is told of; nothing is trained."""

import numpy as np
import pytest
from madereport import run
from PIL import Image

from latente.evaluation.folders import run_folder
from latente.objective.presets import AE, VAE
from latente.spec import StudySpec
from latente.studies.tracking import make_trackers, tracking
from latente.studies.watch import Watch
from latente.training.fit import EpochNumbers

HTML = "<!doctype html><title>report</title>"


class Made:
    """A study whose runs are finished, and trackers that are told of it as while it went on."""

    def __init__(self, data, folder):
        models = {"vae": VAE(2, hidden=(8,)), "ae": AE(3, hidden=(8,))}
        self.data, self.folder = data, folder
        self.runs = [run(data, name, model) for name, model in models.items()]
        self.spec = StudySpec("a study", data.spec, (0,), tuple(r.spec for r in self.runs))
        for one in self.runs:
            one.save(run_folder(folder, one.spec))
        (folder / "figures").mkdir()
        Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8)).save(folder / "figures" / "grid.png")
        (folder / "figures" / "curves.svg").write_text("<svg/>")
        for name, text in {"report.html": HTML, "results.csv": "run,seed\n", "study.json": "{}"}.items():
            (folder / name).write_text(text)

    def numbers(self, run, number):
        logs = {k: float(v[number - 1]) for k, v in run.history.items()}
        return EpochNumbers(run.spec, number, len(run.history["loss"]), logs, len(self.data.train), 0.1)

    def follow(self, *asked, epochs=0, finish=True):
        """Tell trackers of so many epochs of every run, in turns, and of the rest where the study is to be finished."""
        with tracking(make_trackers(asked), self.spec, self.data, self.folder, Watch()) as tracked:
            for number in range(1, epochs + 1):
                for one in self.runs:
                    tracked.watch.on_epoch(self.numbers(one, number))
            if finish:
                tracked.finish(self.runs)


@pytest.fixture
def made(tiny, tmp_path, monkeypatch):
    # A process ends after it leaves; here another study follows, and packages may take long to import.
    monkeypatch.setattr("latente.studies.tracking.LEAVING", 120.0)
    folder = tmp_path / "study"
    folder.mkdir()
    return Made(tiny, folder)

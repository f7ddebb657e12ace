"""The runs of a study: what is done for each, in which order, and what a second time."""

import dataclasses
import json

import pytest
from maderuns import blank_run, made_run

import latente
from latente.errors import StoreError
from latente.evaluation.evaluate import METRICS, Metric
from latente.evaluation.folders import make_run_folder
from latente.evaluation.run import Run
from latente.evaluation.scores import scores
from latente.evaluation.scores.nll import ImportanceBound
from latente.spec import RunSpec, StudySpec, TrainSpec, as_dict
from latente.studies import train
from latente.studies.watch import Watch

EXACT = Metric(2.0, 0.5)


@pytest.fixture
def trained(monkeypatch):
    """A training of no steps, which leaves a checkpoint; the specs that were trained."""
    found = []

    def untrained(spec, data, checkpoint, on_epoch):
        found.append(spec)
        checkpoint.write_bytes(b"half way")
        return dataclasses.replace(blank_run(data, spec.name, 0, spec.model), spec=spec)

    monkeypatch.setattr(train, "train_run", untrained)
    return found


@pytest.mark.slow
def test_a_study_that_scores_the_nll_does_so_on_validation_where_latent_sizes_are_swept(tiny, tmp_path, trained):
    specs = [
        RunSpec(name, 0, latente.VAE(d, hidden=(h,)), TrainSpec(epochs=4), tiny.spec)
        for name, d, h in (("a", 2, 4), ("b", 3, 4), ("c", 2, 5))
    ]
    study = StudySpec(data=tiny.spec, runs=tuple(specs))
    (tmp_path / "study.json").write_text(json.dumps(as_dict(study)))
    runs = [train.perform(s, tiny, tmp_path, [ImportanceBound(3)], Watch()) for s in (specs[0], specs[2])]
    assert [set(r.measured["test"]) for r in runs] == [{"nll_3"}] * 2
    assert "nll_3" in runs[0].measured["validation"] and "validation" not in runs[1].measured
    assert runs[0].measured["validation"]["nll_3"].each("nll_3").shape == (48,)


def test_a_run_is_trained_once_and_evaluated_on_every_part(tiny, tmp_path, trained, monkeypatch):
    spec = made_run(tiny, "a").spec
    parts, seen = [], []

    def evaluate(run, part):
        parts.append(part)
        return run.metrics.setdefault(part, dict.fromkeys(METRICS, EXACT))

    monkeypatch.setattr(Run, "evaluate", evaluate)
    watch = Watch(
        on_stage=lambda text, run: seen.append((str(text), run.name)),
        on_done=lambda run: seen.append(("done", run.name)),
    )
    folder = make_run_folder(tmp_path, spec)
    (folder / ".weights.safetensors.1.part").write_bytes(b"left over")
    run = train.perform(spec, tiny, tmp_path, [], watch)
    assert trained == [spec] and parts == ["train", "validation", "test"]
    assert seen == [("training", "a"), ("evaluating", "a"), ("done", "a")]
    assert run.metrics["test"]["loss"] == EXACT and not list(folder.glob("checkpoint*")) + list(folder.glob(".*.part"))
    # A second time, it is read; a checkpoint that was left is not.
    (folder / "checkpoint.safetensors").write_bytes(b"half way")
    again = train.perform(spec, tiny, tmp_path, [], watch)
    assert trained == [spec] and len(seen) == 3 and again.metrics == run.metrics
    assert not (folder / "checkpoint.safetensors").exists()
    longer = dataclasses.replace(spec, train=dataclasses.replace(spec.train, epochs=9))
    with pytest.raises(StoreError, match=r"another spec \(train.epochs is 4 there and 9 here\); choose another --out"):
        train.perform(longer, tiny, tmp_path, [], watch)


def test_only_scores_that_are_not_kept_and_that_apply_are_worked_out(tiny, tmp_path, trained, monkeypatch):
    asked = []
    monkeypatch.setattr(Run, "score", lambda run, score, part: asked.append((score.key(), part)))
    run = made_run(tiny, "ae", 0, latente.AE(2, hidden=(4,)), scored={"mean-mse": 0.1}, split=("test",))
    made_run(tiny).save(tmp_path / "other")
    seen = []
    names = ("mean-mse", "nll", "reconstruction")
    watch = Watch(on_stage=lambda text, spec: seen.append(str(text)))
    run.measured["test"] = {"mean-mse": run.measured["test"]["mean-mse"]}
    assert train._scored(run, [scores.make(name) for name in names], tmp_path, watch) is False
    # The first is kept, and an autoencoder has no likelihood.
    assert asked == [("reconstruction", "test")] and seen == ["scoring: reconstruction"]

"""Files of a run and a study are checked when they are opened, and changed so that a kill leaves what can be read."""

import copy
import json
import os
import threading

import numpy as np
import pytest
from maderuns import made_run

import latente
from latente.cli.main import main
from latente.errors import LatenteError, StoreError
from latente.evaluation import manifest
from latente.evaluation.access_log import Access
from latente.evaluation.evaluate import Metric
from latente.evaluation.folders import refuse_links
from latente.evaluation.measured import Measured
from latente.evaluation.run_files import parse_history

NEEDED = ["spec.json", "data.json", "metrics.json", "times.json", "history.csv", "weights.safetensors"]
SPARED = ["frames.safetensors", "per_example.safetensors", "scores/test.nll_5.safetensors", "scale.safetensors"]


def fresh(tiny, folder):
    run = made_run(tiny, scored={"nll_5": 90.0})
    run.frames = np.zeros((2, 3, 6, 5), np.uint8)
    return run.save(folder)


def found_out(run, name, value):
    """As a score does: its number, the example's values and a look."""
    run.measured.setdefault("test", {})[name] = Measured({name: Metric(value, 0.5)}, {"a": np.full(2, value)}, (), name)
    run.metrics["test"].update(run.measured["test"][name].values)
    run.test_accesses.append(Access("2026-01-01T00:00:00Z", name, [name]))


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_every_file_is_checked_and_the_one_that_differs_is_named(tiny, tmp_path, caplog, capsys):
    folder = fresh(tiny, tmp_path / "run")
    names = json.loads((folder / "manifest.json").read_text())["files"]
    assert sorted(names) == sorted(NEEDED + SPARED)
    for name in NEEDED + SPARED:
        whole = (folder / name).read_bytes()
        for damage in (flip, os.unlink):
            damage(folder / name)
            why = "is not what was written" if damage is flip else "is missing"
            assert any(f"{folder / name}: {why}" in str(e) for e in manifest.changed(folder))
            caplog.clear()
            if name in NEEDED and not (name == "spec.json" and damage is os.unlink):
                with pytest.raises(StoreError, match=f"{name}: {why}"):
                    latente.load(folder, data=tiny)
            elif name in SPARED:
                run = latente.load(folder, data=tiny)
                assert f"left out: {folder / name}: {why}" in caplog.text
                assert (run.frames is None) == (name == SPARED[0])
                assert (run.known_examples("test") == {}) == (name == SPARED[1])
                assert ("nll_5" not in run.measured.get("test", {})) == (name == SPARED[2])
                assert run.metrics["test"]["nll_5"].value == pytest.approx(90, abs=0.1)
            (folder / name).write_bytes(whole)
    assert manifest.changed(folder) == []
    flip(folder / "weights.safetensors")
    assert main(["show", str(folder)]) == 2
    said, error = capsys.readouterr()
    assert "vae, seed 0, test: loss = 99.9973 ± 0.016, " in said
    assert "weights.safetensors: is not what was written" in error
    flip(folder / "manifest.json")
    with pytest.raises(StoreError, match=r"manifest.json: is .*delete it|manifest.json: is not JSON"):
        latente.load(folder, data=tiny)


def test_without_a_manifest_files_are_read_unchecked_which_is_said_once(tiny, tmp_path, caplog):
    folder = fresh(tiny, tmp_path / "run")
    (folder / "manifest.json").unlink()
    table = json.loads((folder / "metrics.json").read_text())
    table["test"]["loss"]["value"] = 12.5
    (folder / "metrics.json").write_text(json.dumps(table))
    manifest._say_unchecked.cache_clear()
    runs = [latente.load(folder, data=tiny) for _ in range(2)]
    assert runs[0].metrics["test"]["loss"].value == 12.5 and caplog.text.count("there is no manifest.json") == 1
    # The next command that writes accepts the files as they are.
    found_out(runs[0], "x", 1.0)
    runs[0].write(folder)
    assert manifest.changed(folder) == [] and latente.load(folder, data=tiny).metrics["test"]["loss"].value == 12.5


def test_two_who_find_out_something_at_once_both_keep_it(tiny, tmp_path):
    folder = fresh(tiny, tmp_path / "run")
    runs = [latente.load(folder, data=tiny) for _ in range(4)]
    for i, run in enumerate(runs):
        found_out(run, f"s{i}", float(i))
        found_out(run, "same", 10.0 + i)
    threads = [threading.Thread(target=run.write, args=(folder,)) for run in runs]
    [t.start() for t in threads]
    [t.join() for t in threads]
    last = latente.load(folder, data=tiny)
    assert {k: last.metrics["test"][k].value for k in ("s0", "s1", "s2", "s3")} == {"s0": 0, "s1": 1, "s2": 2, "s3": 3}
    assert {access.by for access in last.test_accesses} == {"s0", "s1", "s2", "s3", "same"}
    # Of what both found, one counts, with its own arrays.
    same = last.measured["test"]["same"]
    assert same.values["same"].value == last.metrics["test"]["same"].value == same.arrays["a"][0]
    assert manifest.changed(folder) == [] and not list(folder.rglob(".*"))
    with pytest.raises(StoreError, match="holds another run"):
        made_run(tiny, spec=latente.VAE(3, hidden=(4,))).write(folder)


class Killed(BaseException):
    pass


def test_killed_at_any_step_of_writing_a_run_is_readable_and_its_score_found_again(tiny, tmp_path, monkeypatch):
    whole = fresh(tiny, tmp_path / "whole")
    done = latente.load(whole, data=tiny)
    found_out(done, "x", 3.0)
    done.write(whole)
    replace, seen = type(tmp_path).replace, set()
    for step in range(20):
        folder = fresh(tiny, tmp_path / f"run{step}")
        run = latente.load(folder, data=tiny)
        found_out(run, "x", 3.0)
        left = [step]

        def failing(path, target, left=left):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return replace(path, target)

        monkeypatch.setattr(type(tmp_path), "replace", failing)
        try:
            run.write(folder)
            monkeypatch.undo()
            break
        except Killed:
            monkeypatch.undo()
        (folder / ".metrics.json.1.part").write_text("half")
        again = latente.load(folder, data=tiny)
        assert manifest.changed(folder) == []
        seen.add("x" in again.measured["test"])
        assert again.metrics["test"].get("x", Metric(3.0, 0.5)).value == 3.0
        assert ("x" in again.measured["test"]) == ("x" in again.metrics["test"])
        if "x" not in again.measured["test"]:
            found_out(again, "x", 3.0)
        again.write(folder)
        assert (folder / "metrics.json").read_bytes() == (whole / "metrics.json").read_bytes()
        assert (folder / "manifest.json").read_bytes() == (whole / "manifest.json").read_bytes()
        assert not list(folder.rglob(".*"))
    assert 4 <= step < 19 and seen == {True, False}


def test_a_lock_is_a_plain_file_that_is_never_emptied(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "s").mkdir()
    lock = tmp_path / "s" / ".lock"
    lock.symlink_to(victim)
    with (
        pytest.raises(StoreError, match="is a link, and a lock is a plain file; remove it"),
        manifest.locked(lock.parent),
    ):
        pass
    lock.unlink()
    os.link(victim, lock)
    second = pytest.raises(StoreError, match="another latente is working in it")
    with manifest.locked(lock.parent), second, manifest.locked(lock.parent, wait=0):
        pass
    assert victim.read_text() == "precious" and not lock.exists()
    os.mkfifo(lock)
    with pytest.raises(StoreError, match="is a pipe"), manifest.locked(lock.parent):
        pass


def test_nothing_is_written_through_a_link_out_of_a_study(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "figures").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="figures: is a link, and nothing is written outside"):
        refuse_links(tmp_path / "s")
    with pytest.raises(StoreError, match="figures: is a link"):
        manifest.write(tmp_path / "s", {"figures/a": b"x"})
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_history_that_is_cut_or_has_gaps_is_not_believed(tiny, tmp_path):
    assert parse_history("epoch,loss,val_loss\n1,2,3\n2,1,2\n")["loss"].tolist() == [2, 1]
    for text in ("", "a,b\n", "epoch,loss\n1,2\n3,4\n", "epoch,loss,loss\n1,2,3\n", "epoch,loss,val_los\n1,2,3\n",
                 "epoch,loss\n1,x\n", "epoch,loss\n1,2,3\n", "epoch,los\n1,2\n"):  # fmt: skip
        with pytest.raises(ValueError, match="."):
            parse_history(text)
    folder = fresh(tiny, tmp_path / "run")
    (folder / "manifest.json").unlink()
    path = folder / "history.csv"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(StoreError, match=r"history.csv: is damaged .*cut"):
        latente.load(folder, data=tiny)


def mutations(table):
    """The table with each of its values, at any depth, left out or replaced."""

    def places(value, path=()):
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in items:
            yield (*path, key)
            yield from places(inner, (*path, key))

    for path in places(table):
        for new in (..., None, [], {}, "x", -1, 1.5, 2**70, [[1]]):
            made = copy.deepcopy(table)
            inside = made
            for key in path[:-1]:
                inside = inside[key]
            if new is ...:
                del inside[path[-1]]
            else:
                inside[path[-1]] = new
            yield path, new, made


def test_a_number_that_no_mean_can_be_is_not_believed(tiny, tmp_path):
    folder = fresh(tiny, tmp_path / "run")
    (folder / "manifest.json").unlink()
    table = json.loads((folder / "metrics.json").read_text())
    table["test"]["loss"]["value"] = -1e308
    (folder / "metrics.json").write_text(json.dumps(table))
    with pytest.raises(StoreError, match="metrics.json: is damaged .*-1e.308 is no mean"):
        latente.load(folder, data=tiny)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*assumed")
@pytest.mark.parametrize("name", ["data.json", "metrics.json", "times.json", "spec.json"])
def test_json_of_any_other_form_is_one_line(tiny, tmp_path, name):
    folder = fresh(tiny, tmp_path / "run")
    (folder / "manifest.json").unlink()
    whole = json.loads((folder / name).read_text())
    if name == "times.json":
        whole["looks_at_test"] = [{"at": "a", "by": "b", "found": ["c"]}]
    counts = {True: 0, False: 0}
    for path, new, made in [((), None, v) for v in ([], None, 3, "x", {})] + list(mutations(whole))[::3]:
        (folder / name).write_text(json.dumps(made))
        try:
            latente.load(folder, data=tiny)
            counts[True] += 1
        except LatenteError as error:
            assert "\n" not in str(error), (path, new)
            counts[False] += 1
    assert counts[False] > 10

"""What a user asks to be written replaces files of its own kind only; studies in one place keep apart."""

import dataclasses
import json
import os
import threading

import pytest
from maderuns import made_run

import latente
from latente.cli import evaluate
from latente.cli.main import main
from latente.errors import DataError, SpecError, StoreError
from latente.evaluation.outputs import Output, is_page
from latente.spec import DataSpec, StudySpec, as_dict
from latente.studies import study, train
from latente.training.check import check


def test_only_files_of_the_same_kind_are_replaced(tiny, tmp_path, capsys):
    folder = made_run(tiny).save(tmp_path / "run")
    (tmp_path / "notes.md").write_text("my notes about latente")
    (tmp_path / "mine.csv").write_text("run,seed,mine\n")
    (tmp_path / "mine.json").write_text('[{"run": 1}]')
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "null").symlink_to("/dev/null")
    for command in ("evaluate --csv", "evaluate --json", "compare --csv", "compare --json", "explore --export"):
        name, option = command.split()
        for file, message in (
            ("notes.md", "left alone"), ("mine.csv", "left alone"), ("mine.json", "left alone"),
            ("fifo", "is a pipe"), ("null", "is a device"), ("run/spec.json", "of the run or study itself"),
            ("run/prior.json", "of the run or study itself"), ("run/manifest.json", "of the run or study itself"),
            ("\0", "cannot be written"), ("x" * 300, "cannot be written"), ("run", "is a folder"),
        ):  # fmt: skip
            assert main([name, str(folder), option, str(tmp_path / file)]) == 2
            said = capsys.readouterr().err
            assert f"latente: {option}: " in said and message in said
    asked = ["--metrics", "exact-nll", "--csv", str(tmp_path / "new/a.csv"), "--json", str(tmp_path / "new/a.json")]
    for _ in range(2):
        assert main(["evaluate", str(folder), *asked]) == 0
    assert (tmp_path / "new/a.csv").read_text() == ",".join(evaluate.COLUMNS) + "\n"
    assert json.loads((tmp_path / "new/a.json").read_text()) == []
    assert main(["compare", str(folder), "--csv", str(tmp_path / "new/a.csv")]) == 2
    assert "left alone" in capsys.readouterr().err
    assert Output(tmp_path / "new/b.html", "--export", "page of latente", is_page).path == tmp_path / "new/b.html"


def test_a_damaged_study_hides_no_other_from_the_list(tiny, tmp_path, capsys):
    spec = dataclasses.replace(made_run(tiny).spec, seed=0)
    for name, content in (
        ("a", "[]"), ("b", "[" * 200_000), ("c", '{"runs": 3}'), ("d", None), ("e", "{"), ("f", '{"latente": "0"}'),
    ):  # fmt: skip
        (tmp_path / name).mkdir()
        whole = json.dumps(as_dict(StudySpec("whole", tiny.spec, (0,), (spec,))))
        (tmp_path / name / "study.json").write_text(whole if content is None else content)
    assert main(["list", str(tmp_path)]) == 2
    said, errors = capsys.readouterr()
    assert f"{tmp_path / 'd'}  0/1 runs, not finished: whole" in said
    assert errors.count("study.json: is") == 5 and "5 of the studies" in errors and "unexpected" not in errors
    for name in "abcef":
        assert main(["compare", str(tmp_path / name)]) == main(["show", str(tmp_path / name)]) == 2
    assert "unexpected" not in capsys.readouterr().err


def test_default_folders_are_made_for_one_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(study.time, "strftime", lambda form: "now")
    found, spec = [], StudySpec(data=DataSpec("pictures.npz"))
    threads = [threading.Thread(target=lambda: found.append(study._new_folder(spec))) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    names = {"pictures-now", *(f"pictures-now-{n}" for n in range(2, 9))}
    assert len(found) == 8 and {folder.name for folder in found} == names


def test_names_that_are_no_text_are_refused_before_training(tiny, tmp_path):
    bad = "caf\udce9"
    with pytest.raises(DataError, match=r"'caf\\udce9' is no Unicode text"):
        check(made_run(tiny).spec, dataclasses.replace(tiny, classes=("a", "b", bad)))
    for make in (lambda: DataSpec(bad), lambda: StudySpec(bad), lambda: DataSpec("x", without=(bad,))):
        with pytest.raises(SpecError):
            make()
    with pytest.raises(SpecError, match="runs: got none"):
        latente.run_study(StudySpec(data=tiny.spec), data=tiny, out=tmp_path / "out")
    with pytest.raises(SpecError, match="out: got no Unicode text"):
        spec = StudySpec(data=tiny.spec, runs=(made_run(tiny).spec,))
        latente.run_study(spec, data=tiny, out=tmp_path / bad)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_advises_to_resume_where_there_is_something_to_resume(tiny, tmp_path, monkeypatch):
    import errno

    folder = made_run(tiny).save(tmp_path / "run")
    run = latente.load(folder, data=tiny)
    run.test_accesses.append(latente.evaluation.access_log.access(["x"]))

    def full(fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="the disk is full; free some space and give the command again$"):
        run.write(folder)
    spec = StudySpec(data=tiny.spec, runs=(dataclasses.replace(run.spec, seed=0),))
    with pytest.raises(StoreError, match=f"give the command again, with --out {tmp_path / 's'} --resume"):
        latente.run_study(spec, data=tiny, out=tmp_path / "s")


@pytest.mark.slow
def test_a_study_whose_folder_is_removed_ends_with_an_error(tiny, tmp_path):
    import shutil

    spec = dataclasses.replace(made_run(tiny).spec, seed=0)
    out = tmp_path / "s"

    def remove(epoch):
        shutil.rmtree(out, ignore_errors=True)

    with pytest.raises(StoreError, match="its folder is not there: it was removed meanwhile"):
        latente.run_study(
            StudySpec(data=tiny.spec, runs=(spec,)), data=tiny, out=out, watch=train.Watch(on_epoch=remove)
        )
    assert not out.exists()

"""The command line: every command, and one line for every mistake."""

import pytest

from latente import __version__
from latente.cli.main import main

STUDIES = "Allowed: burda, harder, notebook, rate-distortion, vamp, zoo."
SETS = (
    "Allowed: mnist-5k, digits, patches, factors, mnist, fashion-mnist, kmnist. There is no such file or folder "
    "either; allowed there: .npz, .npy, IDX (also .gz), .csv, .parquet, a folder of images, a folder of IDX files"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["rnu"],
            'unknown command "rnu"; did you mean "run"? Allowed: run, list, …',
        ),
        (["show"], "the following arguments are required: RUN (see latente show --help)"),
        (
            ["run", "--dta", "x"],
            'unknown option of latente run "--dta"; did you mean "--data"? Allowed: --help, --plugin, --data, '
            "--set, --seeds, --out, --from, --freeze, --require-all, --keep-codes, --jobs, --trust, --resume, --track, "
            "--ignore, --lang, --quiet.",
        ),
        (
            ["data", "show", "digits", "--scael=none"],
            'unknown option of latente data show "--scael"; did you mean "--scale"? Allowed: --help, --plugin, '
            "--scale, --missing, --condition, --set.",
        ),
        (["list", "a", "b"], 'latente list: got "b" too many (see latente list --help)'),
        (["data", "fetch"], 'unknown command "fetch"; Allowed: list, show, check.'),
        (["models", "vea"], 'unknown part or preset "vea"; did you mean "VAE"? Allowed: VAE, AE, BetaVAE, …'),
        (["run", "--lang", "fr"], 'unknown --lang "fr"; Allowed: en, pt.'),
        (
            ["run", "--seeds", "x"],
            'argument --seeds: got "x"; allowed: how many (3), or which (0,3,7) (see latente run --help)',
        ),
        (["run", "--jobs", "x"], 'argument --jobs: got "x"; allowed: a whole number (see latente run --help)'),
        (
            ["run", "--resume"],
            "resume: got no out, so that there is nothing to go on with; give the study's folder (--out DIR)",
        ),
        (
            ["compare", "a", "--share", "x"],
            'argument --share: got "x"; allowed: a number (see latente compare --help)',
        ),
        (
            ["run", "--seeds", "0"],
            "study.seeds: got 0; allowed: how many seeds (1 to 10,000), or a list of different seeds such as [0, 1, 2]",
        ),
        (
            ["run", "notbook"],
            f'unknown study "notbook"; did you mean "notebook"? {STUDIES} Or give a TOML file; notbook is none '
            "(latente init writes one)",
        ),
        (["run", "--data", "mnits"], f'unknown data set "mnits"; did you mean "mnist"? {SETS}'),
        (["run", "--data", "pictures.np"], 'pictures.np: no such file or folder; did you mean "pictures.npz"?'),
        (
            ["run", "--set", "vae.train.epochs=many"],
            "runs.vae.train.epochs: got 'many'; allowed: a whole number of 1 to 10,000,000, or {at_least = 5, "
            "steps = 1000}",
        ),
        (
            ["run", "--data", "pictures.npz", "--jobs", "1", "--set", "train.batch_size=1000"],
            'run "vae": pictures: 256 training examples are fewer than one batch of 1000; give more data, or a '
            "batch_size of at most 256",
        ),
        (
            ["run", "--data", "pictures.npz", "--out", "pictures.npz"],
            "pictures.npz: is a file; --out takes a folder",
        ),
        (
            ["show", "nowhere"],
            "nowhere: no such folder; give a run's (latente list shows the studies in runs/)",
        ),
        (
            ["show", "."],
            ".: is not a run folder (it has no spec.json); a study's runs are in its runs/ folder",
        ),
        (["data", "show", "no\x1b[31m.csv"], "no\\x1b[31m.csv: no such file or folder; check the path"),
        (
            ["report", "nowhere"],
            "nowhere: is not a study folder (it has no study.json); latente run makes one",
        ),
        (["list", "nowhere"], "nowhere: no such folder"),
        (["data", "show", "nothing"], f'unknown data set "nothing"; {SETS}'),
        (["init", "--study", "x"], f'unknown study "x"; {STUDIES}'),
        (["init", "/proc/nowhere/x.toml"], "/proc/nowhere: cannot be written…"),
    ],
)
def test_every_mistake_is_one_line_and_exit_code_2(here, capsys, arguments, message):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    line = captured.err.removeprefix("latente: ")
    assert captured.out == "" and line.count("\n") == 1
    if message.endswith("…"):
        assert line.startswith(message[:-1])
    else:
        assert line == message + "\n"
    assert not (here / "runs").exists()


def test_versions_devices_and_caches(here, capsys, monkeypatch):
    import jax

    def rows():
        assert main(["doctor"]) == 0
        return {line[:22].rstrip(): line[23:] for line in capsys.readouterr().out.splitlines()}

    cache = here / "cache"
    cache.mkdir()
    (cache / "set.npz").write_bytes(bytes(3 * 2**19))
    found = rows()
    assert (found["latente"], found["jax"]) == (__version__, jax.__version__)
    assert found["devices"].startswith("cpu:0 (cpu)") and found["report language"] == "en"
    assert found["data cache"] == f"{cache} (1.5 MiB)" and found["parquet"] == "yes"
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    found = rows()
    assert found["cache de dados"] == f"{cache} (1,5 MiB)" and found["dispositivos"].startswith("cpu:0 (cpu)")
    assert found["parquet"] == "sim" and found["idioma do relatório"] == "pt"


def test_without_a_command_there_is_help(capsys):
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "usage: latente [-h] [--version] COMMAND ..." and lines[-1] == "Start with: latente run"
    assert "    run        perform a study: train, evaluate, compare, report" in lines
    assert "    doctor     versions, devices, threads and caches" in lines
    assert main(["data"]) == 0
    assert capsys.readouterr().out.splitlines()[-5:] == [
        "commands:",
        "  COMMAND",
        "    list      the named data sets",
        "    show      the data card of a named data set or of your own",
        "    check     what is odd about data, before anything is trained",
    ]


def test_an_error_of_our_own_is_one_line_too(here, capsys, monkeypatch):
    from latente.studies import study_file

    def broken(*args, **options):
        raise RuntimeError("of ours\nin two lines")

    monkeypatch.setattr(study_file, "shipped", broken)
    assert main(["init", "x.toml"]) == 2
    assert capsys.readouterr().err == (
        "latente: unexpected RuntimeError: of ours in two lines (LATENTE_DEBUG=1 shows where; please report it)\n"
    )


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0 and capsys.readouterr().out == f"latente {__version__}\n"


def test_warnings_are_one_line_each_in_the_language_asked_for(capsys, monkeypatch):
    import argparse
    import warnings

    from latente.cli.main import _notes_and_warnings
    from latente.errors import LatenteWarning
    from latente.language.message import Message

    shown = []
    monkeypatch.setattr(warnings, "showwarning", lambda *given, **more: shown.append(given))
    with warnings.catch_warnings(), _notes_and_warnings(argparse.Namespace(lang="pt")):
        warnings.simplefilter("always")
        for _ in range(2):
            warnings.warn(Message("warning.imputed_heavy_tail", share=22.0, limit=0.67), LatenteWarning, stacklevel=1)
        warnings.warn("of another library", UserWarning, stacklevel=1)
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("latente: ") and "22" in error and "cauda" in error
    assert len(shown) == 1 and str(shown[0][0]) == "of another library"

"""`latente check`: all that can be known of a study without training, every mistake of every model at once."""

from __future__ import annotations

from latente.cli import compiling
from latente.cli.options import AddCommand, Arguments, language, seeds, settings, words_of
from latente.errors import DataError, SpecError
from latente.terminal import complain, say

PLACE = 13


def add(command: AddCommand) -> None:
    """The command's options."""
    check = command("check", _check, help="say what is wrong with a study, without training")
    check.add_argument("study", metavar="STUDY", help="a TOML file, or a shipped study")
    check.add_argument("--data", metavar="SOURCE", help="a name from `latente data list`, or your own file or folder")
    settings(check, "KEY=VALUE", "change the study, as in `latente run` (may be repeated)")
    check.add_argument("--seeds", type=seeds, metavar="N", help="how many seeds, or which (0,3,7)")
    check.add_argument("--no-data", action="store_true", help="neither read nor download the data; less can be known")
    language(check)


def _check(arguments: Arguments) -> None:
    compiling.prepare()
    from latente.data.load import load_spec
    from latente.evaluation.scores import scores
    from latente.language.translated import in_language
    from latente.plain import one_line
    from latente.studies.study_file import read_study
    from latente.studies.tracking import make_trackers
    from latente.training.check import check, check_parts

    words = words_of(arguments)
    spec = read_study(arguments.study, data=arguments.data, settings=arguments.settings, seeds=arguments.seeds)
    for score in spec.scores:
        scores.make(score)
    make_trackers(spec.track)
    counts = {"models": len(spec.runs), "runs": len(spec.expanded())}
    say(words("check.study", title=one_line(words.title(spec.title)), **counts))
    data = None if arguments.no_data else load_spec(spec.data)
    if data is not None:
        shape = "×".join(map(str, data.shape))
        parts = {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)}
        say(words("check.data", name=one_line(data.name), shape=shape, **parts))
    wrong, steps = 0, 0
    for run in spec.runs:
        try:
            if data is None:
                check_parts(run)
            else:
                check(run, data)
                steps += run.train.steps(len(data.train)) * run.train.epochs_for(len(data.train)) * len(spec.seeds)
        except (SpecError, DataError) as error:
            wrong += 1
            complain(in_language(f'run "{run.name}": {error}', words.language))
    if wrong:
        raise SpecError(f"{wrong} of {len(spec.runs)} models cannot be trained, see above")
    say(words("check.fine_without_data") if data is None else words("check.fine", steps=steps))

"""The report of a study: one HTML page that stands alone, and its figures as files beside it.

It depends on its arguments only, so that a finished study can be reported again, byte for byte.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latente._version import __version__
from latente.atomic import make_folder, write_bytes, write_text
from latente.data.split import PARTS, Data
from latente.evaluation.comparison.compare import Basis, difference_between, needed
from latente.evaluation.comparison.contenders import Contender, Opened
from latente.evaluation.evaluate import SAMPLES
from latente.evaluation.findings.claims import say
from latente.evaluation.findings.measures import Estimate, Stat, bonferroni, combine
from latente.evaluation.findings.summary import Losses, Standing, summarise
from latente.evaluation.metrics.differences import Difference
from latente.evaluation.metrics.resample import normal_interval
from latente.evaluation.run import Run
from latente.evaluation.scores import scores
from latente.evaluation.scores.losses import Distortion, Loss
from latente.interfaces import lineup, scoretables, tables, telling
from latente.interfaces.comparison import section
from latente.interfaces.conclusions import ToldClaim
from latente.interfaces.lineup import Trained
from latente.interfaces.tables import Column, Table, results_csv, results_table
from latente.interfaces.warned import warnings_of
from latente.interfaces.words import Words
from latente.objective.objectives import objectives
from latente.plain import portable
from latente.spec import StudySpec

if TYPE_CHECKING:
    from latente.interfaces.picture import Picture

__all__ = ["results_csv", "results_table", "write_figures", "write_report"]

SYMBOLS = {"holds": "✓", "fails": "✗", "unknown": "?"}
TERMS = ("latent", "reconstruction", "kl", "nat", "prior", "error")


def write_report(
    folder: Path,
    study: StudySpec,
    runs: Sequence[Run],
    data: Data,
    conclusions: Sequence[Any],
    words: Words,
    command: str,
    facts: Mapping[str, Any],
    *,
    notes: Sequence[str] = (),
    drawn: Sequence[Picture] | None = None,
) -> Path:
    """Write ``report.html`` of a study whose runs are trained and evaluated.

    Args:
        folder: the study's folder.
        study: its spec.
        runs: its runs, in any number of seeds; the same name is the same model.
        data: what they were trained on.
        conclusions: rendered conclusions: ``title``, ``quote``, ``verdict`` ("holds", "fails" or "unknown"),
            ``verdict_text``, and ``claims`` of ``text``, ``verdict``, ``verdict_text`` and ``evidence``.
        words: the language.
        command: what reproduces the study; "" where there is none.
        facts: ``versions`` (name → text), ``platform``, ``processors`` and ``date``, each as far as it is known.
        notes: what a reader must know of all conclusions.
        drawn: what `write_figures` gave; by default it is called.

    Raises:
        StoreError: a file cannot be written.
    """
    if drawn is None:
        drawn = write_figures(folder, runs, data, words)
    page = folder / "report.html"
    write_text(page, _render(study, runs, data, conclusions, words, command, facts, drawn, notes))
    return page


def write_figures(folder: Path, runs: Sequence[Run], data: Data, words: Words) -> list[Picture]:
    """Draw a study's figures and write them to its ``figures/``.

    Raises:
        StoreError: a file cannot be written.
    """
    from latente.interfaces.figures import pictures

    drawn = pictures(runs, data, words)
    if drawn:
        make_folder(folder / "figures", parents=False)
    for picture in drawn:
        write_bytes(folder / "figures" / picture.file, picture.content)
    return drawn


def _render(
    study: StudySpec,
    runs: Sequence[Run],
    data: Data,
    conclusions: Sequence[Any],
    words: Words,
    command: str,
    facts: Mapping[str, Any],
    drawn: Sequence[Any],
    notes: Sequence[str],
) -> str:
    import jinja2

    folder = files("latente.interfaces").joinpath("templates")
    css = folder.joinpath("report.css").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string(folder.joinpath("report.html").read_text(encoding="utf-8"))
    trained, card = lineup.models(runs), runs[0].card
    unit = "image" if data.is_image else "example"
    shown = [tables.results(trained, words, unit), tables.scale(trained, words, data.shape, grey=_is_grey(data))]
    matched = tables.matched(trained, words, unit)
    asked = scoretables.every(trained, [scores.make(s) for s in study.scores])
    ranked = [score for score in asked if not scoretables.has_many(score)]
    told = telling.conclusions_of(telling.told_of(runs), words)
    compared = section(runs, words)
    optional = {"conclusions": conclusions, "told": told, "comparison": compared}
    sections = [
        "summary",
        "conclusions",
        "told",
        "comparison",
        "figures",
        "data",
        "method",
        "terms",
        "numbers",
        "versions",
        "reproduce",
    ]
    numbers = enumerate(drawn, 1)
    figures = [(g, list(n)) for g, n in itertools.groupby(numbers, lambda numbered: numbered[1].group)]
    date, version = facts.get("date"), facts.get("versions", {}).get("latente", __version__)
    written = "report.written" if date else "report.written_by"
    return template.render(
        words=words,
        uri=_uri,
        counter=_Counter(),
        symbols=SYMBOLS,
        css=css,
        css_hash=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode(),
        version=version,
        written=words(written, date=date, version=version),
        title=words.title(study.title),
        sections=[s for s in sections if optional.get(s, True)],
        tiles=_tiles(study, trained, data, words, unit),
        verdicts=_verdicts(conclusions),
        sentences=_sentences(trained, words, unit),
        tables=[
            *tables.ranking(trained, ranked, words),
            *shown,
            *([matched] if matched else []),
            *scoretables.numbers(trained, asked, words),
        ],
        warnings=[*warnings_of(runs, words), *scoretables.lacking(trained, asked, words)],
        conclusions=conclusions,
        notes=notes,
        told=told,
        told_notes=telling.told_notes(runs, words),
        compared=compared,
        figures=figures,
        data_facts=_data_facts(study, card, words),
        classes=tables.parts_of(card, words),
        method=_method(study, trained, data, words, unit),
        settings=tables.settings(trained, words),
        terms=[(words(f"report.terms.{t}"), words(f"report.terms.{t}_text")) for t in TERMS],
        everything=tables.everything(runs, words, data.shape),
        times=tables.times(runs, words),
        versions=_versions(facts, words),
        command=portable(command),
    )


class _Counter:
    """Numbers for tables, in the order in which the template shows them."""

    def __init__(self) -> None:
        self._tables = 0

    def table(self) -> int:
        self._tables += 1
        return self._tables


def _uri(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def _is_grey(data: Data) -> bool:
    x = data.train.x
    return not bool(((x == x.min()) | (x == x.max())).all())


def _tiles(study: StudySpec, trained: Sequence[Trained], data: Data, words: Words, unit: str) -> list[tuple[str, str]]:
    seeds = sorted({r.spec.seed for m in trained for r in m.runs})
    counts = " / ".join(words.number(len(data.part(p)), ",d") for p in PARTS)
    return [
        (words("report.tile.data"), data.name),
        (words(f"report.tile.{unit}s"), counts),
        (words("report.tile.models"), str(len(trained))),
        (words("report.tile.seeds"), str(len(seeds))),
    ]


def _verdicts(conclusions: Iterable[Any]) -> list[tuple[str, str, int]]:
    texts: dict[str, list[str]] = {v: [] for v in SYMBOLS}
    for conclusion in conclusions:
        texts.setdefault(str(conclusion.verdict), []).append(conclusion.verdict_text)
    return [(verdict, found[0], len(found)) for verdict, found in texts.items() if found]


def _sentences(trained: Sequence[Trained], words: Words, unit: str) -> list[ToldClaim]:
    """What stands out in the losses; every sentence is a rule of `latente.evaluation.findings.summary`."""
    many = len({lineup.part_text(m.first.spec.model.likelihood) for m in trained}) > 1
    losses = {m.name: _losses(m, words, many=many) for m in trained}
    pairs = tuple((losses[a.name], losses[b.name]) for a, b in lineup.pairs(trained))
    models = {m.name: Contender(m.name, tuple(Opened(r) for r in m.runs)) for m in trained}

    def between(first: str, second: str, number: str, times: int = 1) -> tuple[Difference, Basis] | None:
        score, (a, b) = {"loss": Loss(), "reconstruction": Distortion()}[number], (models[first], models[second])
        scale = score.scale(a.first)
        if scale is None or scale != score.scale(b.first):
            return None
        difference, basis = difference_between(a, b, score, "test", number)
        return difference(level=bonferroni(times)), basis

    def apart(first: str, second: str, number: str, times: int) -> Estimate | None:
        found = between(first, second, number, times)
        return found and found[0].estimate

    one_seed = any(len(m.runs) == 1 for m in trained)
    said = []
    for name, verdict, facts in summarise(Standing(tuple(losses.values()), pairs, apart)):
        key = f"report.summary.{name}" + (f"_{unit}" if name in ("loss", "reconstruction") else "")
        text = words(key, **say("", **facts)[1])
        other = str(facts.get("second") or facts.get("other") or "")
        if one_seed:
            text = words("compare.seeds.said", text=text)
            found = (
                between(str(facts["name"]), other, "loss" if name == "loss" else "reconstruction") if other else None
            )
            seeds, source = needed(*found) if found else (None, "none")
            if seeds is not None and source == "typical":
                text += " " + words("compare.seeds.claim", seeds=words.number(seeds, ",d"))
        said.append(ToldClaim(text, verdict, words(f"findings.verdict.{verdict}"), ()))
    return said


def _losses(model: Trained, words: Words, *, many: bool) -> Losses:
    """A model's losses; ``many``: whether the study has several likelihoods, so that its own is to be named."""

    def interval(split: str, metric: str) -> Estimate | None:
        found = model.metric(split, metric)
        return None if found is None else normal_interval(found.value, found.standard_error)

    spec = model.first.spec.model
    # Only bounds of the likelihood say of two models which fits the data better.
    bound = objectives.make(spec.objective).is_bound()
    what = lineup.loss_of(spec, words) + (f" ({lineup.part_text(spec.likelihood)})" if many else "")
    both = [r.metrics for r in model.runs if {"train", "test"} <= set(r.metrics)]
    parts = [(metrics["train"]["loss"], metrics["test"]["loss"]) for metrics in both]
    gaps = [Stat(b.value - a.value, (), a.standard_error**2 + b.standard_error**2) for a, b in parts]
    return Losses(
        model.name,
        model.latents,
        interval("test", "loss"),
        interval("test", "reconstruction"),
        combine(gaps),
        (Loss().scale(model.first) or "") if bound else "",
        Distortion().scale(model.first) or "",
        what,
    )


def _data_facts(study: StudySpec, card: Mapping[str, Any], words: Words) -> list[tuple[str, str, bool]]:
    low, high = card["range"]
    told = words("report.data.range_value", low=float(low), high=float(high), mean=float(card["mean"]))
    facts = [("name", card["name"], False)]
    # A report is sent to others, whom the folders of this machine do not concern; study.json has the whole path.
    source = Path(study.data.source).name if Path(study.data.source).is_absolute() else study.data.source
    if source != card["name"]:
        facts.append(("source", source, False))
    if card.get("without"):
        facts.append(("without", ", ".join(card["without"]), False))
    facts += [
        ("shape", " × ".join(map(str, card["shape"])), False),
        ("dtype", card["dtype"], False),
        ("range", told, False),
        ("fingerprint", card["fingerprint"], True),
        *(("note", words.note(note), False) for note in card.get("notes", ())),
    ]
    return [(words(f"report.data.{key}"), value, mono) for key, value, mono in facts]


def _method(study: StudySpec, trained: Sequence[Trained], data: Data, words: Words, unit: str) -> list[tuple[str, str]]:
    seeds = sorted({r.spec.seed for m in trained for r in m.runs})
    stratified = "split_stratified" if data.classes else "split_plain"
    stops = [
        words("report.method.patience_value", name=m.name, patience=m.first.spec.train.patience)
        for m in trained
        if m.first.spec.train.patience
    ]
    scored = any(r.measured.get("test") for m in trained for r in m.runs)
    test = [words("report.method.test_scored" if scored else "report.method.test_value")]
    again = list(dict.fromkeys(look.by for m in trained for r in m.runs for look in r.looks[1:]))
    if again:
        test.append(words("report.method.test_again", commands="; ".join(map(portable, again))))
    facts = [
        ("split", words(f"report.method.{stratified}", seed=data.spec.seed)),
        ("optimizer", words("report.method.optimizer_value")),
        ("seeds", words("report.method.seeds_value", seeds=", ".join(map(str, seeds)))),
        ("patience", "; ".join(stops)),
        ("evaluation", words(f"report.method.evaluation_{unit}", samples=SAMPLES)),
        ("test", " ".join(test)),
    ]
    return [(words(f"report.method.{key}"), value) for key, value in facts if value]


def _versions(facts: Mapping[str, Any], words: Words) -> Table:
    found = [(str(k), str(v)) for k, v in facts.get("versions", {}).items()]
    for key in ("platform", "processors", "date"):
        if facts.get(key):
            found.append((words(f"report.versions.{key}"), str(facts[key])))
    columns = tuple(Column(words(f"report.column.{c}"), numeric=False) for c in ("name", "version"))
    rows = tuple((tables.text_cell(name), tables.text_cell(value)) for name, value in found)
    return Table("versions", words("report.caption.versions"), columns, rows)

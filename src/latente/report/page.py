"""The report of a study: one HTML page that stands alone, and its figures as files beside it.

It depends on its arguments only, so that a finished study can be reported again, byte for byte.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latente._version import __version__
from latente.analysis.trained_models import trained_models
from latente.atomic import make_folder, write_bytes, write_text
from latente.data.split import Data
from latente.evaluation.run import Run
from latente.evaluation.scores import scores
from latente.language.words import Words
from latente.plain import portable
from latente.report import sections as parts
from latente.report.conclusions import WordedFinding, findings_of_scores, notes_of_scores, render_score, warnings_of
from latente.report.tables import results
from latente.report.tables import scores as score_tables
from latente.report.tables.comparison import section
from latente.spec import StudySpec

if TYPE_CHECKING:
    from latente.report.figures.figure_file import FigureFile


def write_report(
    folder: Path,
    study: StudySpec,
    runs: Sequence[Run],
    data: Data,
    conclusions: Sequence[WordedFinding],
    words: Words,
    command: str,
    facts: Mapping[str, Any],
    *,
    drawn: Sequence[FigureFile],
    notes: Sequence[str] = (),
) -> Path:
    """Write ``report.html`` of a study whose runs are trained and evaluated.

    Args:
        folder: the study's folder.
        study: its spec.
        runs: its runs, in any number of seeds; the same name is the same model.
        data: what they were trained on.
        conclusions: what `latente.report.conclusions.in_words` gives.
        words: the language.
        command: what reproduces the study; "" where there is none.
        facts: ``versions`` (name → text), ``platform``, ``processors`` and ``date``, each as far as it is known.
        drawn: what `write_figures` gave.
        notes: what a reader must know of all conclusions.

    Raises:
        StoreError: a file cannot be written.
    """
    import jinja2

    css, html = (
        files("latente.report").joinpath(f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "html")
    )
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    trained, card = trained_models(runs), runs[0].card
    unit = "image" if data.is_image else "example"
    shown = [results.results(trained, words, unit), results.scale(trained, words, data.shape, grey=_is_grey(data))]
    matched = results.matched(trained, words, unit)
    asked = score_tables.every(trained, [scores.make(s) for s in study.scores])
    ranked = [score for score in asked if not score_tables.has_many(score)]
    score_findings = [render_score(f, words) for f in findings_of_scores(runs)]
    compared = section(runs, words)
    optional = {"conclusions": conclusions, "told": score_findings, "comparison": compared}
    groups = itertools.groupby(enumerate(drawn, 1), lambda numbered: numbered[1].group)
    date, version = facts.get("date"), facts.get("versions", {}).get("latente", __version__)
    written = "report.written" if date else "report.written_by"
    text = environment.from_string(html).render(
        words=words,
        uri=_uri,
        section_title=lambda group: words.templates.get(f"report.section.{group}", group),
        table_number=itertools.count(1).__next__,
        symbols=parts.SYMBOLS,
        css=css,
        css_hash=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode(),
        version=version,
        written=words(written, date=date, version=version),
        title=words.title(study.title),
        sections=[s for s in parts.SECTIONS if optional.get(s, True)],
        tiles=parts.tiles(trained, data, words, unit),
        verdicts=parts.verdict_counts(conclusions),
        sentences=parts.summary_sentences(trained, words, unit),
        tables=[
            *score_tables.ranking(trained, ranked, words),
            *shown,
            *([matched] if matched else []),
            *score_tables.numbers(trained, asked, words),
        ],
        warnings=[*warnings_of(runs, words), *score_tables.lacking(trained, asked, words)],
        conclusions=conclusions,
        notes=notes,
        score_findings=score_findings,
        score_notes=notes_of_scores(runs, words),
        compared=compared,
        figures=[(group, list(numbered)) for group, numbered in groups],
        data_facts=parts.data_facts(study, card, words),
        classes=results.parts_of(card, words),
        method=parts.method(trained, data, words, unit),
        settings=results.settings(trained, words),
        terms=[(words(f"report.terms.{t}"), words(f"report.terms.{t}_text")) for t in parts.TERMS],
        everything=results.everything(runs, words, data.shape),
        times=results.times(runs, words),
        versions=parts.versions_table(facts, words),
        command=portable(command),
    )
    page = folder / "report.html"
    write_text(page, text)
    return page


def write_figures(folder: Path, runs: Sequence[Run], data: Data, words: Words) -> list[FigureFile]:
    """Draw a study's figures and write them to its ``figures/``.

    Raises:
        StoreError: a file cannot be written.
    """
    from latente.report.study_figures import figure_files

    drawn = figure_files(runs, data, words)
    if drawn:
        make_folder(folder / "figures", parents=False)
    for figure in drawn:
        write_bytes(folder / "figures" / figure.file, figure.content)
    return drawn


def _uri(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def _is_grey(data: Data) -> bool:
    x = data.train.x
    return not bool(((x == x.min()) | (x == x.max())).all())

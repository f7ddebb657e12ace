"""The report of a study: one HTML page that stands alone, and its figures as files beside it.

It depends on its arguments only, so that a finished study can be reported again, byte for byte.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Collection, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latente._version import __version__
from latente.analysis.trained_models import trained_models
from latente.atomic import make_folder, write_bytes, write_text
from latente.data.split import Data
from latente.evaluation.run import Run
from latente.evaluation.run_data import AbsentData
from latente.evaluation.scores import scores
from latente.language.words import Words
from latente.plain import portable
from latente.report import notebook_table
from latente.report import sections as parts
from latente.report.answers import Facts, answers, conclusion
from latente.report.conclusions import (
    WordedClaim,
    WordedFinding,
    findings_of_scores,
    kept,
    notes_of_scores,
    render_score,
    warnings_of,
)
from latente.report.embedded import picture, uri
from latente.report.formulas import formulas
from latente.report.search import read_search, search_figures, search_section
from latente.report.tables import comparison, results
from latente.report.tables import scores as score_tables
from latente.report.tables.baselines import baselines
from latente.report.tables.examples import examples
from latente.report.tables.table import Table
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
    general: Sequence[WordedClaim] = (),
    of_data: Sequence[WordedClaim] = (),
    beside: Sequence[Mapping[str, Any]] = (),
    ignore: Collection[str] = (),
    grey: bool | None = None,
    earlier: str = "",
) -> Path:
    """Write ``report.html`` of a study whose runs are trained and evaluated.

    Args:
        folder: the study's folder.
        study: its spec.
        runs: its runs, in any number of seeds; the same name is the same model.
        data: what they were trained on.
        conclusions: what `latente.report.conclusions.in_words` gives; shown where the study has the notebook's models
            (`latente.report.notebook_table.is_notebooks`).
        words: the language.
        command: what reproduces the study; "" where there is none.
        facts: ``versions`` (name → text), ``platform``, ``processors`` and ``date``, each as far as it is known.
        drawn: what `write_figures` gave.
        notes: what a reader must know of all conclusions.
        general: what `latente.report.conclusions.general_in_words` gives, which stand below the summary.
        of_data: what `latente.report.conclusions.data_in_words` gives.
        beside: the baselines, as `latente.report.conclusions.conclude` gives them.
        ignore: codes of findings that are left out.
        grey: what `is_grey` says of the data, where it is not here to be asked.
        earlier: what is from an earlier report, where the data is not here.

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
    found = comparison.compared_in(runs)
    compared = comparison.section(found, runs, words) if found else None
    grey = is_grey(data) if grey is None else grey
    asked = score_tables.every(trained, [scores.make(s) for s in study.scores])
    tables = _tables(study, runs, data, compared, words, grey=grey)
    if (beaten := baselines(beside, words)) is not None:
        tables["reconstructions"].append(beaten)
    of_search = None if study.search is None else read_search(folder)
    search = None
    if study.search is not None and of_search is not None:
        search = search_section(of_search, study.search, runs, words)
        tables["search"] = list(search.tables)
    warnings = [*warnings_of(runs, words), *score_tables.lacking(trained, asked, words)]
    told = Facts(trained, data, words, found, ignore)
    sections = parts.pictured(drawn, tables, _notes(compared, words))
    shown = conclusions if notebook_table.is_notebooks(trained) else ()
    score_findings = [render_score(f, words) for f in kept(findings_of_scores(runs), ignore)]
    if score_findings or warnings:
        sections.setdefault("scores", parts.PageSection("scores"))
    method = parts.method(trained, data, words, unit)
    method += [(words("report.method.kept"), earlier)] if earlier else []
    named = {*sections, "conclusion", "numbers", "method", *(("notebook",) if shown else ())}
    date, version = facts.get("date"), facts.get("versions", {}).get("latente", __version__)
    written = "report.written" if date else "report.written_by"
    text = environment.from_string(html).render(
        words=words,
        uri=uri,
        picture=picture,
        section_title=lambda group: words.templates.get(f"report.section.{group}", group),
        table_number=itertools.count(1).__next__,
        symbols=parts.SYMBOLS,
        css=css,
        css_hash=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode(),
        version=version,
        written=words(written, date=date, version=version),
        title=words.title(study.title),
        glance=parts.at_a_glance(trained, data, words, unit),
        names=[s for s in parts.SECTIONS if s in named],
        answers=answers(told),
        heroes=[figure for figure in drawn if figure.group == "hero"],
        sections=[sections[name] for name in parts.PICTURED if name in sections],
        formulas=formulas(trained, words),
        conclusion=conclusion(told),
        notebook=notebook_table.rows(shown, words),
        verdicts=parts.verdict_counts(shown),
        notes=notes,
        score_findings=score_findings,
        study_claims=[s for s in parts.summary_sentences(runs, words, general) if s.code not in ignore],
        score_notes=notes_of_scores(runs, words),
        warnings=warnings,
        search=search,
        data_claims=of_data,
        data_facts=parts.data_facts(study, card, words),
        method=method,
        terms=[(words(f"report.terms.{t}"), words(f"report.terms.{t}_text")) for t in parts.TERMS],
        everything=results.everything(runs, words, data.shape),
        versions=parts.versions_table(facts, words),
        command=portable(command),
    )
    page = folder / "report.html"
    write_text(page, text)
    return page


def _tables(
    study: StudySpec,
    runs: Sequence[Run],
    data: Data,
    compared: comparison.Section | None,
    words: Words,
    *,
    grey: bool,
) -> dict[str, list[Table]]:
    """The tables of each section."""
    trained, unit = trained_models(runs), "image" if data.is_image else "example"
    asked = score_tables.every(trained, [scores.make(s) for s in study.scores])
    ranked = [score for score in asked if not score_tables.has_many(score)]
    matched = results.matched(trained, words, unit)
    common = results.scale(trained, words, data.shape, grey=grey)
    return {
        "data": [
            *([] if data.is_image or isinstance(data, AbsentData) else [examples(data, words)]),
            results.parts_of(runs[0].card, words),
        ],
        "model": [results.settings(trained, words)],
        "training": [results.times(runs, words)],
        "reconstructions": [*([matched] if matched else []), common],
        "comparison": [results.results(trained, words, unit), *(compared.tables if compared else ())],
        "scores": [
            *score_tables.ranking(trained, ranked, words),
            *score_tables.numbers(trained, asked, words),
        ],
    }


def _notes(compared: comparison.Section | None, words: Words) -> dict[str, list[str]]:
    """What is said below the figures of the comparison and of latent sizes."""
    if compared is None:
        return {}
    sizes = [" ".join([judged, *sentences]) for judged, sentences in compared.curves]
    return {"comparison": list(compared.notes), "sizes": sizes}


def write_figures(folder: Path, runs: Sequence[Run], data: Data, words: Words) -> list[FigureFile]:
    """Draw a study's figures and write them to its ``figures/``.

    Raises:
        StoreError: a file cannot be written.
    """
    from latente.report.study_figures import figure_files

    drawn = [*figure_files(runs, data, words), *search_figures(folder, words)]
    if drawn:
        make_folder(folder / "figures", parents=False)
    for figure in drawn:
        write_bytes(folder / "figures" / figure.file, figure.content)
    return drawn


def is_grey(data: Data) -> bool:
    """Whether a data set has values between its lowest and its highest."""
    x = data.train.x
    return not bool(((x == x.min()) | (x == x.max())).all())

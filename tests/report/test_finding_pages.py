"""The documentation of findings: the committed index is the registry's, and every rule has its page."""

from pathlib import Path

import pytest

from latente.report import finding_pages
from latente.report.conclusions import every_rule

DOCS = Path(__file__).parents[2] / "docs" / "findings.md"


def test_the_index_in_the_documentation_is_the_registrys():
    assert DOCS.read_text(encoding="utf-8") == finding_pages.index().rstrip("\n") + "\n", (
        "docs/findings.md is old: write it again with `python -m latente.report.finding_pages > docs/findings.md`"
    )


@pytest.mark.parametrize("lang", ["en", "pt"])
def test_every_rule_has_a_page_that_says_all_of_it(lang):
    pages = finding_pages.pages(lang)
    assert set(pages) == {f"{r.code}.md" for r in every_rule().values()}
    for r in every_rule().values():
        page = pages[f"{r.code}.md"]
        assert page.startswith(f"# {r.code}: ") and r.description in page and "{" not in page
        for heading in ("What it needs", "How it is judged", "What to do", "An example in which it holds"):
            assert f"\n## {heading}\n" in page


def test_a_page_reads_as_it_should(tmp_path):
    page = finding_pages.pages()["LT301.md"]
    assert "`memorised` · outputs · severity **error** · found where it holds" in page
    assert "The score `generation`: `latente evaluate RUN --metrics generation`" in page
    assert "Do not publish these samples as new" in page and "a convention." in page
    assert "**my-model: samples are copies of training examples" in page
    written = finding_pages.write(tmp_path / "findings")
    assert (tmp_path / "findings" / "LT301.md") in written and written[0].name == "index.md"
    assert written[0].read_text(encoding="utf-8") == finding_pages.index()

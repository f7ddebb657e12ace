"""A page as a PDF, where a Chromium is installed; one line that says so where there is none."""

import pytest
from browser import executable

from latente.errors import StoreError
from latente.report.formats.pdf import print_pdf


@pytest.mark.slow
def test_a_page_is_printed(tmp_path):
    if executable() is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    page = tmp_path / "a page.html"
    page.write_text("<!doctype html><title>One</title><p>text<div style='break-before: page'>more</div>")
    found = print_pdf(page)
    assert found.startswith(b"%PDF-") and found.rstrip().endswith(b"%%EOF")
    assert found.count(b"/Type /Page\n") + found.count(b"/Type/Page/") == 2


def test_without_a_chromium_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        StoreError, match="found no Chromium on the path .*; install one, or open .* in a browser and print"
    ):
        print_pdf(tmp_path / "report.html")


def test_a_chromium_that_prints_nothing_is_told_with_what_it_said(tmp_path, monkeypatch):
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\necho first >&2\necho no display >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match=r"chromium did not print .*report\.html: no display$"):
        print_pdf(tmp_path / "report.html")

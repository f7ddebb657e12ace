"""Conclusions in words: every sentence fills in both languages; and as plain values."""

import json
import string
from dataclasses import replace

import pytest
from madeevidence import (
    ALL,
    GOOD,
    LEFT,
    NO_VAE,
    UNMATCHED,
    about,
    fit,
)

from latente.analysis.conclusions.notebook import find
from latente.language.words import Words
from latente.report.conclusions import as_table, in_words, notes, render, template_of


def test_models_that_take_no_part_are_named():
    told = render(find(replace(NO_VAE, left_out=LEFT))[0], Words("en")).claims[0].evidence
    assert told[0].startswith("The study has no plain variational autoencoder: ")
    assert told[2] == "Left out, for they are told which values are missing: gaps-2, gaps-4."
    assert not any(s.startswith("Left out") for s in render(find(UNMATCHED)[0], Words("en")).claims[0].evidence)


@pytest.mark.parametrize("language", ["en", "pt"])
def test_every_sentence_fills_and_every_template_is_used(language):
    words = Words(language)
    used = {f"findings.verdict.{v}" for v in ("holds", "fails", "unknown")}
    for evidence in ALL:
        for finding in find(evidence):
            told = render(finding, words)
            used |= {f"findings.{finding.id}.{part}" for part in ("title", "quote", "do", "limits")}
            for c, said in zip(finding.claims, told.claims, strict=True):
                assert said.evidence and said.text.endswith(".") and said.verdict == c.verdict
                assert not any("nan" in s or "{" in s for s in said.evidence)
                own = f"findings.{finding.id}.{c.key}"
                used |= {f"{own}.text", *(template_of(own, name) for name, _ in c.evidence)}
    for evidence in (GOOD, replace(GOOD, seeds=3)):
        found, said = in_words(as_table(find(evidence)) | {"notes": notes(evidence)}, words)
        assert len(said) == 3 and found == [render(f, words) for f in find(evidence)]
    used |= {f"findings.note.{n}" for n in ("one_seed", "seeds", "validation", "grey")}
    assert {k for k in words.templates if k.startswith("findings.")} == used


def test_both_languages_have_the_same_templates_with_the_same_numbers():
    def fields(language):
        templates = {k: v for k, v in Words(language).templates.items() if k.startswith("findings.")}
        return {k: sorted((f, s) for _, f, s, _ in string.Formatter().parse(v) if f) for k, v in templates.items()}

    assert fields("en") == fields("pt")


def test_words_of_one_finding():
    told = render(find(fit(gap_percent=about(4.8)))[0], Words("pt"))
    assert told.title == "Desempenho" and told.verdict == "fails"
    assert "+4,8% da perda de treino" in told.claims[0].evidence[0]


def test_the_table_is_plain_json():
    for evidence in ALL:
        table = as_table(find(evidence))
        assert json.loads(json.dumps(table, allow_nan=False)) == table
    row = as_table(find(GOOD))["findings"][0]
    assert row["id"] == "performance" and row["verdict"] == "holds"
    assert (row["code"], row["severity"]) == ("LT901", "info")
    assert row["claims"][0]["evidence"][0]["numbers"]["train"] == 100.0

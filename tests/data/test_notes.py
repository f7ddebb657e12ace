"""What was decided or left aside while data was read is said: on the terminal, in the card, in both languages."""

import json
import logging

import numpy as np
import pytest

from latente import load_data
from latente.cli.main import main
from latente.data.notes import Note, counted, listed
from latente.language.message import phrase
from latente.language.words import Words
from latente.plain import printable
from latente.report.sections import data_facts
from latente.spec import StudySpec


def test_a_note_is_a_sentence_with_what_decides_otherwise():
    note = Note("arrays", {"names": "z", "read": "x"}, "read = 1")
    said = "arrays of the file that are not read: z; read are x (to decide otherwise: read = 1)"
    assert str(note) == note.message == phrase(Note(**note.table()).message, Words("en")) == said
    assert phrase(note.message, Words("pt")).endswith("são lidas x (para decidir de outro modo: read = 1)")
    assert Note("of a later version", {"a": 1}).message == "of a later version: 1"


def test_names_are_cut_short_and_cannot_command_a_terminal():
    assert listed("abcdef") == "a, b, c, d, e, …" and listed("ab") == "a, b"
    assert counted({".txt": 2, ".pdf": 10, ".a": 2}) == "10 .pdf, 2 .a, 2 .txt"
    assert printable("a\x1b[2Jé\udcff\n") == r"a\x1b[2Jé\udcff\n"
    assert str(Note("arrays", {"names": "\x1b", "read": "x"})).count("\\x1b") == 1


@pytest.fixture
def noted(tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    x = np.random.default_rng(0).integers(0, 256, (60, 4, 5), np.uint8)
    np.savez(tmp_path / "a.npz", x=x, x_val=x)
    return tmp_path / "a.npz"


def test_notes_go_to_the_terminal_once_and_into_the_card(noted, capsys, caplog):
    said = "arrays of the file that are not read: x_val; read are x"
    assert main(["data", "show", str(noted)]) == 0
    out, err = capsys.readouterr()
    assert err == f"latente: {said}\n"
    values = {"names": "x_val", "read": "x"}
    assert json.loads(out)["notes"] == [{"key": "arrays", "values": values, "option": "", "text": said}]
    caplog.clear()
    data = load_data(noted)
    assert [r.getMessage() for r in caplog.records] == [said] == [*map(str, data.notes)]
    assert data.card()["notes"] == [{"key": "arrays", "values": values, "option": ""}]
    assert not logging.getLogger("latente.data").handlers
    shown = data_facts(StudySpec(data=data.spec), data.card(), Words("pt"))
    assert ("Observações da leitura", "matrizes do arquivo que não são lidas: x_val; são lidas x", False) in shown

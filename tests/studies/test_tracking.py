"""A study that is followed: each epoch once and in order, whatever the tracker or the study does."""

import json
import threading
from dataclasses import dataclass

import pytest

from latente.errors import LatenteWarning, SpecError
from latente.spec import StudySpec
from latente.studies.trackers.base import Tracker, key, trackers
from latente.studies.tracking import asked_for, make_trackers


class Book:
    """What a tracker was told, kept as a server would."""

    def __init__(self):
        self.said, self.points, self.down, self.threads = [], {}, 0, set()


@pytest.fixture
def book():
    """A tracker "book" that writes into this, and fails while it is down."""
    kept = Book()

    @trackers.register("book")
    @dataclass
    class Booked(Tracker):
        """Writes down what it is told."""

        needs = "json"

        def _hear(self, *what):
            kept.threads.add(threading.current_thread())
            if kept.down:
                raise ConnectionError("the server\nis down")
            kept.said.append(what)

        def begin(self, study):
            self.ids = study.ids
            self._hear("begin", study.ids.get(""))
            self.ids[""] = "study"

        def begin_run(self, run):
            self._hear("run", key(run))
            return len(kept.points.setdefault(key(run), []))

        def log_epoch(self, run, number, logs):
            self._hear("epoch", key(run), number)
            kept.points[key(run)].append((number, logs["loss"]))

        def end_run(self, run, folder):
            self._hear("ended", key(run.spec), (folder / "weights.safetensors").is_file())

        def end(self):
            self._hear("end")

        def stop(self):
            self._hear("stop")

    yield kept
    trackers._entries.pop("book")
    trackers._sources.pop("book")


def whole(made, book):
    return book.points == {key(r.spec): [(n, float(v)) for n, v in enumerate(r.history["loss"], 1)] for r in made.runs}


def test_all_of_a_study_is_told_once_and_in_a_thread_of_its_own(made, book):
    made.follow("book", epochs=3)
    assert whole(made, book)
    assert book.said[0] == ("begin", None) and book.said[-1] == ("end",)
    assert [s for s in book.said if s[0] == "ended"] == [("ended", "vae/seed-0", True), ("ended", "ae/seed-0", True)]
    assert len(book.threads) == 1 and threading.main_thread() not in book.threads
    kept = json.loads((made.folder / "tracking" / "book.json").read_text())
    assert kept == {"ids": {"": "study"}, "ended": ["ae/seed-0", "vae/seed-0"]}
    # Again: there is nothing left to tell.
    book.said.clear()
    made.follow("book")
    assert book.said == [("begin", "study"), ("end",)] and whole(made, book)


def test_what_was_broken_off_is_gone_on_with(made, book):
    made.follow("book", epochs=2, finish=False)
    assert book.said[-1] == ("stop",) and [len(p) for p in book.points.values()] == [2, 2]
    made.follow("book", epochs=3)
    assert whole(made, book)


def test_a_failure_is_one_warning_and_what_was_missed_is_told_at_the_end(made, book):
    book.down = 1
    with pytest.warns(LatenteWarning) as said:
        made.follow("book", epochs=3)
    assert [str(w.message) for w in said] == [
        "tracker book: the server is down; training goes on, and what it misses is handed on when the study is "
        "finished, or by the same command with --resume"
    ]
    assert not book.points
    book.down = 0
    made.follow("book")
    assert whole(made, book)


def test_one_that_comes_back_has_everything_in_order(made, book, monkeypatch):
    """Down in the middle of the study, there again at its end."""
    from latente.studies import tracking

    finish = tracking.Tracking.finish

    def up(self, runs):
        for line in self._lines:
            line.jobs.put((lambda: setattr(book, "down", 0), True))
        finish(self, runs)

    numbers = made.numbers
    monkeypatch.setattr(tracking.Tracking, "finish", up)
    monkeypatch.setattr(made, "numbers", lambda run, n: (setattr(book, "down", int(n == 2)), numbers(run, n))[1])
    with pytest.warns(LatenteWarning, match="^tracker book: the server is down; training goes on") as said:
        made.follow("book", epochs=2)
    assert len(said) == 1 and whole(made, book)


def test_trackers_of_the_file_and_of_the_command(book):
    spec = StudySpec(track=["book", {"name": "mlflow", "uri": "http://a"}])
    assert asked_for(spec, ["mlflow", "tensorboard"]) == ("book", {"name": "mlflow", "uri": "http://a"}, "tensorboard")
    assert asked_for(spec, [{"name": "mlflow"}])[1] == {"name": "mlflow"}
    with pytest.raises(SpecError, match='^track: "book" is given twice; give it once$'):
        make_trackers(["book", {"name": "book"}])
    with pytest.raises(SpecError, match='^unknown tracker "bok"; did you mean "book"'):
        make_trackers(["bok"])
    with pytest.raises(SpecError, match='^unknown option of tracker "book" "url"'):
        make_trackers([{"name": "book", "url": "x"}])
    with pytest.raises(SpecError, match=r"^track\[0\]: got 3; allowed: a name, or a table such as .name = .mlflow"):
        StudySpec(track=[3])

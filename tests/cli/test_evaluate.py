"""Tables of `latente evaluate`."""

from pathlib import Path

from latente.cli.evaluate import _names


def test_runs_are_told_apart_by_what_differs():
    study = Path("runs") / "a-study-with-a-very-long-name"
    folders = [study / "runs" / name / "seed-0" for name in ("latent-2", "latent-16")]
    assert list(_names(folders).values()) == ["latent-2/seed-0", "latent-16/seed-0"]
    assert _names(folders[:1]) == {str(folders[0]): str(folders[0])}
    assert list(_names([Path("one"), Path("other/two")]).values()) == ["one", "other/two"]

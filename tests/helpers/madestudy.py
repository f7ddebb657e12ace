"""A small study and its data, and what is left when processes that perform it are broken off."""

import filecmp
import json
import subprocess
import sys
import time

import numpy as np
from made import blobs

STUDY = """
[data]
test = 0.25
validation = 0.34
[runs.vae]
preset = "VAE"
hidden = [8]
train = {{ epochs = {}, batch_size = 16 }}
[runs.ae]
preset = "AE"
latent_dim = 2
hidden = [8]
train = {{ epochs = {}, batch_size = 16 }}
"""


def write_study(folder, epochs=(150, 20)):
    """study.toml, of a VAE and an autoencoder, and pictures.npz: 96 images of 6×5 pixels to train, 48 for each other
    part, so that one program evaluates both."""
    x, y = blobs(192, (6, 5))
    np.savez(folder / "pictures.npz", x=x, y=y)
    (folder / "study.toml").write_text(STUDY.format(*epochs))
    return folder


def begin(folder, out, jobs):
    """A process that performs the study of a folder, or goes on with it, and says nothing unless something is wrong."""
    command = [
        sys.executable,
        "-m",
        "latente",
        "run",
        "study.toml",
        "--data",
        "pictures.npz",
        "--quiet",
        "--lang",
        "en",
    ]
    return subprocess.Popen(
        [*command, "--jobs", str(jobs), "--resume", "--out", out],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def break_off(folder, out, jobs, number, at):
    """Perform the study until ``at(process)`` returns, send a signal, and wait for the end, which comes soon and with
    one line at most. False if it came to its own end before."""
    process = begin(folder, out, jobs)
    at(process)
    if process.poll() is not None:
        assert process.returncode == 0, process.stderr.read()
        return False
    began = time.monotonic()
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    # By the signal itself where Python only begins or has nothing left to do, which a shell tells as the same code.
    assert process.returncode in (128 + number, -number), said
    assert "Traceback" not in said and said.count("\n") <= 1
    assert time.monotonic() - began < 30
    return True


def same_folders(a, b):
    """Every file of a study but the times, the page that states them, and where it was told to go."""
    files = sorted(p.relative_to(a) for p in a.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(b) for p in b.rglob("*") if p.is_file())
    left_out = {"times.json", "report.html", "study.json"}
    compared = [f for f in files if f.name not in left_out]
    assert len(compared) > 15

    def same(name):
        if name.name != "manifest.json":
            return filecmp.cmp(a / name, b / name, shallow=False)
        x, y = (json.loads((folder / name).read_text()) for folder in (a, b))
        assert x.keys() == y.keys() == {"latente", "files", "sha256"} and x["files"].keys() == y["files"].keys()
        return all(x["files"][k] == y["files"][k] for k in x["files"] if k not in left_out)

    return [str(f) for f in compared if not same(f)]

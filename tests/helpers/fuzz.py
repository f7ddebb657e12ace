"""Mutated inputs of every kind that a user gives, and what must never come of one.

Each kind is a function of a random generator and a `Place`; it makes one input from a good one, hands it in, and raises
`Fault` where the answer is a traceback, an "unexpected" error, a hang, several lines where one is promised, or a file
that is gone. ``tests/test_fuzz.py`` runs them for a minute or two, ``benchmarks/fuzz.py`` as long as is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import io
import json
import shutil
import signal
import struct
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
from made import blobs
from PIL import Image

import latente
from latente.cli.main import main
from latente.errors import LatenteError, LatenteWarning
from latente.studies.study_file import read_study, shipped
from latente.training.check import check

LIMIT = 30
"""Seconds after which an input counts as hanging; the slowest that are answered take a few."""

SMALL = """title = "small"
seeds = [0]
scores = ["linear-probe", {name = "nll", samples = 4}]
[data]
source = "pictures.npz"
validation = 0.25
scale = "unit"
[runs.vae]
preset = "BetaVAE"
latent_dim = [1, 2]
hidden = [8]
beta = {name = "linear", steps = 2, end = 2.0}
likelihood = {name = "gaussian", sigma = 0.5}
train = {epochs = 1, batch_size = 64, schedule = "warmup-cosine"}
[runs.ae]
preset = "AE"
hidden = [[8], [4, 4]]
code_activation = "linear"
train = {epochs = {at_least = 1, steps = 2}, batch_size = 64}
"""

SCALARS = [
    None, True, False, 0, -1, 1, 7, 0.5, -0.0, 1e-320, 1e308, float("inf"), float("nan"), 2**31, 2**63, 2**64, -(2**63),
    10**30, "", " ", "x", "None", "nan", "0", "-1", "é", "日本", "\u202eabc", "\x1b[31m", "\x00", "a\nb", "../..",
    "/dev/null", "[/b]", "{0}", "%s", "=1+1", "x" * 5000,
]  # fmt: skip


class Fault(AssertionError):
    """What must never come of an input."""


class Hang(BaseException):
    """Raised by the alarm; no handler of errors may take it for one."""


class Place:
    """Good inputs in a folder of their own, and a fresh folder for each mutated one."""

    def __init__(self, root: Path) -> None:
        self.good = root / "good"
        self.good.mkdir()
        self._root = root
        x, y = blobs()
        self.data = latente.load_data((x, y))
        self.files = good_files(self.good, x, y)
        (self.good / "small.toml").write_text(SMALL)
        study = SMALL.replace("[1, 2]", "2").replace("[[8], [4, 4]]", "[8]")
        (self.good / "study.toml").write_text(study)
        code, text = run(["run", str(self.good / "study.toml"), "--data", str(self.files["npz"]), "--quiet",
                          "--jobs", "1", "--out", str(self.good / "study")])  # fmt: skip
        assert code == 0, text
        self.explorer = None

    @contextlib.contextmanager
    def fresh(self) -> Iterator[Path]:
        """An empty folder, with whatever is put there removed afterwards."""
        folder = Path(tempfile.mkdtemp(dir=self._root))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def good_files(folder: Path, x, y) -> dict[str, Path]:
    """One small readable file or folder of each format."""
    files = {name: folder / f"good.{name}" for name in ("npz", "npy", "csv", "parquet", "idx", "gz", "png")}
    np.savez(files["npz"], x=x, y=y)
    np.save(files["npy"], x[:40])
    rows = [f"{i * 0.5:.2f},{'ab'[i % 2]},{i % 7},{'' if i % 11 == 0 else i},c{i % 3}" for i in range(60)]
    files["csv"].write_text("\n".join(["height,sex,count,seen,label", *rows]) + "\n")
    idx = struct.pack(">HBB3I", 0, 8, 3, *x[:60].shape) + x[:60].tobytes()
    files["idx"].write_bytes(idx)
    files["gz"].write_bytes(gzip.compress(idx, mtime=0))
    try:
        import pandas as pd

        pd.read_csv(files["csv"]).to_parquet(files["parquet"])
    except ImportError:
        files.pop("parquet")
    files["png"].mkdir()
    for i in range(24):
        (files["png"] / "ab"[i % 2]).mkdir(exist_ok=True)
        Image.fromarray(x[i]).save(files["png"] / "ab"[i % 2] / f"{i:02}.png")
    return files


# --- mutations -------------------------------------------------------------------------------------------------------


def of(rng, items):
    """One of them."""
    return items[int(rng.integers(len(items)))]


def mutated(rng, content: bytes) -> bytes:
    """Bytes with one to three changes: bits, cuts, repeats, other bytes, numbers at their bounds."""
    found = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        if not found:
            return bytes(rng.integers(0, 256, 5, np.uint8))
        at, size = int(rng.integers(len(found))), int(rng.integers(1, 9))
        how = int(rng.integers(8))
        if how == 0:
            found[at] ^= 1 << int(rng.integers(8))
        elif how == 1:
            del found[at:]
        elif how == 2:
            del found[at : at + size]
        elif how == 3:
            found[at:at] = found[at : at + size * 20]
        elif how == 4:
            found[at : at + size] = rng.integers(0, 256, size, np.uint8).tobytes()
        elif how == 5:
            found[at : at + 4] = of(rng, [b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0"])
        elif how == 6:
            found[at:at] = of(
                rng, [b"\xef\xbb\xbf", b"\0", b"\r\n", b"\n", b",", b'"', b"'", b"\x1b[2J", b"\xff", b"=", b"."]
            )
        else:
            found[:] = found[: len(found) // 2] * 2
    return bytes(found)


def mutated_text(rng, text: str) -> bytes:
    """Text with a word or number of it exchanged, doubled or taken away, or its bytes mutated."""
    if rng.random() < 0.25:
        return mutated(rng, text.encode())
    import re

    tokens = list(re.finditer(r"[\w.\-]+|\"[^\"]*\"|[\[\]{}=,]", text))
    for _ in range(int(rng.integers(1, 3))):
        token = of(rng, tokens)
        others = [of(rng, tokens).group(), json.dumps(of(rng, SCALARS)), str(of(rng, SCALARS)), "", token.group() * 2,
                  "[]", "{}", "[[1]]", '{name = "x"}', "[" * 50, "1e400", "0x1F", "2026-01-01", "true"]  # fmt: skip
        text = text[: token.start()] + of(rng, others) + text[token.end() :]
        tokens = list(re.finditer(r"[\w.\-]+|\"[^\"]*\"|[\[\]{}=,]", text)) or [re.search("", text)]
    return text.encode(errors="replace")


def mutated_json(rng, content: bytes) -> bytes:
    """JSON with a value of another type, a key less, or another key; or its bytes mutated."""
    if rng.random() < 0.3:
        return mutated(rng, content)
    value = json.loads(content)
    holder = {"": value}
    at, key = holder, ""
    while isinstance(at[key], dict | list) and at[key] and rng.random() < 0.8:
        at = at[key]
        key = of(rng, list(at)) if isinstance(at, dict) else int(rng.integers(len(at)))
    how = rng.random()
    if how < 0.15 and isinstance(at, dict):
        del at[key]
    elif how < 0.3 and isinstance(at, dict):
        at[key + "x"] = at.pop(key)
    else:
        at[key] = of(rng, [*SCALARS, [], {}, [[]], {"name": "x"}, [None], [1] * 300, {"": {}}, [at[key]] * 2])
    if how > 0.98:
        return b"[" * 100_000
    return json.dumps(holder.get("")).encode(errors="replace")


# --- what must not come ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def watched(what: str) -> Iterator[None]:
    """Turn a hang, and any error or warning that is not latente's own, into a `Fault`."""

    def ring(signum, frame):
        raise Hang

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", LatenteWarning)
            warnings.simplefilter("ignore", ResourceWarning)  # of whatever was left open when an earlier error came
            yield
    except LatenteError as error:
        if not str(error).strip():
            raise Fault(f"{what}: an error that says nothing") from error
    except Hang:
        raise Fault(f"{what}: no answer within {LIMIT} s") from None
    except Fault:
        raise
    except Exception as error:
        raise Fault(f"{what}: {type(error).__name__}: {error}") from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run(argv: list[str]) -> tuple[int, str]:
    """A command's exit code and what it said on standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(argv)
        except SystemExit as end:  # --help and --version
            code = int(end.code or 0)
    return code, err.getvalue()


def command(argv: list[str]) -> int:
    """`run`, as it must be: an exit code of 0, 1 or 2, and of an error one line."""
    told = " ".join(map(repr, argv))[:600]
    code, text = -1, ""
    with watched(told):
        code, text = run(argv)
    if "latente: unexpected" in text or "Traceback" in text or code not in (0, 1, 2):
        raise Fault(f"{told}: exit code {code}: {text[-600:]}")
    lines = [line for line in text.splitlines() if line.startswith("latente: ")]
    # Of a folder without a manifest it is said, once, that it was not checked.
    errors = [line for line in lines if "read without a check" not in line]
    # A list of studies says of each that is damaged what is wrong with it.
    if code == 2 and (not errors or (len(errors) > 1 and argv[0] != "list")):
        raise Fault(f"{told}: exit code 2 with {len(errors)} lines of error: {text[-600:]}")
    if any(ord(c) < 32 and c != "\n" for c in "".join(errors)):
        raise Fault(f"{told}: control characters in {text!r}")
    return code


def contents(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.name.startswith(".")
    }


# --- the kinds -------------------------------------------------------------------------------------------------------


def study_file(rng, place: Place) -> None:
    """A mutated study file, with its data if it can still be read."""
    text = of(rng, [*shipped().values(), SMALL, SMALL, SMALL])
    with place.fresh() as folder:
        (folder / "s.toml").write_bytes(mutated_text(rng, text))
        told = repr((folder / "s.toml").read_bytes())
        if rng.random() < 0.1:
            data = str(folder / "none.npz")
            command(["run", str(folder / "s.toml"), "--data", data, "--jobs", "1", "--out", str(folder / "o")])
            return
        with watched(told):
            study = read_study(folder / "s.toml")
            for spec in study.runs[:2]:
                check(spec, place.data)


def setting(rng, place: Place) -> None:
    """A mutated ``--set``."""
    keys = ["vae.train.epochs", "train.learning_rate", "vae.latent_dim", "ae.hidden", "data.scale", "seeds", "title",
            "vae-1.train.epochs", "scores", "vae.likelihood", "vae.beta.end", "data.condition", "runs", "data",
            "train"]  # fmt: skip
    values = ["3", "0.1", "[1,2]", '{name="gaussian"}', "true", '"x"', "[]", "{}", "1e999", "nan", "[[8],[4]]", "x y"]
    made = f"{of(rng, keys)}={of(rng, values)}"
    if rng.random() < 0.6:
        made = mutated_text(rng, made).decode(errors="replace")
    with watched(f"--set {made!r}"):
        study = read_study(place.good / "small.toml", settings=[made, "vae.activation=relu"][: int(rng.integers(1, 3))])
        for spec in study.runs[:1]:
            check(spec, place.data)


def data_file(rng, place: Place) -> None:
    """A mutated file of every format, read with options that may not go with it."""
    kind = of(rng, list(place.files))
    content = place.files[kind]
    choices = {
        "scale": ["minmax", "none", 16, 255],
        "missing": ["keep"],
        "condition": ["sex", ("count", "sex"), 0, "nosuch"],
        "without": ["a", "c1", 0],
        "shape": [(5, 6), (6, 5), (30,), (2, 3), (7,)],
        "layout": ["channels-first", "channels-last"],
        "mode": ["grey", "colour", "alpha"],
        "ground": ["black", "white"],
        "labels": ["label", "sex", "count", False, "nosuch"],
        "index": [("seen",), "nosuch", True, False],
        "header": [True, False],
        "decimal": [",", "."],
    }
    options = {key: of(rng, values) for key, values in choices.items() if rng.random() < 0.15}
    with place.fresh() as folder:
        path = folder / f"bad.{kind}"
        if kind == "png":
            shutil.copytree(content, path)
            for bad in rng.choice(sorted(path.rglob("*.png")), 2, replace=False):
                Path(bad).write_bytes(mutated(rng, Path(bad).read_bytes()))
        else:
            raw = content.read_bytes()
            path.write_bytes(mutated_text(rng, raw.decode()) if kind == "csv" else mutated(rng, raw))
        # The path in the message changes from input to input; the file's own bytes tell it.
        told = f"load_data({kind}, {options}): {'' if path.is_dir() else path.read_bytes()[:3000]!r}"
        with watched(told):
            json.dumps(latente.load_data(path, **options).card(), allow_nan=False)


def run_folder(rng, place: Place) -> None:
    """A run or study folder one of whose files is mutated, before the commands that read it."""
    with place.fresh() as folder:
        study = folder / "study"
        shutil.copytree(place.good / "study", study)
        if rng.random() < 0.7:  # otherwise its checksum tells it
            for manifest in study.rglob("manifest.json"):
                manifest.unlink()
        files = [p for p in study.rglob("*") if p.is_file() and p.suffix in (".json", ".csv", ".safetensors")]
        bad = of(rng, sorted(files))
        change = mutated_json if bad.suffix == ".json" else mutated
        bad.write_bytes(change(rng, bad.read_bytes()))
        own = study / "runs" / "vae" / "seed-0"
        argv = of(rng, [
            ["show", str(own)], ["show", str(study)], ["list", str(folder)], ["compare", str(study)],
            ["evaluate", str(own), "--metrics", "mean-mse"],
            ["compare", str(own), str(study / "runs" / "ae" / "seed-0")],
            ["explore", str(own), "--export", str(folder / "page.html")],
        ])  # fmt: skip
        before = contents(study)
        try:
            command(argv)
        except Fault as fault:
            raise Fault(f"{bad.relative_to(study)} = {bad.read_bytes()[:1500]!r}: {fault}") from fault
        after = contents(study)
        gone = before.keys() - after.keys()
        changed = [k for k in before.keys() & after.keys() if before[k] != after[k]] if argv[0] not in WORKING else []
        if gone or changed:
            raise Fault(f"{argv} with {bad.relative_to(study)} mutated: files gone {gone}, changed {changed}")


WORKING = ("evaluate", "compare")
"""Commands that add to a run what they work out."""
OPTIONS = {
    "run": ["--data", "--set", "--seeds", "--out", "--jobs", "--resume", "--lang", "--quiet"],
    "init": ["--study"],
    "list": [],
    "show": [],
    "evaluate": ["--metrics", "--samples", "--set", "--split", "--csv", "--json", "--lang"],
    "compare": ["--metrics", "--samples", "--set", "--split", "--against", "--share", "--tolerance", "--csv", "--json"],
    "prior": ["--out", "--set", "--seed"],
    "explore": ["--split", "--port", "--host", "--lang"],
    "data": ["--scale", "--missing", "--condition"],
    "models": ["--markdown"],
    "doctor": [],
    "nosuch": ["--nosuch"],
}


def arguments(rng, place: Place) -> None:
    """A command with arguments that may not be its own, in a folder with a finished study."""
    with place.fresh() as folder:
        study = folder / "study"
        shutil.copytree(place.good / "study", study)
        own = str(study / "runs" / "vae" / "seed-0")
        words = [str(study), own, str(folder), str(place.good / "small.toml"), str(place.files["npz"]), "list", "show",
                 "x", "nll", "mean-mse,mse", "mean-mse", "validation", "test", "kde", "gaussian-mixture", "vae", "3",
                 "0,1",
                 "components=2", "generation.samples=3", "kde.x=3", "en", "pt", str(folder / "new"), "iwae", "digits",
                 "unit", *(str(s).replace("\0", "") for s in SCALARS)]  # fmt: skip
        verb = of(rng, list(OPTIONS))
        argv = [verb]
        for _ in range(int(rng.integers(0, 5))):
            if OPTIONS[verb] and rng.random() < 0.5:
                argv.append(of(rng, OPTIONS[verb]))
            argv.append(of(rng, words))
        if verb == "run":  # never a whole study: its data is not there
            argv += ["--data", str(folder / "none.npz")]
        if verb == "explore":  # never a server, which does not end
            argv += ["--export", str(folder / of(rng, ["page.html", "study", "new/page.html"]))]
        if verb == "init":
            argv = [verb, str(folder / of(rng, ["new.toml", "study", "a/b.toml"])), *argv[2:]]
        before = contents(study)
        with contextlib.chdir(folder):
            command(argv)
        kept = contents(study)
        if before.keys() - kept.keys() or (
            verb not in ("evaluate", "compare") and any(kept[k] != before[k] for k in before)
        ):
            raise Fault(f"{argv}: a file of the study is gone or another")


def body(rng, place: Place) -> None:
    """A request to the explorer with another query or body."""
    if place.explorer is None:
        place.explorer = explorer(place)
    path = of(rng, ["/", "/api/runs", "/api/scene", "/api/examples", "/api/fitted", "/api/program", "/api/progress",
                    "/api/decode", "/api/encode", "/api/nearest", "/api/picture", "/api/x"])  # fmt: skip
    query = {"run": "0", "split": "validation", "index": "0,1", "count": "3", "as": "drawn"}
    for key in list(query):
        if rng.random() < 0.5:
            del query[key]
        elif rng.random() < 0.3:
            query[key] = str(of(rng, SCALARS))
    z, x = np.zeros((2, 2), "<f4").tobytes(), np.zeros((1, *place.data.shape), "<f4").tobytes()
    picture = io.BytesIO()
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(picture, "PNG")
    sent = of(rng, [z, x, picture.getvalue(), b"", json.dumps(of(rng, SCALARS)).encode()])
    sent = mutated(rng, sent) if rng.random() < 0.6 else sent
    method = of(rng, ["GET", "POST", "POST", "PUT"])
    told = f"{method} {path} {query} {sent[:600]!r}"
    with watched(told):
        status = asyncio.run(asked(place.explorer, method, path, query, sent))
        if status >= 500:
            raise Fault(f"{told}: status {status}")


def explorer(place: Place):
    """The explorer's application over the finished study's VAE."""
    from latente.explorer import build_page, catalogue, server

    found = catalogue.find_runs([place.good / "study" / "runs" / "vae" / "seed-0"])
    return server.application(found, build_page.build({}, lang="en"))


async def asked(application, method: str, path: str, query: dict[str, str], sent: bytes) -> int:
    """The status of an answer."""
    text = "&".join(f"{k}={quote(v, errors='replace')}" for k, v in query.items())
    headers = [(b"host", b"127.0.0.1:8765"), (b"content-length", b"%d" % len(sent))]
    scope = {"type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
             "scheme": "http", "query_string": text.encode(), "headers": headers, "client": ("127.0.0.1", 5),
             "server": ("127.0.0.1", 8765), "root_path": ""}  # fmt: skip
    messages = [{"type": "http.request", "body": sent, "more_body": False}]
    status = 0

    async def receive():
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message):
        nonlocal status
        status = message.get("status", status)

    await application(scope, receive, send)
    return status


KINDS: dict[str, tuple[Callable[..., None], float]] = {
    "study files": (study_file, 0.3),
    "settings": (setting, 0.2),
    "data": (data_file, 0.25),
    "run and study folders": (run_folder, 0.1),
    "arguments": (arguments, 0.1),
    "requests": (body, 0.05),
}
"""Every kind, and its share of the inputs."""


def fuzz(
    place: Place, seed: int, inputs: int, *, stop: Callable[[], bool] = lambda: False
) -> tuple[Counter, list[str]]:
    """So many inputs, or as many as there are before ``stop`` says so: how many of each kind, and the faults."""
    counts: Counter = Counter()
    faults: dict[str, str] = {}
    names, shares = list(KINDS), [share for _, share in KINDS.values()]
    for number in range(inputs):
        if stop():
            break
        rng = np.random.default_rng([seed, number])
        kind = names[int(rng.choice(len(names), p=shares))]
        try:
            KINDS[kind][0](rng, place)
        except Fault as fault:
            faults.setdefault(str(fault)[-160:], f"input {number} of seed {seed} ({kind}): {fault}")
        counts[kind] += 1
    return counts, list(faults.values())

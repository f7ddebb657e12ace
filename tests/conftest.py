"""Small data that every test can afford; nothing here needs a network."""

import contextlib
import ctypes
import gc
import os
import signal
import sys
from pathlib import Path

# Two workers have two cores: threads of each that wait for each other by spinning take the time of both.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Compiling is most of the tests' time: do it quickly rather than well, and keep what was compiled for the next time.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "0")

import pytest
from made import blobs

from latente.compiling import TRIED_ON, installed
from latente.data.source import make_source
from latente.data.split import split_source

# Kernels by LLVM alone, without MLIR before it: compiling takes two fifths less, and a few hundredths less where a
# program is not parted among threads. A jaxlib that does not know a flag refuses to start.
if installed() in TRIED_ON:
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1")

# Tracing makes millions of objects, of which none goes in a circle.
gc.set_threshold(100_000, 50, 1000)

ROOM = 2**31
"""How many bytes a process may have before its compiled programs are forgotten."""


@pytest.fixture(scope="session")
def tiny():
    """300 images of 6×5 pixels in 3 classes: 192 to train, 48 to validate, 60 to test."""
    return split_source(make_source("tiny", *blobs()))


def resident():
    """Bytes of this process in memory; without a bound where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return ROOM + 1


@pytest.fixture(autouse=True, scope="module")
def forget_programs():
    """Programs of one file are of little use to the next, and all of them together take gigabytes."""
    yield
    if "jax" in sys.modules and resident() > ROOM:
        sys.modules["jax"].clear_caches()
        # Else what is free stays with the process, which would forget again after every file.
        with contextlib.suppress(OSError, AttributeError, TypeError):
            ctypes.CDLL(None).malloc_trim(0)


@pytest.fixture
def heard():
    """A job in the background of a script ignores Ctrl-C, and so do its children: not the tests of it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A browser is slow; what is slow begins first, so that no worker is left with it at the end."""
    for item in items:
        if "browser" in item.fixturenames:
            item.add_marker("slow")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)

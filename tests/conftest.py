"""Small data that every test can afford; nothing here needs a network."""

import os
import signal
import sys
from pathlib import Path

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

# Kernels by LLVM alone, without MLIR before it: compiling takes two fifths less. A jaxlib that does not know a flag
# refuses to start.
if installed() in TRIED_ON:
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")


@pytest.fixture(scope="session")
def tiny():
    """300 images of 6×5 pixels in 3 classes: 192 to train, 48 to validate, 60 to test."""
    return split_source(make_source("tiny", *blobs()))


@pytest.fixture(autouse=True, scope="module")
def forget_programs():
    """Compiled programs of one file are of no use to the next, and all of them together take gigabytes."""
    yield
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()


@pytest.fixture
def heard():
    """A job in the background of a script ignores Ctrl-C, and so do its children: not the tests of it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)

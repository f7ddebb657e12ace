"""A page as a PDF, printed by an installed Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from latente.errors import StoreError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge", "brave-browser")
"""Programs that are Chromium, as they are called on the path."""

SECONDS = 180


def print_pdf(page: Path) -> bytes:
    """The PDF of a page that stands alone: nothing is fetched, no script runs.

    Raises:
        StoreError: no Chromium is installed, or it does not print.
    """
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        raise StoreError(
            f"format pdf: found no Chromium on the path ({', '.join(NAMES[:3])}, …); install one, or open {page} in a "
            "browser and print it"
        )
    with tempfile.TemporaryDirectory(prefix="latente-") as folder:
        target = Path(folder) / "report.pdf"
        command = [
            program, "--headless", "--disable-gpu", "--no-first-run", "--disable-extensions",
            "--disable-background-networking", "--disable-dev-shm-usage", "--no-pdf-header-footer",
            f"--user-data-dir={folder}/profile", f"--print-to-pdf={target}",
        ]  # fmt: skip
        # Chromium's sandbox refuses the superuser, as in a container.
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--no-sandbox")
        try:
            done = subprocess.run(
                [*command, page.resolve().as_uri()], capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StoreError(f"format pdf: {program} did not print {page}: {error}") from error
        content = target.read_bytes() if target.is_file() else b""
        if not content.startswith(b"%PDF-"):
            said = done.stderr.decode(errors="replace").strip().splitlines()
            why = said[-1][:200] if said else f"exit status {done.returncode}"
            raise StoreError(f"format pdf: {program} did not print {page}: {why}")
        return content

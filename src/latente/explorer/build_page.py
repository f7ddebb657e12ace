"""The page: HTML, styles, scripts and words of this package put together into one text, with its security policy."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from latente.language.words import LANGUAGES, Words

SCRIPTS = (
    *("base", "packing", "forward", "backends", "state", "images", "projection", "points", "colours", "manifold"),
    *("overlay", "given", "tokens", "hover", "map", "session", "decoded", "sliders", "interpolate", "draw", "samples"),
    *("selection", "compare", "training", "saving", "controls", "main"),
)
"""The page's scripts in the order they are joined; each is one duty."""

STYLES = ("base", "map", "panels")


@dataclass(frozen=True)
class Page:
    """A whole page and the Content-Security-Policy it is to be served with."""

    html: str
    policy: str


def build(boot: Mapping[str, Any], blobs: Mapping[str, bytes] | None = None, *, lang: str | None = None) -> Page:
    """The page.

    Args:
        boot: what the scripts begin with; JSON-able.
        blobs: packed arrays by name that the page carries in itself; then it needs no server, and can reach none.
        lang: the language it opens in; None: the browser's.
    """
    script = "".join(
        ['"use strict";\n(() => {\n', *(_read(f"{name}.js") + "\n" for name in SCRIPTS), "start();\n})();\n"]
    )
    style = "".join(_read(f"{name}.css") for name in STYLES)
    carried = "".join(
        f'<script type="application/octet-stream" id="blob-{name}">{base64.b64encode(raw).decode()}</script>\n'
        for name, raw in (blobs or {}).items()
    )
    connect = "'none'" if blobs else "'self'"
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data: blob:; "
        f"connect-src {connect}; base-uri 'none'; form-action 'none'"
    )
    filled = {
        "lang": lang or "en",
        # A policy in the page cannot say who may frame it; the server's header does.
        "policy": policy,
        "style": style,
        "boot": _json(dict(boot)),
        "words": _json({name: words(name) for name in LANGUAGES}),
        "blobs": carried,
        "script": script,
    }
    # In one pass, so that nothing that is filled in is taken for a mark.
    html = re.sub(r"\{\{(\w+)\}\}", lambda mark: filled[mark[1]], _read("index.html"))
    return Page(html, policy + "; frame-ancestors 'self' http://localhost:* http://127.0.0.1:*")


def words(language: str) -> dict[str, str]:
    """The page's words in one language, by key."""
    templates = Words(language).templates.items()
    return {key.removeprefix("explorer."): text for key, text in templates if key.startswith("explorer.")}


def _json(value: Any) -> str:
    """JSON that may stand in a page: no text in it can end the element it is in."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _read(name: str) -> str:
    return files(__package__).joinpath("page", name).read_text(encoding="utf-8")

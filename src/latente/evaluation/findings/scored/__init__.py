"""What the numbers of scores say, as rules: a module a score, found by import. A new sentence is one small entry.

Every rule has made-up numbers that make it hold and others that make it fail, by which one test proves all of them; its
words are ``told.NAME`` in ``interfaces/text/{en,pt}/told.toml``.
"""

from latente.evaluation.findings.scored.base import Found as Found
from latente.evaluation.findings.scored.base import Rule as Rule
from latente.evaluation.findings.scored.base import Told as Told
from latente.evaluation.findings.scored.base import found_of as found_of
from latente.evaluation.findings.scored.base import rules as rules
from latente.evaluation.findings.scored.base import tell as tell
from latente.registry import import_parts

import_parts(__name__, __path__)

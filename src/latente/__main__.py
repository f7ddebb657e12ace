"""``python -m latente``."""

import sys

from latente.interfaces.cli import main

sys.exit(main())

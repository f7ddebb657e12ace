"""``python -m latente``."""

import sys

from latente.cli.main import main

sys.exit(main())

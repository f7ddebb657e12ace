"""`latente schema`: the JSON Schema of study files, for editors to complete and check them."""

from __future__ import annotations

from latente.cli.options import AddCommand, Arguments
from latente.terminal import say

PLACE = 82


def add(command: AddCommand) -> None:
    """The command, which has no options."""
    command("schema", _schema, help="the JSON Schema of study files, for editors to complete and check them")


def _schema(arguments: Arguments) -> None:
    import json

    from latente.studies.schema import study_schema

    say(json.dumps(study_schema(), indent=2, ensure_ascii=False))

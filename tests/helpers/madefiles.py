"""Small files, and how reading them is refused."""

import pytest

from latente.data.files import read
from latente.errors import DataError


def write(path, content):
    """A file of bytes, or of text as UTF-8."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def error_of(path, match):
    """What is said where it is read, in one line."""
    with pytest.raises(DataError, match=match) as error:
        read(path)
    assert "\n" not in str(error.value)
    return str(error.value)

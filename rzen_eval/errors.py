"""Every error this package raises on purpose.

Each carries one line that names the thing, what was expected, what was found and what to do.
The command line prints that line and leaves with the error's exit code.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class RzenEvalError(Exception):
    """The base of every error raised on purpose; an ordinary failure leaves with exit code 1."""

    exit_code = 1


class ConfigError(RzenEvalError):
    """A wrong argument, an unknown name or a configuration file that does not fit its schema."""

    exit_code = 2


class DataError(RzenEvalError):
    """Rows, judgements or media that are missing, damaged or not what the task declares."""


class ModelError(RzenEvalError):
    """A checkpoint that cannot be loaded as declared, or vectors that cannot be ranked."""


class ResultError(RzenEvalError):
    """A result that cannot be written, or that cannot be read back."""


def nearest(word: str, known: Iterable[str]) -> str:
    """` (did you mean X?)` where something is like enough, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {close[0]}?)" if close else ""

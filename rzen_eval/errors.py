"""Every error this package raises on purpose.

Each carries one line that names the thing, what was expected, what was found and what to do.
The command line prints that line and leaves with the error's exit code.
"""

from __future__ import annotations


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

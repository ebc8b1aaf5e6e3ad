"""Every error this package raises on purpose.

Each carries one line that names the thing, what was expected, what was found and what to do.
The command line prints that line and leaves with the error's exit code.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import ValidationError


ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""What colours text in a terminal."""


class RzenEvalError(Exception):
    """The base of every error raised on purpose; an ordinary failure leaves with exit code 1."""

    exit_code = 1
    explained = "results"
    """The part of the page on troubles that says more: `rzen-eval help troubleshooting results`."""


class ConfigError(RzenEvalError):
    """A wrong argument, an unknown name or a configuration file that does not fit its schema."""

    exit_code = 2
    explained = "words-and-settings"


class DataError(RzenEvalError):
    """Rows, judgements or media that are missing, damaged or not what the task declares."""

    explained = "data"


class AbsentError(DataError):
    """Data that are not on this machine at all, as of a task that was not downloaded."""


class ModelError(RzenEvalError):
    """A checkpoint that cannot be loaded as declared, or vectors that cannot be ranked."""

    explained = "models"


class DeviceError(ModelError):
    """A device that answers nothing more in this process; in another it may."""


class ResultError(RzenEvalError):
    """A result that cannot be written, or that cannot be read back."""


def nearest(word: str, known: Iterable[str]) -> str:
    """` (did you mean X?)` where something holds the word, or is like it, case and punctuation aside; else nothing."""
    plain: dict[str, str] = {}
    for name in known:
        plain.setdefault(_letters(name), name)
    wanted = _letters(word)
    holding = [name for letters, name in plain.items() if len(wanted) > 2 and wanted in letters][:3]
    close = [plain[wanted]] if wanted in plain else holding
    close = close or [plain[letters] for letters in difflib.get_close_matches(wanted, plain, n=1, cutoff=0.5)]
    return f" (did you mean {' or '.join(close)}?)" if close else ""


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


def some(names: Sequence[str], n: int = 5, *, joined: str = ", ") -> str:
    """The first n of some names, and how many more there are: `a, b and 7 more`."""
    return joined.join(names[:n]) + (f" and {len(names) - n} more" if len(names) > n else "")


def reason(error: BaseException, length: int = 300) -> str:
    """What an error of another library says, in one line of at most `length` characters; its class if it is silent."""
    plain = "".join(character if character.isprintable() else " " for character in ESCAPES.sub("", str(error)))
    return " ".join(plain.split())[:length] or type(error).__name__


def failure(error: BaseException) -> str:
    """The class of an error of code that is not ours, and what it says, in one line."""
    said = reason(error)
    return said if said == type(error).__name__ else f"{type(error).__name__}: {said}"


def first_fault(error: ValidationError) -> tuple[str, str]:
    """Where the first thing is that is wrong with a file or with settings, and what it is.

    Returns:
        Keys joined by dots, or `the file`; and what was expected and found.
    """
    first = error.errors()[0]
    plain = {"missing": "missing; expected a value", "extra_forbidden": "unknown key"}
    message = plain.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    if message.startswith("Input should be "):
        found = f"{first['input']!r}"
        message = f"expected {message.removeprefix('Input should be ')}, found {found[:60]}"
    return ".".join(map(str, first["loc"])) or "the file", message

"""Values of options: what they may be, and how they are read."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.errors import ConfigError, nearest
from rzen_eval.files import usable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rzen_eval.results.tables.rows import Row


def directory(text: str) -> Path:
    """A folder or file as given, `~` being the home folder."""
    if not text:
        raise argparse.ArgumentTypeError("expected a path, found nothing")
    try:
        return usable(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def listed(text: str) -> list[str]:
    """Names with commas between them, in brackets or not."""
    return [name.strip() for name in text.strip("[] ").split(",") if name.strip()]


def one_of(*names: str) -> dict[str, Any]:
    """What `add_argument` takes for an option whose value is one of some words."""

    def read(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(
                f"expected one of {', '.join(names)}, found {text!r}{nearest(text, names)}"
            )
        return text

    return {"type": read, "metavar": "|".join(names)}


def data_version(text: str) -> str:
    """A version of the data."""
    version: str = one_of(*manifest().versions)["type"](text)
    return version


def named_version(text: str) -> str:
    """A version of the data that tasks name as theirs."""
    version: str = one_of(*manifest().named_versions)["type"](text)
    return version


def whole(low: int, high: int) -> Callable[[str], int]:
    """Reads a whole number of a range."""

    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"expected a whole number, {low} to {high}, found {text!r}")
        return int(text)

    return read


def number(fits: Callable[[float], bool], what: str) -> Callable[[str], float]:
    """Reads a number that fits.

    Args:
        fits: whether it does.
        what: the numbers that do, for the message.
    """

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not fits(value):
            raise argparse.ArgumentTypeError(f"expected {what}, found {text!r}")
        return value

    return read


def named(word: str, rows: Sequence[Row], wanted: Sequence[str]) -> list[Row]:
    """Rows whose name holds one of the given ones, case and punctuation aside: `rzenembed_v2_7b` is RzenEmbed-v2-7B.

    Args:
        word: the command, for the message.
        rows: to choose from.
        wanted: names or parts of them.

    Raises:
        ConfigError: one of them names no row.
    """
    for name in wanted:
        if not any(_holds(row, name) for row in rows):
            near = nearest(name, [row.model for row in rows])
            raise ConfigError(f"{word}: no model {name!r}{near}")
    return [row for row in rows if any(_holds(row, name) for name in wanted)]


def _holds(row: Row, name: str) -> bool:
    spelled = "".join(filter(str.isalnum, name.lower()))
    return bool(spelled) and spelled in "".join(filter(str.isalnum, row.model.lower()))

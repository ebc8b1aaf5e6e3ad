"""Options of the words that take more than settings: `--name VALUE`, and `name=VALUE` as everywhere else."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rzen_eval.errors import ConfigError, ResultError, nearest
from rzen_eval.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.results.tables.rows import Row


class Options(argparse.ArgumentParser):
    """A parser that says what is wrong in one line, and reads `name=VALUE` as `--name VALUE`."""

    def __init__(self, word: str, description: str) -> None:
        super().__init__(prog=f"rzen-eval {word}", description=description, allow_abbrev=False)
        self.word = word
        self.add_argument("--config-dir", action="append", default=[], type=Path, metavar="DIR")

    def error(self, message: str) -> NoReturn:
        """Refuse arguments.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"{self.word}: {message}; see rzen-eval {self.word} --help")

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """Read the words that follow the verb."""
        return self.parse_intermixed_args([spelled for word in words for spelled in self._spell(word)])

    def _spell(self, word: str) -> list[str]:
        name, equals, value = word.partition("=")
        option = f"--{name.replace('_', '-')}"
        return [f"{option}={value}"] if equals and option in self._option_string_actions else [word]


def directory(text: str) -> Path:
    """A folder or file as given, `~` being the home folder."""
    return Path(text).expanduser()


def listed(text: str) -> list[str]:
    """Names with commas between them."""
    return [name for name in text.split(",") if name]


def named(word: str, found: Sequence[Row], wanted: Sequence[str]) -> list[Row]:
    """Rows whose name holds one of the given ones, case and punctuation aside: `rzenembed_v2_7b` is RzenEmbed-v2-7B.

    Args:
        word: the verb, for the message.
        found: rows to choose from.
        wanted: names or parts of them.

    Raises:
        ConfigError: one of them names no row.
    """
    for name in wanted:
        if not any(_holds(row, name) for row in found):
            near = nearest(name, [row.model for row in found])
            raise ConfigError(f"{word}: no model {name!r}{near}")
    return [row for row in found if any(_holds(row, name) for name in wanted)]


def _holds(row: Row, name: str) -> bool:
    spelled = "".join(filter(str.isalnum, name.lower()))
    return bool(spelled) and spelled in "".join(filter(str.isalnum, row.model.lower()))


def put(text: str, file: Path | None) -> None:
    """Print a text, or write it to a file that appears whole.

    Raises:
        ResultError: the file cannot be written.
    """
    if file is None:
        sys.stdout.write(text)
        return
    try:
        write_whole(file, text.encode())
    except OSError as error:
        raise ResultError(f"{file} cannot be written ({error}); give --output FILE") from error

"""What a shell offers for the word at its cursor: commands, options, settings, tasks and models."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rzen_eval.benchmark.places import GROUPS, choices
from rzen_eval.cli.main import COMMANDS, word_of
from rzen_eval.cli.options import KEYS, Options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TextIO

ASKS = "_ARGCOMPLETE"
"""Environment variable of a shell that asks."""


def offers(words: Sequence[str], prefix: str) -> list[str]:
    """Words that begin with a prefix, sorted.

    Args:
        words: before it, without the program's name.
        prefix: what stands at the cursor.
    """
    command = word_of(words) or "run"
    if command not in COMMANDS:
        return []
    key, equals, value = prefix.partition("=")
    settings = COMMANDS[command].settings
    if equals:
        known = _values(key) if key in settings else []
        kept = value[: max(value.rfind("["), value.rfind(",")) + 1]
        return [whole for name in known if (whole := f"{key}={kept}{name}").startswith(prefix)]
    if prefix.startswith("-"):
        parser = Options(command, COMMANDS[command])
        import_module(f"rzen_eval.cli.{COMMANDS[command].module}").options(parser)
        found = parser.names
    else:
        found = [*(f"{name}=" for name in KEYS if name in settings), *([] if words else COMMANDS)]
    return sorted(name for name in found if name.startswith(prefix))


def _values(key: str) -> list[str]:
    """What a setting takes that is a choice among files; short names of tasks too."""
    if key not in GROUPS:
        return []
    names = choices(key)
    return sorted({*names, "available", *(name.rpartition("/")[2] for name in names)} if key == "task" else names)


def answer(leave: Callable[[int], Any] = os._exit, stream: TextIO | None = None) -> None:
    """Answer a shell that asks, and leave; do nothing where none does, or the extra [completion] is not there.

    Args:
        leave: ends the process, with its exit code.
        stream: the answer is written there; None: where the shell listens.
    """
    if ASKS not in os.environ or find_spec("argcomplete") is None:
        return
    import argparse

    from argcomplete.finders import CompletionFinder

    class Finder(CompletionFinder):
        """Offers words of ours in place of those of a parser."""

        def _init_debug_stream(self) -> None:
            """Leave file descriptor 9 to whoever has it."""

        def _get_completions(
            self, comp_words: list[str], cword_prefix: str, cword_prequote: str, last_wordbreak_pos: int | None
        ) -> list[str]:
            return self.quote_completions(offers(comp_words[1:], cword_prefix), cword_prequote, last_wordbreak_pos)

    Finder()(argparse.ArgumentParser(), exit_method=leave, output_stream=stream)

"""Words of a command: settings are `key=value`, everything else is an option or a name."""

from __future__ import annotations

import argparse
import difflib
import re
import shlex
import shutil
import textwrap
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from rzen_eval.benchmark.places import choices
from rzen_eval.cli.values import directory
from rzen_eval.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence


SETTING = re.compile(r"[~+]{0,2}[A-Za-z_][\w.@/]*=|~[A-Za-z_][\w.@/]*$")
KEYS: Mapping[str, str] = {
    "task": "a task, a suite or a list of them",
    "model": "a declaration in conf/model",
    "data": "sample, hub or mirror (data.root=DIR)",
    "runtime": "where embedding happens",
    "track": "trackio, wandb or mlflow: where scores are logged too",
    "reranker": "a declaration in conf/reranker, of rerank alone",
    "experiment": "settings of a published row",
    "reference": "a published row to stand beside the results",
    "limit": "random queries of each task, 100 say; or first:N",
    "frames": "of each video",
    "results_dir": "where results are written",
    "cache_dir": "where derived files are kept",
    "tasks": "what a task declares: tasks.ID.metric=hit@1",
    "family": "what the tasks of a family share, in YAML alone",
}
"""Settings of a run, by the first part of their key."""
WIDEST = 100
"""Characters of a line of help."""


@dataclass(frozen=True, slots=True)
class Command:
    """A word of the command line."""

    module: str
    """In `rzen_eval.cli`; it has `options(parser)` and `run(chosen, settings, places)`, which returns the exit code."""
    summary: str
    group: str
    settings: Collection[str] = ()
    """First parts of the keys that it takes as settings."""


class Options(argparse.ArgumentParser):
    """The options of a command; what is wrong with its words is said in one line.

    Args:
        word: of the command.
        command: what it is.
    """

    def __init__(self, word: str, command: Command) -> None:
        super().__init__(
            prog=f"rzen-eval {word}",
            description=command.summary,
            allow_abbrev=False,
            formatter_class=partial(argparse.RawDescriptionHelpFormatter, max_help_position=30),
        )
        self.word, self.keys = word, command.settings
        self.any_key = set(KEYS) <= set(self.keys)
        self.examples: list[str] = []
        """Whole commands that the help shows."""
        self.renamed: dict[str, str] = {}
        """Options that have got another name, by the old one without dashes; empty: the value stands alone."""
        self.add_argument(
            "--config-dir", action="append", default=[], type=directory, metavar="DIR", help="further YAML; may repeat"
        )

    def error(self, message: str) -> NoReturn:
        """Refuse words.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"{self._prefix}{message}; see rzen-eval {self.word} --help")

    @property
    def names(self) -> list[str]:
        """Long names of its options, with dashes."""
        return [name for name in self._option_string_actions if name.startswith("--")]

    @property
    def _prefix(self) -> str:
        return "" if self.word == "run" else f"{self.word}: "

    def format_help(self) -> str:
        """The help: what the command is for, its names, options and settings, and examples."""
        width = min(WIDEST, shutil.get_terminal_size().columns)
        self.description = textwrap.fill(self.description or "", width)
        parts = []
        if self.keys:
            keys = [key for key in KEYS if key in self.keys]
            parts += ["settings:", *(f"  {key}=".ljust(24) + KEYS[key] for key in keys)]
            if self.any_key:
                parts.append("  Every key of conf/ can be set; rzen-eval config prints what holds.")
        if self.examples:
            parts += ["", "examples:", *(_folded(example, width) for example in self.examples)]
        self.epilog = "\n".join(parts)
        return super().format_help()

    def read(self, words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """What was chosen by options and names, with the whole as `command`; and the settings.

        A command's own option is read as `option=value` too.

        Raises:
            ConfigError: a word means nothing here.
        """
        names = [_positional(action) for action in self._actions if not action.option_strings]
        self.usage = " ".join([self.prog, *names, *(["[KEY=VALUE ...]"] if self.keys else []), "[OPTIONS]"])
        settings: list[str] = []
        others: list[str] = []
        waiting = iter(words)
        for word in waiting:
            if word.startswith("--") and word != "--":
                option, equals, value = word.partition("=")
                if self._stands_alone(option[2:]):
                    others += [value or next(waiting, "")]
                    continue
                option = self._current(option[2:])
                others.append(f"{option}{equals}{value}")
                action = self._option_string_actions.get(option)
                if action is None:
                    self._unknown([word, *waiting])
                if action.nargs != 0 and not equals:
                    others += [value for value in [next(waiting, None)] if value is not None]
            elif SETTING.match(word):
                (settings if self._is_setting(word) else others).extend(self._spelled(word))
            else:
                others.append(word)
        for setting in settings:
            self._check(setting)
        command = shlex.join(["rzen-eval", self.word, *words])
        chosen, left = self.parse_known_intermixed_args(others, argparse.Namespace(command=command))
        if left:
            self.error(f"unexpected {left[0]!r}{chosen_by(left[0]) if self.any_key else ''}")
        return chosen, settings

    def _current(self, name: str) -> str:
        name = name.replace("_", "-")
        return f"--{self.renamed.get(name) or name}"

    def _own(self, key: str) -> argparse.Action | None:
        return self._option_string_actions.get(self._current(key))

    def _stands_alone(self, name: str) -> bool:
        return self.renamed.get(name.replace("_", "-")) == ""

    def _is_setting(self, word: str) -> bool:
        key = word.partition("=")[0]
        return self._own(key) is None and not self._stands_alone(key)

    def _spelled(self, word: str) -> Iterator[str]:
        """The word, an option of the command's own as such."""
        key, _, value = word.partition("=")
        action = self._own(key)
        if action is None:
            yield word if self._is_setting(word) else value
        elif action.nargs != 0:
            yield f"{self._current(key)}={value}"
        elif value not in {"true", "false"}:
            raise ConfigError(f"{self._prefix}expected {key}=true or {key}=false, found {word!r}")
        elif value == "true":
            yield self._current(key)

    def _check(self, setting: str) -> None:
        key = setting.lstrip("~+").partition("=")[0]
        root = re.split(r"[.@/]", key)[0]
        if root in self.keys:
            return
        meant = {key: f"{key}=" for key in KEYS} | {
            option[2:].replace("-", "_"): option for option in self._option_string_actions if option.startswith("--")
        }
        close = "" if root in KEYS else next(iter(difflib.get_close_matches(key, meant, n=1, cutoff=0.6)), "")
        if self.any_key and (not close or close in KEYS):
            return
        near = f" (did you mean {meant[close]}?)" if close else ""
        takes = "takes no settings"
        if self.keys:
            keys = [f"{key}=" for key in self.keys]
            takes = f"takes the settings {', '.join(keys[:-1])} and {keys[-1]}" if keys[1:] else f"takes {keys[0]}"
        self.error(f"{takes}, found {setting!r}{near}" if not self.any_key else f"unknown key {key!r}{near}")

    def _unknown(self, words: Sequence[str]) -> NoReturn:
        """Say of an option that does not exist what it may have been meant for."""
        keys, others = spelled_as_settings(words)
        if keys and any(re.split(r"[.=]", key)[0] in self.keys for key in keys):
            self.error(f"settings are written {shlex.join(keys)}, without dashes")
        option = (others or words)[0].partition("=")[0]
        self.error(f"unknown option {option}{nearest(option, self.names)}")


def spelled_as_settings(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Settings that were written as options, `--limit 5`, spelled as settings; and options that are none."""
    settings, others = [], []
    for word, following in zip(words, [*words[1:], ""], strict=True):
        key, equals, value = word.removeprefix("--").partition("=")
        key = key.replace("-", "_")
        if not word.startswith("--"):
            continue
        if key.partition(".")[0] not in KEYS:
            others.append(word)
        elif equals:
            settings.append(f"{key}={value}")
        else:
            plain = following and not following.startswith("-") and not SETTING.match(following)
            settings.append(f"{key}={following if plain else 'VALUE'}")
    return settings, others


def chosen_by(word: str, *, exactly: bool = False) -> str:
    """` (did you mean task=X?)` where a task, a model or an experiment is called so, nearly so, or so in part.

    Args:
        word: that may be meant for one.
        exactly: only where it is called just so.
    """
    known = {name: f"{group}={name}" for group in ("experiment", "model", "task") for name in choices(group)}
    known |= {name.rpartition("/")[2]: setting for name, setting in known.items()}
    close = difflib.get_close_matches(word, known, n=1, cutoff=1.0 if exactly else 0.75)
    if not close and not exactly and len(word) > 3:
        close = sorted((name for name in known if word.lower() in name.lower()), key=len)
    return f" (did you mean {known[close[0]]}?)" if close else ""


def _folded(command: str, width: int) -> str:
    """A command in lines that the shell reads as one."""
    lines = textwrap.wrap(command, width - 8, break_long_words=False, break_on_hyphens=False)
    return "  " + " \\\n      ".join(lines)


def _positional(action: argparse.Action) -> str:
    name = action.metavar or action.dest
    return f"[{name} ...]" if action.nargs == "*" else f"[{name}]" if action.nargs == "?" else str(name)

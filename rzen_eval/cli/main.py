"""The command line."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from rzen_eval._version import __version__
from rzen_eval.cli.options import KEYS, SETTING, Command, Options, chosen_by, spelled_as_settings
from rzen_eval.errors import ConfigError, RzenEvalError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

SECOND_STAGE = [key for key in KEYS if key not in {"model", "reference"}]
"""Settings of `rerank`, whose first model is that of the results."""
COMMANDS = {
    "run": Command("run", "score tasks and print the tables; the word may be left out", "run", KEYS),
    "rerank": Command("rerank", "a second stage on rankings that are kept", "run", SECOND_STAGE),
    "estimate": Command("estimate", "what a run would cost: items, tokens, operations, bytes, hours", "run", KEYS),
    "bench": Command("bench", "how fast a model is on this device, part by part; hours of tasks", "run", KEYS),
    "config": Command("config", "what a run would use, and where each value comes from", "run", KEYS),
    "multirun": Command(
        "multirun", "a run for each combination of settings, by Hydra's launchers", "run", [*KEYS, "hydra"]
    ),
    "data": Command("data", "plan, fetch, unpack or verify what tasks are made of", "data", KEYS),
    "cache": Command("cache", "vectors that are kept, and throwing them away", "data", ["cache_dir"]),
    "tasks": Command("tasks", "tasks and suites", "look", KEYS),
    "models": Command("models", "models, and the published rows that each reproduces", "look"),
    "model-check": Command("model_check", "load a model, embed a few items and see what is wrong", "look", KEYS),
    "prompt": Command("prompt", "what a model reads of a row: prompt, tokens, pictures", "look", KEYS),
    "table": Command("table", "tables of results and of published rows", "look", ["task"]),
    "report": Command(
        "report", "one HTML file: what a model, or two, got wrong", "look", ["task", "data", "cache_dir", "tasks"]
    ),
    "failures": Command(
        "failures", "queries that a model got wrong, in the terminal", "look", ["task", "data", "cache_dir", "tasks"]
    ),
    "plot": Command("plot", "size against score, groups, dimensions, as PNG and SVG", "look"),
    "sweep": Command("sweep", "scores at fewer dimensions and bits, from vectors that are kept", "look", KEYS),
    "compare": Command("compare", "models: differences, intervals, tests", "decide", ["task", "results_dir", "tasks"]),
    "reproduce": Command("reproduce", "results against the published row, figure by figure", "decide", KEYS),
    "check": Command("check", "a gate for CI: results against a baseline", "decide"),
    "export": Command("export", "the leaderboard's submission file", "share"),
    "import": Command("import_results", "results of other evaluators", "share", ["results_dir"]),
}
"""Every command; its module is imported when it is needed."""
GROUPS = {
    "run": "Run",
    "data": "Get the data",
    "look": "Look",
    "decide": "Decide",
    "share": "Share",
}
MEANT = {
    "list": ("tasks", "models"), "ls": ("tasks", "models"), "eval": ("run",), "evaluate": ("run",), "score": ("run",),
    "results": ("table",), "show": ("table", "config"), "download": ("data",), "diff": ("compare",),
    "leaderboard": ("table",), "submit": ("export",), "check-model": ("model-check",), "cost": ("estimate",),
}  # fmt: skip
"""What people call commands elsewhere."""
HELP = """\
Score multimodal embedding models on MMEB-V2.

  rzen-eval                             the bundled model on the bundled sample
  rzen-eval task=visdoc model=rzenembed_v2_7b data=hub
  rzen-eval task=[vidore_v2,visrag] data=mirror data.root=/data limit=100
  rzen-eval experiment=rzenembed_v2_7b  the settings of a published row
"""
TROUBLES = "troubleshooting"
"""What `help` explains beside commands."""
INTERRUPTED = 130
UNHEARD = {errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EBADF, errno.EDQUOT}
"""Why standard output takes no more."""
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}
"""Why the system takes no file, or gives none."""
PLAIN = {"†": "*", "–": "-", "—": "-", "−": "-", "…": "...", "≥": ">=", "≤": "<=", "×": "x", "→": "->", "·": "*"}
"""What stands for a sign where the encoding of standard output lacks it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; the process's own by default.

    Returns:
        The exit code.
    """
    _speak_plainly()
    try:
        word, words = _command(list(sys.argv[1:] if argv is None else argv))
        if word in {"help", "--version"}:
            print(_answer(words) if word == "help" else f"rzen-eval {__version__}", flush=True)
            return 0
        module = import_module(f"rzen_eval.cli.{COMMANDS[word].module}")
        parser = Options(word, COMMANDS[word])
        module.options(parser)
        chosen, settings = parser.read(words)
        code: int = module.run(chosen, settings, chosen.config_dir)
        sys.stdout.flush()
    except RzenEvalError as error:
        from rzen_eval.results.tables.escape import for_terminal

        print(f"rzen-eval: {for_terminal(str(error))}", file=sys.stderr)
        if sys.stderr.isatty():
            print(f"More: rzen-eval help {TROUBLES} {error.explained}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # Whoever reads, such as `head`, has seen enough.
        _speak_no_more()
        return 0
    except OSError as error:
        if (said := _said_of(error)) is None:
            raise
        print(f"rzen-eval: {said}", file=sys.stderr)
        if error.filename is None:
            _speak_no_more()
        return 1
    except KeyboardInterrupt:
        print(
            "\nrzen-eval: interrupted; finished tasks are kept and the same command goes on from there", file=sys.stderr
        )
        return INTERRUPTED
    return code


def _said_of(error: OSError) -> str | None:
    """What to say where the system takes no file, gives none, or takes nothing more on standard output."""
    if error.filename is None:
        said = f"standard output cannot be written ({error.strerror}); results are kept"
        return said if error.errno in UNHEARD else None
    advice = "make it readable and writable, or give cache_dir=FOLDER or results_dir=FOLDER"
    return f"{error.filename}: {error.strerror}; {advice}" if error.errno in REFUSED else None


def _speak_plainly() -> None:
    """Let standard output stand for what its encoding lacks by what it has, rather than fail after hours of work."""
    with contextlib.suppress(AttributeError, ValueError, OSError):  # of a stream that is no file's, or is closed
        codecs.register_error("rzen_eval", _plain)
        sys.stdout.reconfigure(errors="rzen_eval")  # type: ignore[union-attr]


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


def _speak_no_more() -> None:
    """Nobody hears what is left to say, which would fail once more when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def word_of(words: Sequence[str]) -> str:
    """The command that words choose; nothing where they choose none."""
    try:
        return _command(list(words))[0]
    except ConfigError:
        return ""


def _command(words: list[str]) -> tuple[str, list[str]]:
    """The command, and its words; `run` where it is left out."""
    place = 0
    while place < len(words) and words[place].partition("=")[0] == "--config-dir":
        place += 1 if "=" in words[place] else 2
    before, word, rest = words[:place], words[place] if place < len(words) else "", words[place + 1 :]
    if word in {"--help", "-h"} or (word == "help" and not rest):
        return "help", [""]
    if word == "--version":
        return word, []
    if word == "help" and rest[0] == TROUBLES:
        return word, rest[1:]
    if word == "help":
        word, rest = rest[0], ["--help"]
    if word in COMMANDS:
        return word, [*before, *rest]
    if word and not word.startswith("-") and not SETTING.match(word):
        raise ConfigError(_unknown(word, rest))
    for later in rest:
        if later in COMMANDS and SETTING.match(word):
            raise ConfigError(f"{later} is a command, which comes first: rzen-eval {later} ...; see rzen-eval --help")
    return "run", words


def _unknown(word: str, rest: Sequence[str]) -> str:
    """What a word may have been meant for that is no command."""
    if word in KEYS:
        [setting], _ = spelled_as_settings([f"--{word}", *rest[:1]])
        return f"{word!r} is no command; settings are written {setting}"
    if meant := MEANT.get(word, ()):
        near = f" (did you mean {' or '.join(meant)}?)"
    else:
        near = chosen_by(word, exactly=True) or nearest(word, COMMANDS) or chosen_by(word)
    return f"unknown command {word!r}{near}; expected one of {', '.join(COMMANDS)}, or settings such as task=visdoc"


def _answer(words: Sequence[str]) -> str:
    """What `help` says: of everything, or of messages."""
    if words == [""]:
        return _help()
    from rzen_eval.cli import troubleshooting

    return troubleshooting.answer(words)


def _help() -> str:
    lines = [HELP]
    for group, title in GROUPS.items():
        lines.append(f"{title}:")
        lines += [f"  {word:<12} {command.summary}" for word, command in COMMANDS.items() if command.group == group]
    lines += [
        "",
        "rzen-eval COMMAND --help says what a command takes,",
        "rzen-eval help troubleshooting what a message means.",
        "Settings are KEY=VALUE, everything else is an --option:",
        *(f"  {key + '=':<13} {what}" for key, what in KEYS.items()),
        "Any key of conf/ can be set: model.checkpoint=FOLDER, model.dtype=float32.",
        "--config-dir DIR reads further YAML; --version prints the version.",
        "Exit codes: 0 all right; 1 something failed; 2 wrong arguments or configuration.",
    ]
    return "\n".join(lines)

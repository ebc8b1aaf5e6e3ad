"""The command line."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval._version import __version__
from rzen_eval.errors import ConfigError, RzenEvalError

if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = """\
Score multimodal embedding models on MMEB-V2.

  rzen-eval                                    the bundled model on the bundled sample
  rzen-eval task=visdoc model=rzenembed_v2_7b data=hub
  rzen-eval task=[vidore_v2,visrag] data=mirror data.root=/data limit=10
  rzen-eval experiment=rzenembed_v2_7b         the settings of a published row
  rzen-eval data plan|fetch|unpack|verify task=mmeb_v2 data.root=/data
  rzen-eval cache                              vectors that are kept; prune=NAME removes them
  rzen-eval estimate task=mmeb_v2 model=rzenembed_v2_7b devices=[h100,a100]    what a run would cost
  rzen-eval tasks                              tasks and suites
  rzen-eval models                             models, and the published rows that each reproduces
  rzen-eval model-check model=NAME             load a model, embed a few items and see whether anything is wrong
  rzen-eval sweep task=visdoc dims=[256,1024] precision=[float32,int8] out=FOLDER
                                               scores at fewer dimensions and bits, from vectors that a run has kept;
                                               by default powers of two up to all dimensions, each at float32, float16,
                                               int8 and binary; out= writes table and plot too
  rzen-eval table [RESULTS]                    tables of results and of published rows; --help lists options
  rzen-eval report RESULTS/MODEL [RESULTS/OTHER]   one HTML file: what a model, or two, got wrong
  rzen-eval plot [RESULTS] [--sweep FOLDER]    size against score, groups, dimensions, as PNG and SVG
  rzen-eval compare A B                        two models: differences, intervals, tests; --help lists options
  rzen-eval reproduce model=NAME               results against the published row, figure by figure
  rzen-eval check RESULTS/MODEL --baseline FILE    a gate for CI; --update writes the baseline
  rzen-eval export RESULTS/MODEL key=value ... the leaderboard's submission file
  rzen-eval import official|mteb FOLDER model=NAME   results of other evaluators
  rzen-eval prompt task=visdoc/vidore_arxivqa model=mini row=0 side=query

task=        a task, a suite or a list of them      model=    a declaration in conf/model
data=        sample, hub or mirror (data.root=DIR)  runtime=  where embedding happens
experiment=  settings of a published row            limit=N   the first N queries of each task
results_dir= where results are written              cache_dir= where derived files are kept
Any key of a configuration file can be set: model.checkpoint=FOLDER, model.dtype=float32, tasks.ID.metric=hit@1.
Exit codes: 0 all right; 1 something failed; 2 wrong arguments or configuration.
"""
INTERRUPTED = 130
VERBS = {
    "cache": ("cache", "run"),
    "check": ("check", "run"),
    "compare": ("compare", "run"),
    "data": ("data", "run"),
    "estimate": ("estimate", "run"),
    "export": ("export", "run"),
    "import": ("import_results", "run"),
    "model-check": ("model_check", "run"),
    "models": ("tasks", "models"),
    "plot": ("plot", "run"),
    "prompt": ("prompt", "run"),
    "report": ("report", "run"),
    "reproduce": ("reproduce", "run"),
    "sweep": ("sweep", "run"),
    "table": ("table", "run"),
    "tasks": ("tasks", "tasks"),
}
"""Module of `rzen_eval.cli` and its function, by word; imported when they are needed."""
WITH_OPTIONS = frozenset({"check", "compare", "export", "import", "plot", "report", "reproduce", "table"})
"""Words that read what follows them themselves, since they take options beside settings."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; the process's own by default.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        prog="rzen-eval",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=argparse.SUPPRESS,
    )
    parser.add_argument("--version", action="version", version=f"rzen-eval {__version__}")
    parser.add_argument(
        "--config-dir",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="a folder with further YAML; may repeat",
    )
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    before, rest = _at_options(sys.argv[1:] if argv is None else argv)
    arguments = parser.parse_intermixed_args(before)
    try:
        return _dispatch([*arguments.words, *rest], arguments.config_dir)
    except RzenEvalError as error:
        print(f"rzen-eval: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # Whoever reads, such as `head`, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print(
            "\nrzen-eval: interrupted; finished tasks are kept and the same command goes on from there", file=sys.stderr
        )
        return INTERRUPTED


def _at_options(words: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The words up to a verb that takes options, and what follows it; all and nothing where there is none."""
    place = 0
    while place < len(words) and words[place].startswith("--config-dir"):
        place += 1 if "=" in words[place] else 2
    if place < len(words) and words[place] in WITH_OPTIONS:
        return words[: place + 1], words[place + 1 :]
    return words, ()


def _dispatch(words: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    if not words or "=" in words[0] or words[0].startswith(("~", "+")):
        module, function, rest = "run", "run", words
    elif words[0] in VERBS:
        (module, function), rest = VERBS[words[0]], words[1:]
    else:
        close = difflib.get_close_matches(words[0], VERBS, n=1, cutoff=0.5)
        raise ConfigError(
            f"unknown command {words[0]!r}{f' (did you mean {close[0]}?)' if close else ''};"
            f" expected one of {', '.join(VERBS)}, or settings such as task=visdoc"
        )
    code: int = getattr(import_module(f"rzen_eval.cli.{module}"), function)(rest, extra_dirs)
    return code

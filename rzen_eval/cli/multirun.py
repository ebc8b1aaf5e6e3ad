"""One run a combination of settings, spread by Hydra's launchers, such as submitit's over a Slurm cluster.

Words are those of `rzen-eval`; commas make combinations, and `hydra.*` words go to Hydra, whose logs are kept in the
cache folder. All runs meet in the results folder and the vector store.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark.places import config_dir

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from rzen_eval.cli.options import Options

PLACE = "file://"
"""How Hydra's search path names a folder."""
CHOICES = re.compile(r"(\w+)=([\w./-]+(?:,[\w./-]+)*|\[[\w./,-]+\])")
"""A word that chooses in a group: once, several times with commas between, or a list at once."""


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "Run every combination of settings whose values have commas between them, one after the other or by one of"
        " Hydra's launchers, to which hydra.KEY=VALUE goes."
    )
    parser.add_argument("-m", "--multirun", action="store_true", help=argparse.SUPPRESS)
    parser.examples = [
        "rzen-eval multirun task=image,video,visdoc hydra/launcher=submitit_slurm hydra.launcher.gpus_per_node=8"
    ]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Run every combination; a failure leaves by itself, as Hydra does.

    Returns:
        The exit code, 0.
    """
    del chosen
    searched = ",".join(f"'{PLACE}{place.resolve()}'" for place in places)
    words = [known(word, places) for word in settings]
    main(["-m", *words, *([f"hydra.searchpath=[{searched}]"] if searched else [])])
    return 0


def known(word: str, places: Sequence[Path]) -> str:
    """A word that chooses in a group, with tasks by their paths in place of their names, as Hydra knows them.

    Raises:
        ConfigError: there is no such choice, which Hydra would say with all that there are.
    """
    from rzen_eval.benchmark.places import GROUPS, folders
    from rzen_eval.config.words import chosen, parse

    plain = CHOICES.fullmatch(word)
    if not plain or plain[1] not in GROUPS:
        return word
    listed = plain[2].startswith("[")
    choices = [plain[2]] if listed else plain[2].split(",")
    found = (name for one in choices for name in chosen(parse([f"{plain[1]}={one}"], folders(places))[0]))
    names = ",".join(found)
    return f"{plain[1]}=[{names}]" if listed else f"{plain[1]}={names}"


def one(_config: object) -> None:
    """One combination.

    Raises:
        RuntimeError: a task failed, so that the launcher says so.
    """
    from hydra.core.hydra_config import HydraConfig

    config = HydraConfig.get()
    words = [word.removeprefix("++") for word in config.overrides.task]
    places = [f"--config-dir={place.removeprefix(PLACE)}" for place in config.searchpath]
    # A process of its own, since Hydra composes once a process; on Slurm a job is one run, and not a rank of one.
    ranks = {"RANK", "SLURM_PROCID"}
    environment = {name: value for name, value in os.environ.items() if name not in ranks}
    program = [sys.executable, "-m", "rzen_eval", *places, *words]
    if code := subprocess.run(program, env=environment, check=False).returncode:  # noqa: S603 - the user's own words
        raise RuntimeError(f"exit code {code} of {shlex.join(['rzen-eval', *places, *words])}")


def main(words: Sequence[str]) -> None:
    """Run every combination of the words; a failure leaves by itself, as Hydra does.

    Args:
        words: as of `rzen-eval`, with commas between choices, and words of Hydra's own.
    """
    import hydra

    cache = Path(os.environ.get("RZEN_EVAL_CACHE", "~/.cache/rzen_eval")).expanduser()
    logs = cache / "multirun" / f"{datetime.now(UTC):%Y-%m-%d_%H-%M-%S}-{os.getpid()}"
    # A setting that a declaration leaves at its default is not in its YAML, and Hydra wants to be told to add it.
    added = re.compile(r"(?!hydra[./])\w+\.[\w.]+=")
    sys.argv[1:] = [f"++{word}" if added.match(word) else word for word in words]
    sys.argv += ["hydra.output_subdir=null", f"hydra.run.dir='{logs}'", f"hydra.sweep.dir='{logs}'"]
    hydra.main(config_path=str(config_dir()), config_name="config", version_base="1.3")(one)()

"""One run a combination of settings, spread by Hydra's launchers, such as submitit's over a Slurm cluster.

    python -m rzen_eval.cli.multirun -m task=image,video,visdoc hydra/launcher=submitit_slurm

Words are those of `rzen-eval`; commas make combinations, and `hydra.*` words go to Hydra, whose logs are kept in the
cache folder. All runs meet in the results folder and the vector store.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig

from rzen_eval.benchmark.places import config_dir

if TYPE_CHECKING:
    from collections.abc import Sequence


@hydra.main(config_path=str(config_dir()), config_name="config", version_base="1.3")
def one(_config: object) -> None:
    """One combination.

    Raises:
        RuntimeError: a task failed, so that the launcher says so.
    """
    words = [word.removeprefix("++") for word in HydraConfig.get().overrides.task]
    # A process of its own, since Hydra composes once a process; on Slurm a job is one run, and not a rank of one.
    ranks = {"RANK", "SLURM_PROCID"}
    environment = {name: value for name, value in os.environ.items() if name not in ranks}
    program = [sys.executable, "-m", "rzen_eval", *words]
    if code := subprocess.run(program, env=environment, check=False).returncode:  # noqa: S603 - the user's own words
        raise RuntimeError(f"exit code {code} of rzen-eval {' '.join(words)}")


def main(words: Sequence[str]) -> None:
    """Run every combination of the words; leaves by itself, as Hydra does.

    Args:
        words: as of `rzen-eval`, with commas between choices, and words of Hydra's own.
    """
    cache = Path(os.environ.get("RZEN_EVAL_CACHE", "~/.cache/rzen_eval")).expanduser()
    logs = cache / "multirun" / f"{datetime.now(UTC):%Y-%m-%d_%H-%M-%S}-{os.getpid()}"
    # A setting that a declaration leaves at its default is not in its YAML, and Hydra wants to be told to add it.
    added = re.compile(r"(?!hydra[./])\w+\.[\w.]+=")
    sys.argv[1:] = [f"++{word}" if added.match(word) else word for word in words]
    sys.argv += ["hydra.output_subdir=null", f"hydra.run.dir='{logs}'", f"hydra.sweep.dir='{logs}'"]
    one()

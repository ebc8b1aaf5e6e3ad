"""`rzen-eval export`: the leaderboard's submission file."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.cli.terminal import put
from rzen_eval.cli.values import directory, named_version

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from rzen_eval.cli.options import Options

ASKED = {
    "model_name": ("NAME", "what the leaderboard is to call it, and the file"),
    "model_backbone": ("NAME", "what it was trained from"),
    "model_size": ("B", "billions of parameters"),
    "embedding_dimension": ("N", "of a vector"),
    "max_length_tokens": ("N", "that it reads"),
    "model_release_date": ("DATE", "as 2026-01-31"),
    "url": ("URL", "where people find it"),
    "data_source": ("TEXT", "by default Self-Reported"),
}
"""What the leaderboard asks about a model, under its own names; what the results say may be left out."""


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = "Write the leaderboard's submission file: all 78 tasks, and what it asks of a model."
    parser.add_argument("folder", type=directory, metavar="RESULTS/MODEL", help="a model's folder of results")
    for name, (value, what) in ASKED.items():
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=value, help=what)
    parser.add_argument("--data-version", type=named_version, metavar="V", help="of the tasks; by default the newest")
    parser.add_argument("--output", type=directory, metavar="FILE", help="write to a file")
    parser.examples = [
        "rzen-eval export results/mine --model-name Mine-2B --model-backbone Qwen2-VL-2B --output Mine-2B.json"
    ]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Write the submission file of a model.

    Returns:
        The exit code, 0.
    """
    from rzen_eval.results import store
    from rzen_eval.results.exchange import submission

    del settings, places
    version = chosen.data_version or manifest().newest
    given = {name: getattr(chosen, name) for name in ASKED if getattr(chosen, name)}
    results = list(store.one_model(str(chosen.folder), Path("results")).results.values())
    about = submission.metadata(given, results)
    content = submission.submission(
        [result for result in results if result.counts_in(version)],
        about,
        manifest().groups(version),
        version,
        datetime.now(UTC).replace(tzinfo=None).isoformat(),
    )
    if content["metadata"]["data_source"] == submission.SAMPLE:
        print("rzen-eval: these are scores of the made-up sample; the file says so, do not submit it", file=sys.stderr)
    put(submission.text(content), chosen.output)
    return 0

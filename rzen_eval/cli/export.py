"""`rzen-eval export`: the leaderboard's submission file."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.cli.options import Options, directory, put
from rzen_eval.errors import ConfigError
from rzen_eval.results.exchange import submission
from rzen_eval.results.tables import rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.core import Result


def run(words: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    """Write the submission file of a model.

    Args:
        words: a folder of results, what the leaderboard asks about the model as `key=value`, and options.
        extra_dirs: folders with further YAML; unused.

    Returns:
        The exit code, 0.
    """
    del extra_dirs
    parser = Options("export", "Write the leaderboard's submission file: all 78 tasks, and what it asks of a model.")
    parser.add_argument(
        "folder", nargs="+", type=directory, metavar="RESULTS/MODEL", help="a model's folder of results"
    )
    for name in submission.Metadata.model_fields:
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="VALUE")
    parser.add_argument("--data-version", choices=manifest().named_versions)
    parser.add_argument("--output", type=directory, metavar="FILE", help="write to a file")
    chosen = parser.read(words)
    folder, *others = chosen.folder
    if others:
        raise ConfigError(
            f"export: expected one folder and keys of the leaderboard, found {others[-1]} too; see --help"
        )
    given = {name: getattr(chosen, name) for name in submission.Metadata.model_fields if getattr(chosen, name)}
    results = _of_one_model(folder)
    about = submission.metadata(given, results)
    version = chosen.data_version or manifest().newest
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


def _of_one_model(folder: Path) -> list[Result]:
    found = rows.read(folder)
    if len(found) != 1:
        inside = f"the results of {', '.join(found)}" if found else "no results"
        raise ConfigError(f"export: {folder} holds {inside}; expected one model's folder, RESULTS/MODEL")
    return next(iter(found.values()))

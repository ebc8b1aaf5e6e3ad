"""`rzen-eval export`: results in the files of leaderboards."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.cli.terminal import put
from rzen_eval.cli.values import directory, named_version, one_of
from rzen_eval.errors import ConfigError
from rzen_eval.files import write_out

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from rzen_eval.cli.options import Options
    from rzen_eval.core import Result

FORMATS = ("leaderboard", "mteb", "eval-results", "model-index")
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
    parser.description = (
        "Write the leaderboard's submission file: all tasks of MMEB-V2, and what it asks of a model. Or mteb's result"
        " files of the suites that mteb defines, into a folder; the hub's evaluation results, into .eval_results/ of a"
        " model's repository; or the model-index of a model card."
    )
    parser.add_argument("folder", type=directory, metavar="RESULTS/MODEL", help="a model's folder of results")
    parser.add_argument("--format", **one_of(*FORMATS), default=FORMATS[0])
    for name, (value, what) in ASKED.items():
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=value, help=what)
    parser.add_argument("--data-version", type=named_version, metavar="V", help="of the tasks; by default the newest")
    parser.add_argument("--output", type=directory, metavar="FILE", help="write to a file; of mteb's files the folder")
    parser.examples = [
        "rzen-eval export results/mine --model-name Mine-2B --model-backbone Qwen2-VL-2B --output Mine-2B.json",
        "rzen-eval export results/mine --format mteb --output results/me__mine/1a2b3c",
        "rzen-eval export results/mine --format eval-results --url https://example.com/mine --output my_repository",
        "rzen-eval export results/mine --format model-index --output my_repository/README.md",
    ]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Write the submission file of a model, or its results as mteb's files.

    Returns:
        The exit code, 0.
    """
    from rzen_eval.results import store
    from rzen_eval.results.exchange import submission

    del settings, places
    results = list(store.one_model(str(chosen.folder), Path("results")).results.values())
    if chosen.format == "mteb":
        _as_mteb(results, chosen.output, chosen.data_version)
        return 0
    if chosen.format in {"eval-results", "model-index"}:
        _for_the_hub(results, chosen)
        return 0
    version = chosen.data_version or manifest().newest
    if manifest().benchmark(version) != manifest().benchmark():
        raise ConfigError(f"export: the submission file is of {manifest().benchmark().name}; give --format mteb")
    given = {name: getattr(chosen, name) for name in ASKED if getattr(chosen, name)}
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


def _as_mteb(results: Sequence[Result], folder: Path | None, version: str | None) -> None:
    from rzen_eval.results.exchange import mteb, submission

    files = mteb.files([result for result in results if version is None or result.counts_in(version)])
    if not files:
        raise ConfigError("export: no result is of a task that mteb defines, such as those of task=vidore_v3")
    if folder is None:
        raise ConfigError(f"export: {len(files)} files need a folder; give --output FOLDER")
    if any(result.source == "sample" for result in results):
        print(f"rzen-eval: {submission.SAMPLE}; do not submit these files", file=sys.stderr)
    for name, text in files.items():
        write_out(folder / name, text.encode())
    write_out(folder / "model_meta.json", mteb.model_meta(results, folder.resolve()).encode())
    print(f"wrote {len(files)} files into {folder}")


def _for_the_hub(results: Sequence[Result], chosen: Namespace) -> None:
    """Evaluation results into a folder, or a model-index to a card or standard output."""
    from rzen_eval.results.exchange import hub

    wanted = [one for one in results if chosen.data_version is None or one.counts_in(chosen.data_version)]
    if any(result.source == "sample" for result in wanted):
        print(f"rzen-eval: {hub.SAMPLE}; every entry says so, do not upload them", file=sys.stderr)
    if chosen.format == "eval-results":
        if chosen.output is None:
            raise ConfigError("export: give --output FOLDER, the model's repository; files go to .eval_results/ in it")
        files = hub.eval_results(wanted, datetime.now(UTC).date().isoformat(), chosen.url)
        for name, text in files.items():
            write_out(chosen.output / ".eval_results" / name, text.encode())
        print(f"wrote {', '.join(files)} into {chosen.output / '.eval_results'}")
        return
    index = hub.model_index(wanted, chosen.model_name or chosen.folder.resolve().name, chosen.url)
    card = chosen.output.read_text() if chosen.output is not None and chosen.output.is_file() else ""
    put(hub.into_card(card, index), chosen.output)

"""`rzen-eval import`: results of the official evaluator and of mteb join our own."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.cli.values import directory, named_version, one_of
from rzen_eval.errors import ConfigError, ResultError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rzen_eval.cli.options import Options
    from rzen_eval.core import Result
    from rzen_eval.results.exchange.imported import Claim


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = "Make ordinary results of score files of the official evaluator, or of mteb's results."
    parser.add_argument("source", **one_of("official", "mteb"))
    parser.add_argument("folder", type=directory, metavar="FOLDER")
    parser.add_argument("--model", required=True, metavar="NAME", help="what the model is called here")
    parser.add_argument("--data-version", type=named_version, metavar="V", help="where the files do not tell")
    parser.examples = [
        "rzen-eval import official their_run --model theirs --data-version 2.1",
        "rzen-eval import mteb mteb_results/model/revision --model theirs",
    ]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Write a result for each file that can be mapped, and say in one line what cannot.

    Returns:
        The exit code: 1 if something was not imported, 2 if nothing was.
    """
    from rzen_eval.config import compose
    from rzen_eval.results import store
    from rzen_eval.results.exchange import imports
    from rzen_eval.results.tables.escape import for_terminal

    if not re.fullmatch(r"\w[\w.+-]*", chosen.model):
        raise ConfigError(
            f"import: --model {shlex.quote(chosen.model)} cannot name a folder; expected letters, digits and . + - _"
        )
    if not chosen.folder.exists():
        raise ConfigError(f"import: nothing at {chosen.folder}; expected a folder of results")
    read, convert = {
        "official": (imports.official, imports.from_official),
        "mteb": (imports.mteb, imports.from_mteb),
    }[chosen.source]
    tasks = list(manifest().entries.values())
    results_dir = Path("results")
    if settings:
        results_dir = compose.load(settings, places, need_tasks=False).results_dir
    place = results_dir / chosen.model
    there = store.read_model(place).results

    def converted(claim: Claim | ResultError) -> list[Result]:
        if isinstance(claim, ResultError):
            raise claim
        made = convert(claim, chosen.model, tasks, chosen.data_version)
        for result in made:
            _check(place, result, there)
        return made

    results, refused = _gathered(read(chosen.folder), converted)
    for result in results:
        store.write_alone(place, result)
    if results:
        print(f"imported {len(results)} results into {place}")
    for problem in refused:
        print(f"rzen-eval: import: not imported: {for_terminal(problem)}", file=sys.stderr)
    return 0 if not refused else 1 if results else 2


def _gathered(
    claims: Iterable[Claim | ResultError], converted: Callable[[Claim | ResultError], list[Result]]
) -> tuple[list[Result], list[str]]:
    """Results of what can be mapped, and why the rest cannot; of two files of one task neither is taken."""
    results, refused = dict[str, list["Result"]](), list[str]()
    for found in claims:
        try:
            for result in converted(found):
                results.setdefault(result.id, []).append(result)
        except ResultError as error:
            refused.append(str(error))
    refused += [
        f"{first.task}: {1 + len(more)} files are of this task; import one model's folder at a time"
        for first, *more in results.values()
        if more
    ]
    return [found[0] for found in results.values() if len(found) == 1], refused


def _check(place: Path, result: Result, earlier: Mapping[str, Result]) -> None:
    """Refuse to replace a score that was made here."""
    if result.id in earlier and earlier[result.id].imported_from is None:
        file = place / f"{result.id}.json"
        raise ResultError(f"{result.task}: {file} was scored here; give another --model or results_dir=")

"""`rzen-eval sweep`: what fewer dimensions and bits cost, from vectors that are kept."""

from __future__ import annotations

import shlex
import sys
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.cli.terminal import show
from rzen_eval.cli.values import directory, listed
from rzen_eval.errors import ConfigError, DataError, nearest, some

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.cli.options import Options
    from rzen_eval.config.schema import RunConfig
    from rzen_eval.core import Result, Task, TaskData
    from rzen_eval.engine.kept_vectors import MissingVectorsError, StoredVectors
    from rzen_eval.models.interface import Model
    from rzen_eval.ranking.quantise import Precision

    Sizes = dict[tuple[int, Precision], list[Result]]

SMALLEST = 64
"""Fewest dimensions by default, unless that is more than an eighth of all."""


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "Score tasks with vectors cut to fewer dimensions and quantised, and print a row a size. Settings are those of"
        " the run that kept the vectors; nothing is embedded. All dimensions at float32 are always there, to compare"
        " with."
    )
    parser.add_argument(
        "--dims", type=_sizes, metavar="A,B", help="by default powers of two from 64 up to the model's, and those"
    )
    parser.add_argument(
        "--precision", type=_precisions, metavar="A,B", help="of float32, float16, int8, binary; by default all"
    )
    parser.add_argument("--output", type=directory, metavar="DIR", help="write CSV and the plot too")
    parser.renamed = {"out": "output"}
    parser.examples = [
        "rzen-eval sweep task=visdoc model=rzenembed_v2_7b data=mirror data.root=/data --output sweep",
        "rzen-eval sweep task=visdoc model=rzenembed_v2_7b data=hub --dims 256,1024 --precision int8,binary",
    ]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Score tasks with smaller vectors.

    Returns:
        The exit code, 0.

    Raises:
        DataError: vectors are missing.
        ConfigError: a size that the model does not have, or settings that leave nothing to print.
    """
    from rzen_eval.config import compose
    from rzen_eval.models import open_model
    from rzen_eval.ranking.quantise import Precision
    from rzen_eval.results.figures import sweep

    config = compose.load(settings, places)
    if config.limit is not None or config.runtime.store is None:
        raise ConfigError("sweep: expected whole tasks with kept vectors; leave limit= and runtime.store=null away")
    if chosen.output:
        sweep.need_plot()
    model = open_model(config.model, config.cache_dir)
    if model.dim is None:
        raise ConfigError(f"sweep: how many dimensions {config.model.name} has is not declared; give model.dim=NUMBER")
    dims, precisions = _dims(chosen.dims, model.dim), chosen.precision or list(Precision)
    found: Sizes = {(model.dim, Precision.FLOAT32): []}
    found |= {(size, precision): [] for size in reversed(dims) for precision in precisions}
    _fill(found, config, model, _command(settings, places))
    rows = sweep.rows(config.model.name, found, manifest())
    show(sweep.document(rows, sample=config.data.kind == "sample"))
    if chosen.output:
        print("\n" + "\n".join(f"wrote {file}" for file in sweep.write(chosen.output, rows)))
    return 0


def _fill(sizes: Sizes, config: RunConfig, model: Model, command: str) -> None:
    """Score every task at every size; once vectors are missing, count what else is and score no further."""
    from tqdm import tqdm

    from rzen_eval.data.load import load_data
    from rzen_eval.engine.kept_vectors import MissingVectorsError, stored_vectors
    from rzen_eval.evaluation.score import describe
    from rzen_eval.evaluation.session import kept_vectors

    described = describe(model)
    store = kept_vectors(config, described, lambda line: print(line, file=sys.stderr))
    absent: dict[str, MissingVectorsError] = {}
    for task in tqdm(config.tasks.values(), unit=" tasks", disable=None, leave=False):
        data = load_data(task)
        try:
            vectors = stored_vectors(data, model, store)
        except MissingVectorsError as error:
            absent[task.id] = error
            continue
        except DataError as error:
            raise DataError(f"{task.id}: {error}") from error
        if not absent:
            _score(sizes, task, data, vectors, config)
    if absent:
        missing, wanted = (sum(getattr(one, kind) for one in absent.values()) for kind in ("missing", "wanted"))
        # A run scores nothing, and so embeds nothing, whose result it finds.
        scored = any((config.results_dir / config.model.name / f"{name}.json").is_file() for name in absent)
        elsewhere = " results_dir=FOLDER, another than now, since results are there already" if scored else ""
        raise DataError(
            f"sweep: {missing} of {wanted} vectors of {some(list(absent), 3)} are not in {store.folder};"
            f" this embeds them: {command}{elsewhere}"
        )


def _score(sizes: Sizes, task: Task, data: TaskData, vectors: StoredVectors, config: RunConfig) -> None:
    """Add a task's result at every size."""
    from rzen_eval.evaluation.rankings import Sides, check, ranked
    from rzen_eval.evaluation.score import measure
    from rzen_eval.ranking.quantise import shrink

    what = f"{config.model.name} on {task.id}"
    left = check(vectors.queries, data.query_ids, f"{what}, queries")
    right = check(vectors.candidates, data.candidate_ids, f"{what}, candidates")
    warnings = [*data.warnings, *left.warnings, *right.warnings]
    collapsed = left.collapsed or right.collapsed
    for (dims, precision), results in sizes.items():
        sides = Sides(*shrink(left.vectors, right.vectors, dims, precision))
        rankings = ranked(task, data, sides, what, device=config.runtime.rank_device)
        where_from = {"versions": list(task.versions)}
        results.append(measure(task, data, rankings, warnings, where_from, collapsed=collapsed).result)


def _command(settings: Sequence[str], places: Sequence[Path]) -> str:
    return shlex.join(["rzen-eval", *(f"--config-dir={folder}" for folder in places), *settings])


def _sizes(text: str) -> list[int]:
    parts = listed(text)
    if not parts or not all(part.isdecimal() and int(part) for part in parts):
        raise ArgumentTypeError(f"expected whole numbers from 1, such as 64,256, found {text!r}")
    return sorted(set(map(int, parts)))


def _dims(wanted: list[int] | None, full: int) -> list[int]:
    if wanted is None:
        powers = (1 << exponent for exponent in range(full.bit_length()))
        return [dims for dims in powers if min(SMALLEST, full // 8) <= dims < full] + [full]
    if wanted[-1] > full:
        raise ConfigError(f"sweep: expected --dims from 1 to the model's {full}, found {wanted[-1]}")
    return wanted


def _precisions(text: str) -> list[Precision]:
    from rzen_eval.ranking.quantise import Precision

    parts = listed(text)
    wrong = [part for part in parts if part not in set(Precision)]
    if wrong or not parts:
        near = nearest(wrong[0], Precision) if wrong else ""
        raise ArgumentTypeError(f"expected a list of {', '.join(Precision)}, found {text!r}{near}")
    return [precision for precision in Precision if precision in parts]

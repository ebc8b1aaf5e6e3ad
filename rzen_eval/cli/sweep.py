"""`rzen-eval sweep`: what fewer dimensions and bits cost, from vectors that are kept."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.config import compose
from rzen_eval.core import Mark
from rzen_eval.data.load import load_data
from rzen_eval.engine.kept_vectors import MissingVectorsError, stored_vectors
from rzen_eval.errors import ConfigError, DataError, nearest
from rzen_eval.evaluation.rankings import Sides, check, ranked
from rzen_eval.evaluation.score import describe, measure
from rzen_eval.evaluation.session import kept_vectors
from rzen_eval.models import open_model
from rzen_eval.ranking.quantise import Precision, shrink
from rzen_eval.results.figures import sweep
from rzen_eval.results.tables import averages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.config.schema import RunConfig
    from rzen_eval.core import Result
    from rzen_eval.models.interface import Model

OWN = ("dims", "precision", "out")
SMALLEST = 64
"""Fewest dimensions by default, unless that is more than an eighth of all."""

Sizes = dict[tuple[int, Precision], list["Result"]]


def run(words: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    """Score tasks with vectors cut to fewer dimensions and quantised, and print a row a size.

    Args:
        words: `dims=[64,256]` (powers of two from 64 up to the model's dimensions, and those), `precision=[...]`
            (float32, float16, int8, binary), `out=FOLDER` for CSV and the plot, and settings as for a run. All
            dimensions at float32 are always there, to compare with.
        extra_dirs: folders with further YAML.

    Returns:
        The exit code, 0.

    Raises:
        DataError: vectors are missing.
        ConfigError: a size that the model does not have, or settings that leave nothing to print.
    """
    own = {word.partition("=")[0]: word.partition("=")[2] for word in words if word.split("=")[0] in OWN}
    settings = [word for word in words if word.split("=")[0] not in OWN]
    chosen = compose.load(settings, extra_dirs)
    if chosen.limit is not None or chosen.runtime.store is None:
        raise ConfigError("sweep: expected whole tasks with kept vectors; leave limit= and runtime.store=null away")
    if "out" in own:
        if not own["out"]:
            raise ConfigError("sweep: out= needs a folder")
        sweep.need_plot()
    model = open_model(chosen.model, chosen.cache_dir)
    if model.dim is None:
        raise ConfigError(f"sweep: how many dimensions {chosen.model.name} has is not declared; give model.dim=NUMBER")
    dims, precisions = _dims(own.get("dims"), model.dim), _precisions(own.get("precision"))
    found: Sizes = {(model.dim, Precision.FLOAT32): []}
    found |= {(size, precision): [] for size in reversed(dims) for precision in precisions}
    _fill(found, chosen, model, _command(settings, extra_dirs))
    rows, benchmark = sweep.rows(chosen.model.name, found), manifest().groups()
    print(averages.markdown(sweep.frame(rows, benchmark)))
    if any(Mark.OTHER_DATA in result.marks for row in rows for result in row.results):
        print(f"\n{averages.OTHER} not the benchmark's data: counts differ from the declared ones")
    if chosen.data.kind == "sample":
        print("\nThis is the bundled sample: made-up data that show the harness, not the benchmark.")
    if "out" in own:
        print("\n" + "\n".join(f"wrote {file}" for file in sweep.write(Path(own["out"]), rows, benchmark)))
    return 0


def _fill(found: Sizes, chosen: RunConfig, model: Model, command: str) -> None:
    """Score every task at every size; once vectors are missing, count what else is and score no further."""
    described = describe(model)
    store = kept_vectors(chosen, described, lambda line: print(line, file=sys.stderr))
    absent: dict[str, MissingVectorsError] = {}
    for task in tqdm(chosen.tasks.values(), unit=" tasks", disable=None, leave=False):
        data = load_data(task)
        try:
            vectors = stored_vectors(data, model, store)
        except MissingVectorsError as error:
            absent[task.id] = error
            continue
        except DataError as error:
            raise DataError(f"{task.id}: {error}") from error
        if absent:
            continue
        what = f"{chosen.model.name} on {task.id}"
        left = check(vectors.queries, data.query_ids, f"{what}, queries")
        right = check(vectors.candidates, data.candidate_ids, f"{what}, candidates")
        warnings = [*data.warnings, *left.warnings, *right.warnings]
        collapsed = left.collapsed or right.collapsed
        for (dims, precision), results in found.items():
            sides = Sides(*shrink(left.vectors, right.vectors, dims, precision))
            rankings = ranked(task, data, sides, what, device=chosen.runtime.rank_device)
            where_from = {"versions": list(task.versions)}
            results.append(measure(task, data, rankings, warnings, where_from, collapsed=collapsed).result)
    if absent:
        missing, wanted = (sum(getattr(one, kind) for one in absent.values()) for kind in ("missing", "wanted"))
        names = ", ".join(list(absent)[:3]) + (f" and {len(absent) - 3} more" if len(absent) > 3 else "")
        # A run scores nothing, and so embeds nothing, whose result it finds.
        scored = any((chosen.results_dir / chosen.model.name / f"{name}.json").is_file() for name in absent)
        elsewhere = " results_dir=FOLDER, another than now, since results are there already" if scored else ""
        raise DataError(
            f"sweep: {missing} of {wanted} vectors of {names} are not in {store.folder};"
            f" this embeds them: {command}{elsewhere}"
        )


def _command(settings: Sequence[str], extra_dirs: Sequence[Path]) -> str:
    return shlex.join(["rzen-eval", *(f"--config-dir={folder}" for folder in extra_dirs), *settings])


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.strip("[] ").split(",") if part.strip()]


def _dims(text: str | None, full: int) -> list[int]:
    if text is None:
        powers = (1 << exponent for exponent in range(full.bit_length()))
        return [dims for dims in powers if min(SMALLEST, full // 8) <= dims < full] + [full]
    parts = _listed(text)
    if not parts or not all(part.isdecimal() and 0 < int(part) <= full for part in parts):
        raise ConfigError(
            f"sweep: expected dims=[...] of whole numbers from 1 to the model's {full}, found dims={text}"
        )
    return sorted({int(part) for part in parts})


def _precisions(text: str | None) -> list[Precision]:
    if text is None:
        return list(Precision)
    parts = _listed(text)
    wrong = [part for part in parts if part not in set(Precision)]
    if wrong or not parts:
        near = nearest(wrong[0], list(Precision)) if wrong else ""
        raise ConfigError(f"sweep: expected precision=[...] of {', '.join(Precision)}, found precision={text}{near}")
    return [precision for precision in Precision if precision in parts]

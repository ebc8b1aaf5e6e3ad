"""`rzen-eval bench`: how fast a model is on this device, and how long tasks would take."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rzen_eval.cli.terminal import add_format, show
from rzen_eval.cli.values import number
from rzen_eval.errors import ConfigError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from rzen_eval.cli.options import Options
    from rzen_eval.config.schema import RunConfig
    from rzen_eval.estimate.flops import Anatomy
    from rzen_eval.estimate.speed import Shape, Speeds
    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.families.local_model import LocalModel

SECONDS = 5.0
SPARE = ("language ms", "tower ms", "copies ms", "waiting ms", "Python ms", "of peak", "tokens")


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "Measure a model on its device with texts, pictures, pages and clips of the benchmark's typical sizes, through"
        " the engine's own steps and bare. Without its checkpoint on this machine weights are random, of the declared"
        " sizes on a GPU and of a small architecture on a CPU. With task= the hours of these tasks are told. Nothing is"
        " downloaded. What was measured is kept for `rzen-eval estimate --devices here`."
    )
    parser.add_argument(
        "--seconds",
        type=number(lambda value: value >= 0, "seconds, 0 or more"),
        default=SECONDS,
        metavar="S",
        help=f"of each kind of item, twice; {SECONDS:g} by default, two batches at least",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write to a file in place of the terminal")
    add_format(parser)
    parser.examples = [
        "rzen-eval bench model=rzenembed_v2_7b task=mmeb_v2",
        "rzen-eval bench model=custom model.checkpoint=FOLDER model.family=qwen2_vl --format json --output here.json",
    ]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Measure, print, and keep.

    Returns:
        The exit code, 0.
    """
    from rzen_eval.config import compose
    from rzen_eval.estimate.speed import kept
    from rzen_eval.files import write_whole
    from rzen_eval.models.declaration.local import ModelSpec

    tasks = any(word.startswith(("task=", "experiment=")) for word in settings)
    if tasks and not any(word.startswith(("data=", "data.", "experiment=")) for word in settings):
        settings = [*settings, "data=hub"]
    config = compose.load(settings, places, need_tasks=tasks)
    if not isinstance(config.model, ModelSpec):
        raise ConfigError(
            f"bench: {config.model.name} is of family {config.model.family}; expected a model that this package"
            " computes itself, such as model=rzenembed_v2_7b"
        )
    speeds = _measured(config.model, config, chosen.seconds)
    file = kept(config.cache_dir, speeds.model)
    write_whole(file, speeds.model_dump_json(indent=1).encode())
    _report(config, speeds, chosen, tasks=tasks)
    return 0


def _measured(spec: ModelSpec, config: RunConfig, seconds: float) -> Speeds:
    from rzen_eval.estimate.bench import measure

    model, sizes, weights = _opened(spec, config)
    return measure(
        model,
        sizes,
        weights=weights,
        tokens_per_batch=config.runtime.tokens_per_batch or model.tokens_per_batch,
        seconds=seconds,
        report=lambda name: print(f"bench: {name}", file=sys.stderr),
    )


def _opened(spec: ModelSpec, config: RunConfig) -> tuple[LocalModel, Anatomy, str]:
    """A loaded model, its sizes, and where its weights are from."""
    from rzen_eval.estimate.checkpoint import known, offline
    from rzen_eval.estimate.flops import anatomy
    from rzen_eval.models import open_model
    from rzen_eval.models.device import device
    from rzen_eval.models.families.random_weights import random_model, small

    with offline():
        found = known(spec)
        if found.weights:
            model: Any = open_model(spec, config.cache_dir)
            model.load()
            return model, anatomy(found.config, spec.family), "of its checkpoint"
    if device(spec).type == "cpu":
        sizes, why = small(found.config), f"random, of a small {spec.family}"
    else:
        sizes, why = found.config, f"random, of the sizes from {found.where}"
    counted = anatomy(sizes, spec.family)
    return random_model(spec, sizes), counted, why


def _report(config: RunConfig, speeds: Speeds, chosen: Namespace, *, tasks: bool) -> None:
    from dataclasses import replace

    from rzen_eval.results.tables.document import Document, Part, Table

    rows = [_row(shape, speeds) for shape in speeds.shapes]
    tables = [replace(Table.of([_texts(row) for row in rows]), spare=SPARE)]
    content: dict[str, Any] = speeds.model_dump(mode="json") | {"rows": rows}
    if tasks:
        hours = _hours(config, speeds)
        content["hours"] = hours
        tables.append(Table.of([_texts(row) for row in hours]))
    show(Document([Part(tables=tables, points=_notes(speeds))], rows, content), chosen.format, chosen.output)


def _row(shape: Shape, speeds: Speeds) -> dict[str, Any]:
    return {
        "items": shape.name,
        "tokens": shape.tokens,
        "a batch": shape.items,
        "items/s": round(shape.items_a_second, 2),
        "tokens/s": round(shape.tokens_a_second),
        "TFLOP/s": round(shape.tflops, 4),
        "of peak": round(shape.tflops / speeds.peak_tflops, 4),
        "batch ms": round(shape.batch_ms, 2),
        "bare ms": round(shape.bare_ms, 2),
        "tower ms": round(shape.tower_ms, 2),
        "language ms": round(shape.language_ms, 2),
        "copies ms": round(shape.copies_ms, 2),
        "waiting ms": round(shape.waiting_ms, 2),
        "Python ms": round(shape.python_ms, 2),
    }


def _texts(row: dict[str, Any]) -> dict[str, str]:
    return {
        key: f"{value:.1%}" if key == "of peak" else f"{value:,}" if isinstance(value, int) else str(value)
        for key, value in row.items()
    }


def _hours(config: RunConfig, speeds: Speeds) -> list[dict[str, Any]]:
    """Of the tasks of each modality and of all."""
    from rzen_eval.cli.estimate import costs_of
    from rzen_eval.estimate.checkpoint import known, offline
    from rzen_eval.estimate.item_cost import Reader

    spec: Any = config.model
    with offline():
        costs = [cost for cost in costs_of(config, Reader.of(known(spec))) if cost.known]
    rows = []
    for modality in [*dict.fromkeys(cost.modality for cost in costs), None]:
        part = [cost for cost in costs if modality in {None, cost.modality}]
        rows.append(
            {
                "tasks": f"{modality or 'in all'} ({len(part)})",
                "items": sum(cost.total.items for cost in part),
                "hours": round(speeds.seconds(part) / 3600, 3),
            }
        )
    return rows


def _notes(speeds: Speeds) -> list[str]:
    versions = ", ".join(f"{name} {number}" for name, number in speeds.versions.items())
    made = f"{speeds.dtype}, attention {speeds.attention}, on {speeds.device}; {versions}"
    whole = "from one to the next, all that the engine does with loaded pictures included"
    return [
        f"{speeds.model}: weights {speeds.weights}; {made}",
        f"of peak: of {speeds.peak_tflops:.4g} TFLOP/s ({speeds.peak_source}); operations as estimate counts them",
        f"batch: {whole}; bare: the forward pass of the same batch alone, its numbers on the device already",
        f"memory: {speeds.memory_gb:g} GB at most",
    ]

"""`rzen-eval estimate`: what a run would cost."""

from __future__ import annotations

from argparse import ArgumentTypeError
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.cli.terminal import add_format, show
from rzen_eval.cli.values import listed, number, whole
from rzen_eval.errors import ConfigError, DataError, nearest
from rzen_eval.estimate.devices import DEFAULT, DEVICES, EFFICIENCY

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from rzen_eval.cli.options import Options
    from rzen_eval.config.schema import RunConfig
    from rzen_eval.estimate.cost import Amount, TaskCost
    from rzen_eval.estimate.item_cost import Reader

HERE = "here"
SPARE = ("candidates", "queries", "images", "frames", "vectors", "text tokens", "from", "FLOPs", "visual tokens")
VECTOR_BYTES = {"float32": 4, "float16": 2, None: 0}


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "Print items, media, tokens, operations, bytes and hours of a run, a row a task and a row a modality. Nothing"
        " is downloaded, no weight is loaded and no picture is decoded; data=hub unless told otherwise."
    )
    parser.add_argument(
        "--devices",
        type=_devices,
        default=list(DEFAULT),
        metavar="A,B",
        help=f"of {', '.join(DEVICES)}; `{HERE}`: as `rzen-eval bench` measured this model on this machine last; a file"
        f" that it wrote; by default {','.join(DEFAULT)}",
    )
    parser.add_argument(
        "--efficiency",
        type=number(lambda value: 0 < value <= 1, "a share of the peak above 0 and up to 1"),
        default=EFFICIENCY,
        metavar="SHARE",
        help=f"of the peak that is reached, {EFFICIENCY} by default",
    )
    parser.add_argument("--n-devices", type=whole(1, 1_000_000), default=1, metavar="N", help="devices that share it")
    parser.add_argument(
        "--top-k", type=whole(1, 1000), default=100, metavar="N", help="candidates a query, with reranker="
    )
    add_format(parser)
    parser.examples = [
        "rzen-eval estimate task=mmeb_v2 model=rzenembed_v2_7b --devices h100,a100 --n-devices 8",
        "rzen-eval estimate task=retrieval_44 reranker=qwen3_vl_reranker_2b --top-k 100 --devices h100",
    ]


def _devices(text: str) -> list[str]:
    names = list(dict.fromkeys(name if name.endswith(".json") else name.lower() for name in listed(text)))
    unknown = [name for name in names if name not in {*DEVICES, HERE} and not name.endswith(".json")]
    if unknown or not names:
        found = f"{unknown[0]!r}{nearest(unknown[0], DEVICES)}" if unknown else "none"
        raise ArgumentTypeError(f"expected a list of {', '.join(DEVICES)}, {HERE} or files of bench, found {found}")
    return names


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Print what a run would cost.

    Returns:
        The exit code, 0.
    """
    from rzen_eval.config import compose

    if not any(word.startswith(("data=", "data.", "experiment=")) for word in settings):
        settings = [*settings, "data=hub"]
    config = compose.load(settings, places)
    root = config.data.root
    if config.data.kind == "mirror" and root and not root.expanduser().is_dir():
        raise DataError(f"estimate: no folder at {root}; give data.root=FOLDER, or data=hub to go by declared counts")
    if config.reranker is not None:
        from rzen_eval.cli.estimate_pairs import document

        show(document(config, chosen), chosen.format)
        return 0
    _report(config, chosen)
    return 0


def _report(chosen: RunConfig, machine: Namespace) -> None:
    from rzen_eval.cli.estimate_rows import footnotes, rows_and_totals, texts
    from rzen_eval.estimate.checkpoint import known, offline
    from rzen_eval.estimate.item_cost import Reader
    from rzen_eval.estimate.speed import kept as kept_speeds
    from rzen_eval.estimate.speed import read
    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.results.tables.document import Document, Part, Table

    spec = chosen.model
    if not isinstance(spec, ModelSpec):
        raise ConfigError(
            f"estimate: what {spec.name} computes is not known, since it is of family {spec.family};"
            " expected a model that this package computes itself, such as model=rzenembed_v2_7b"
        )
    with offline():
        found = known(spec)
        reader = Reader.of(found)
        costs = costs_of(chosen, reader)

    machine.measured = {
        name: read(kept_speeds(chosen.cache_dir, spec.name) if name == HERE else Path(name), spec.name)
        for name in machine.devices
        if name not in DEVICES
    }

    def kept(total: Amount) -> int:
        vectors = total.text_tokens + total.visual_tokens if reader.anatomy.late else total.items
        return vectors * reader.anatomy.dim * VECTOR_BYTES[chosen.runtime.store]

    rows, totals = rows_and_totals(costs, kept, machine)
    notes = list(footnotes(chosen, reader, found, costs, machine))
    tables = [replace(Table.of([texts(row, machine) for row in some]), spare=SPARE) for some in (rows, totals)]
    content = {"model": spec.name, "tasks": rows, "totals": totals, "notes": notes}
    show(Document([Part(tables=tables, points=notes)], rows, content), machine.format)


def costs_of(chosen: RunConfig, reader: Reader) -> list[TaskCost]:
    """What each task adds to the run, in its order."""
    from tqdm import tqdm

    from rzen_eval.estimate.from_counts import assumed
    from rzen_eval.estimate.from_data import measured

    seen: set[bytes] | None = set() if chosen.runtime.store else None
    corpora: set[str] | None = set() if chosen.runtime.store else None
    costs = []
    for task in chosen.tasks.values():
        before = None if seen is None else set(seen)
        try:
            with tqdm(desc=task.id, unit=" items", disable=None, leave=False) as bar:
                costs.append(measured(task, reader, seen, bar.update))
        except DataError as error:
            seen = before
            costs.append(assumed(task, reader, str(error), corpora))
    return costs

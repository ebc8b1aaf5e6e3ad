"""What an estimate of a second stage says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rzen_eval.errors import ConfigError, DataError
from rzen_eval.estimate.devices import DEVICES

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from rzen_eval.config.schema import RunConfig
    from rzen_eval.estimate.checkpoint import Known
    from rzen_eval.estimate.cost import Amount, TaskCost
    from rzen_eval.estimate.pairs import PairReader
    from rzen_eval.results.tables.document import Document, Table

SCORE_BYTES = 4


def document(chosen: RunConfig, machine: Namespace) -> Document:
    """Pairs, tokens, operations and hours of a second stage.

    Raises:
        ConfigError: what the reranker computes is not known.
    """
    from rzen_eval.cli.estimate_rows import rows_and_totals, texts
    from rzen_eval.estimate.checkpoint import known, offline
    from rzen_eval.estimate.pairs import PairReader
    from rzen_eval.models.declaration.reranker import YesNoSpec
    from rzen_eval.results.tables.document import Document, Part, Table

    spec = chosen.reranker
    if not isinstance(spec, YesNoSpec):
        raise ConfigError(
            f"estimate: what {spec.name if spec else 'no reranker'} computes is not known; expected a reranker that"
            " this package computes itself, such as reranker=qwen3_vl_reranker_2b"
        )
    if strange := [name for name in machine.devices if name not in DEVICES]:
        raise ConfigError(
            f"estimate: rzen-eval bench measures models that embed, so --devices {strange[0]} says nothing of"
            f" {spec.name}; expected some of {', '.join(DEVICES)}"
        )
    machine.measured = {}
    with offline():
        found = known(spec)
        reader = PairReader.of(found)
        costs = _costs(chosen, reader, machine.top_k)

    def kept(total: Amount) -> int:
        return SCORE_BYTES * total.items

    rows, totals = rows_and_totals(costs, kept, machine)
    notes = list(_notes(reader, found, costs, machine))
    tables = [_renamed(Table.of([texts(row, machine) for row in some])) for some in (rows, totals)]
    content = {"reranker": spec.name, "top_k": machine.top_k, "tasks": rows, "totals": totals, "notes": notes}
    return Document([Part(tables=tables, points=notes)], rows, content)


def _renamed(table: Table) -> Table:
    names = {"to embed": "pairs", "vectors": "scores"}
    spare = ("candidates", "queries", "images", "frames", "scores", "text tokens", "from", "FLOPs", "visual tokens")
    return replace(table, columns=[names.get(name, name) for name in table.columns], spare=spare)


def _costs(chosen: RunConfig, reader: PairReader, top_k: int) -> list[TaskCost]:
    from rzen_eval.estimate.from_counts import assumed
    from rzen_eval.estimate.from_data import measured
    from rzen_eval.estimate.pairs import of_pairs

    costs = []
    for task in chosen.tasks.values():
        try:
            sides = measured(task, reader, None)
        except DataError as error:
            sides = assumed(task, reader, str(error))
        costs.append(of_pairs(task, sides, reader, top_k))
    return costs


def _notes(reader: PairReader, known: Known, costs: list[TaskCost], machine: Namespace) -> Iterator[str]:
    from rzen_eval.estimate.from_counts import ASSUMED_COUNTS, ASSUMED_SIZES

    parameters = reader.anatomy.parameters
    size = f"{parameters / 1e9:.2f} B" if parameters >= 1e7 else f"{parameters:,}"
    yield (
        f"{reader.spec.name}: {size} parameters, sizes from {known.where}; the first {machine.top_k} of each query"
        " (--top-k), shorter pools whole"
    )
    yield (
        "tokens and FLOPs: what comes before the candidate once a query, the rest once a pair; forward passes without"
        " the head, attention included, padding not"
    )
    peaks = ", ".join(f"{DEVICES[name].title} {DEVICES[name].tflops:g}" for name in machine.devices)
    yield (
        f"time: {machine.efficiency:.0%} of the peak (--efficiency) of {machine.n_devices} (--n-devices) of {peaks}"
        " TFLOP/s, dense, 16 bits on GPUs; pictures are taken to load as fast, and nothing to be kept from earlier runs"
    )
    if any(cost.source.startswith("counts") for cost in costs):
        yield ASSUMED_SIZES
        yield f"{ASSUMED_COUNTS}; pools of image tasks have more than {machine.top_k}, or 1,000"

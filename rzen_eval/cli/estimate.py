"""`rzen-eval estimate`: what a run would cost."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from rzen_eval.cli.options import listed, number, whole
from rzen_eval.errors import ConfigError, DataError, nearest
from rzen_eval.estimate.cost import UNKNOWN
from rzen_eval.estimate.devices import DEFAULT, DEVICES, EFFICIENCY, seconds

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from rzen_eval.cli.options import Options
    from rzen_eval.config.schema import RunConfig
    from rzen_eval.estimate.checkpoint import Known
    from rzen_eval.estimate.cost import Amount, TaskCost
    from rzen_eval.estimate.item_cost import Reader

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
        help=f"of {', '.join(DEVICES)}; by default {','.join(DEFAULT)}",
    )
    parser.add_argument(
        "--efficiency",
        type=number(lambda value: 0 < value <= 1, "a share of the peak above 0 and up to 1"),
        default=EFFICIENCY,
        metavar="SHARE",
        help=f"of the peak that is reached, {EFFICIENCY} by default",
    )
    parser.add_argument("--n-devices", type=whole(1, 1_000_000), default=1, metavar="N", help="devices that share it")
    parser.examples = ["rzen-eval estimate task=mmeb_v2 model=rzenembed_v2_7b --devices h100,a100 --n-devices 8"]


def _devices(text: str) -> list[str]:
    names = list(dict.fromkeys(map(str.lower, listed(text))))
    unknown = [name for name in names if name not in DEVICES]
    if unknown or not names:
        found = f"{unknown[0]!r}{nearest(unknown[0], DEVICES)}" if unknown else "none"
        raise ArgumentTypeError(f"expected a list of {', '.join(DEVICES)}, found {found}")
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
    _report(config, chosen)
    return 0


def _report(chosen: RunConfig, machine: Namespace) -> None:
    import pandas as pd

    from rzen_eval.estimate.checkpoint import known, offline
    from rzen_eval.estimate.item_cost import Reader
    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.results.tables import averages

    spec = chosen.model
    if not isinstance(spec, ModelSpec):
        raise ConfigError(
            f"estimate: what {spec.name} computes is not known, since it is of family {spec.family};"
            " expected a model that this package computes itself, such as model=rzenembed_v2_7b"
        )
    with offline():
        found = known(spec)
        reader = Reader.of(spec, found)
        costs = _costs(chosen, reader)

    def kept(total: Amount) -> int:
        vectors = total.text_tokens + total.visual_tokens if reader.anatomy.late else total.items
        return vectors * reader.anatomy.dim * VECTOR_BYTES[chosen.runtime.store]

    rows = {cost.id: _row([cost], kept, machine) | {"from": cost.source} for cost in costs}
    print(averages.markdown(pd.DataFrame.from_dict(rows, orient="index").rename_axis("task")))
    modalities = list(dict.fromkeys(cost.modality for cost in costs))
    totals = {
        _titled(modality, part): _row(part, kept, machine)
        for modality in modalities
        for part in [[cost for cost in costs if cost.modality == modality]]
    }
    totals[_titled("in all", costs)] = _row(costs, kept, machine)
    print(f"\n{averages.markdown(pd.DataFrame.from_dict(totals, orient='index').rename_axis('tasks'))}\n")
    print("\n".join(f"- {line}" for line in _footnotes(chosen, reader, found, costs, machine)))


def _costs(chosen: RunConfig, reader: Reader) -> list[TaskCost]:
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


def _titled(name: str, costs: Sequence[TaskCost]) -> str:
    """The name of a sum, with the number of tasks in it and, where some are unknown, of how many."""
    known, every = sum(cost.known for cost in costs), len(costs)
    return f"{name} ({every})" if known == every else f"{name} ({known} of {every})"


def _row(costs: Sequence[TaskCost], kept: Callable[[Amount], int], machine: Namespace) -> dict[str, str]:
    """The cells of some tasks together; what is unknown of one is left out of a sum, and said where it stands alone."""
    counted = [cost for cost in costs if cost.known]
    total, candidates = _sum(counted), [cost.n_candidates or 0 for cost in counted or costs]
    times = {
        (f"{machine.n_devices} x " if machine.n_devices > 1 else "") + DEVICES[name].title: duration(
            seconds(total.flops, DEVICES[name], efficiency=machine.efficiency, n_devices=machine.n_devices)
        )
        for name in machine.devices
    }
    row = {
        "queries": f"{sum(cost.n_queries for cost in counted or costs):,}",
        "candidates": f"{sum(candidates):,}" if all(candidates) else UNKNOWN,
        "to embed": f"{total.items:,}",
        "images": f"{total.images:,}",
        "frames": f"{total.frames:,}",
        "text tokens": short(total.text_tokens),
        "visual tokens": short(total.visual_tokens),
        "FLOPs": short(total.flops),
        "vectors": short(kept(total), "B"),
        **times,
    }
    return row if counted else {key: row[key] if key in {"queries", "candidates"} else UNKNOWN for key in row}


def _sum(costs: Sequence[TaskCost]) -> Amount:
    from rzen_eval.estimate.cost import Amount

    return sum((cost.total for cost in costs), start=Amount())


def short(number: float, unit: str = "") -> str:
    """Three digits and a prefix: 999, 1.23 k, 45.6 M, 7.89 G, up to E."""
    prefixes = iter("kMGTPE")
    prefix = ""
    while number >= 999.5 and prefix != "E":
        number, prefix = number / 1000, next(prefixes)
    digits = (
        f"{number:.0f}" if not prefix or number >= 99.95 else f"{number:.1f}" if number >= 9.995 else f"{number:.2f}"
    )
    return f"{digits} {prefix}{unit}".rstrip()


def duration(seconds: float) -> str:
    """Seconds, minutes, hours or days, whichever reads best."""
    for unit, size, least in (("d", 86400, 172800), ("h", 3600, 5400), ("min", 60, 90)):
        if seconds >= least:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.1f} s" if seconds >= 0.1 else "< 0.1 s"


def _footnotes(
    chosen: RunConfig, reader: Reader, found: Known, costs: Sequence[TaskCost], machine: Namespace
) -> Iterator[str]:
    """What the numbers are made of, a plain line each."""
    from rzen_eval.estimate.from_counts import ASSUMED_COUNTS, ASSUMED_SIZES
    from rzen_eval.estimate.from_data import SAMPLE
    from rzen_eval.estimate.item_cost import CHARACTERS

    parameters = reader.anatomy.parameters
    size = f"{parameters / 1e9:.2f} B" if parameters >= 1e7 else f"{parameters:,}"
    yield (
        f"{chosen.model.name}: {size} parameters, {'a vector a token, each' if reader.anatomy.late else 'vectors'} of"
        f" {reader.anatomy.dim} dimensions,"
        f" sizes from {found.where}; FLOPs of a forward pass without the head, attention included, padding not"
    )
    peaks = ", ".join(f"{DEVICES[name].title} {DEVICES[name].tflops:g}" for name in machine.devices)
    yield (
        f"time: {machine.efficiency:.0%} of the peak (--efficiency) of {machine.n_devices} (--n-devices) of {peaks}"
        " TFLOP/s, dense, 16 bits on GPUs; pictures are taken to load as fast, and nothing to be kept from earlier runs"
    )
    if reader.spec.dtype == "float32":
        yield "time: with dtype=float32 a GPU is several times slower than that"
    store = chosen.runtime.store
    yield f"vectors: kept as {store}" if store else "vectors: none are kept (runtime.store=null)"
    read = [cost for cost in costs if cost.source.startswith("data")]
    if read:
        yield "to embed: different prompt or media from all before, so later tasks of one corpus add little"
        if reader.tokenizer is None:
            yield f"text tokens: one for {CHARACTERS} characters, since the model's tokenizer is not on this machine"
    if any("sampled" in cost.source for cost in read):
        yield f"sampled: of more than {SAMPLE} pictured items a side every k-th was measured, and scaled"
    counted = [cost for cost in costs if cost.source.startswith("counts")]
    if counted:
        of_hub = chosen.data.kind == "hub"
        why = "not cached on this machine, and nothing is downloaded" if of_hub else counted[0].reason
        yield f"counts: {len(counted)} of {len(costs)} tasks go by their declared counts ({why})"
        yield ASSUMED_SIZES
        if any("~" in cost.source for cost in counted):
            yield ASSUMED_COUNTS
    unknown = [cost.id for cost in costs if not cost.known]
    if unknown:
        yield (
            f"unknown: {', '.join(unknown)}, left out of the sums; without data only a recipe with typical(task) tells"
            " what items are like"
        )
    misfits = sum(cost.total.misfits for cost in costs)
    if misfits:
        yield (
            f"refused: {misfits:,} items whose pictures alone take more than the {reader.spec.max_length} tokens that"
            " the model reads; lower frames= or the pixel budget"
        )

"""What an estimate says: amounts for programs, rows and footnotes for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rzen_eval.estimate.cost import UNKNOWN, Amount
from rzen_eval.estimate.devices import DEVICES, seconds

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rzen_eval.config.schema import RunConfig
    from rzen_eval.estimate.checkpoint import Known
    from rzen_eval.estimate.cost import TaskCost
    from rzen_eval.estimate.item_cost import Reader


NAMED = 6
"""Tasks that a footnote names."""


def titled(name: str, costs: Sequence[TaskCost]) -> str:
    """The name of a sum, with the number of tasks in it and, where some are unknown, of how many."""
    known, every = sum(cost.known for cost in costs), len(costs)
    return f"{name} ({every})" if known == every else f"{name} ({known} of {every})"


def amounts(
    costs: Sequence[TaskCost], kept: Callable[[Amount], int], machine: Namespace
) -> dict[str, int | float | None]:
    """What tasks take together, for programs; what is unknown of one is left out of a sum, and None alone."""
    counted = [cost for cost in costs if cost.known]
    total = sum((cost.total for cost in counted), start=Amount())
    candidates = [cost.n_candidates or 0 for cost in counted or costs]
    times = {
        f"seconds_{name}": round(
            machine.measured[name].seconds(counted) / machine.n_devices
            if name in machine.measured
            else seconds(total.flops, DEVICES[name], efficiency=machine.efficiency, n_devices=machine.n_devices),
            3,
        )
        for name in machine.devices
    }
    embedded = {
        "items": total.items,
        "images": total.images,
        "frames": total.frames,
        "text_tokens": total.text_tokens,
        "visual_tokens": total.visual_tokens,
        "cut_items": total.cut,
        "flops": total.flops,
        "vector_bytes": kept(total),
        **times,
    }
    return {
        "queries": sum(cost.n_queries for cost in counted or costs),
        "candidates": sum(candidates) if all(candidates) else None,
        **(embedded if counted else dict.fromkeys(embedded)),
    }


def rows_and_totals(
    costs: Sequence[TaskCost], kept: Callable[[Amount], int], machine: Namespace
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A line a task, and a line for each modality and for all.

    Args:
        costs: of the tasks.
        kept: bytes that an amount of work leaves behind.
        machine: what it is estimated for.
    """
    rows = [{"task": cost.id, "from": cost.source, **amounts([cost], kept, machine)} for cost in costs]
    parts = {
        modality: [cost for cost in costs if cost.modality == modality]
        for modality in dict.fromkeys(cost.modality for cost in costs)
    }
    totals = [{"tasks": titled(name, part), **amounts(part, kept, machine)} for name, part in parts.items()]
    return rows, [*totals, {"tasks": titled("in all", costs), **amounts(costs, kept, machine)}]


def texts(row: Mapping[str, Any], machine: Namespace) -> dict[str, str]:
    """A row for people: the name, the amounts, the times, where it comes from."""
    number = f"{machine.n_devices} x " if machine.n_devices > 1 else ""
    name = next(iter(row))

    def known(key: str, write: Callable[[float], str]) -> str:
        return UNKNOWN if row[key] is None else write(row[key])

    return {
        name: row[name],
        "queries": known("queries", "{:,}".format),
        "candidates": known("candidates", "{:,}".format),
        "to embed": known("items", "{:,}".format),
        "images": known("images", "{:,}".format),
        "frames": known("frames", "{:,}".format),
        "text tokens": known("text_tokens", short),
        "visual tokens": known("visual_tokens", short),
        "FLOPs": known("flops", short),
        "vectors": known("vector_bytes", lambda number: short(number, "B")),
        **{number + _titled(device): known(f"seconds_{device}", duration) for device in machine.devices},
        **({"from": row["from"]} if "from" in row else {}),
    }


def _titled(device: str) -> str:
    return DEVICES[device].title if device in DEVICES else device.removesuffix(".json").rpartition("/")[2]


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


def footnotes(
    chosen: RunConfig, reader: Reader, known: Known, costs: Sequence[TaskCost], machine: Namespace
) -> Iterator[str]:
    """What the numbers are made of, a plain line each."""
    parameters = reader.anatomy.parameters
    size = f"{parameters / 1e9:.2f} B" if parameters >= 1e7 else f"{parameters:,}"
    yield (
        f"{chosen.model.name}: {size} parameters, {'a vector a token, each' if reader.anatomy.late else 'vectors'} of"
        f" {reader.anatomy.dim} dimensions,"
        f" sizes from {known.where}; FLOPs of a forward pass without the head, attention included, padding not"
    )
    yield from _times(machine)
    if reader.spec.dtype == "float32":
        yield "time: with dtype=float32 a GPU is several times slower than that"
    held = short(parameters * (4 if reader.spec.dtype == "float32" else 2), "B")
    yield (
        f"memory: {held} of weights, read into the machine's own memory first; the base of an adapter is read as it is"
        " stored, in 32 bits twice that, and merged module by module"
    )
    store = chosen.runtime.store
    yield f"vectors: kept as {store}" if store else "vectors: none are kept (runtime.store=null)"
    yield from _sources(chosen, reader, costs)
    yield from _cut(costs, reader)
    misfits = sum(cost.total.misfits for cost in costs)
    if misfits:
        yield (
            f"refused: {misfits:,} items whose pictures alone take more than the {reader.spec.max_length} tokens that"
            " the model reads; lower frames= or the pixel budget"
        )


def _sources(chosen: RunConfig, reader: Reader, costs: Sequence[TaskCost]) -> Iterator[str]:
    """Which tasks go by their data, which by declared counts, and which by nothing."""
    from rzen_eval.estimate.from_counts import ASSUMED_COUNTS, ASSUMED_SIZES
    from rzen_eval.estimate.from_data import SAMPLE
    from rzen_eval.estimate.item_cost import CHARACTERS

    read = [cost for cost in costs if cost.read]
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


def _cut(costs: Sequence[TaskCost], reader: Reader) -> Iterator[str]:
    """Which tasks have texts that are longer than the model reads, the worst first."""
    sides = [(cost, side, amount) for cost in costs for side, amount in cost.sides.items() if amount.cut]
    cut = sorted(sides, key=lambda one: (-one[2].cut, one[0].id))
    if not cut:
        return
    named = [f"{cost.id} {amount.cut:,} of {amount.items:,} {side}" for cost, side, amount in cut[:NAMED]]
    more = f" and {len(cut) - NAMED} more (--format json has all)" if len(cut) > NAMED else ""
    by_mean = ", by mean lengths where data are not there" if any(not cost.read for cost, *_ in cut) else ""
    limit = reader.spec.longest(pictured=False)
    yield f"cut: texts longer than the {limit:,} tokens that the model reads{by_mean}: {', '.join(named)}{more}"


def _times(machine: Namespace) -> Iterator[str]:
    """What times are made of."""
    for name, speeds in machine.measured.items():
        yield (
            f"time {_titled(name)}: as measured on {speeds.device}, {speeds.dtype}, attention {speeds.attention},"
            f" weights {speeds.weights}; texts, pictures, pages and clips each at their own speed, by operations"
        )
    peaks = ", ".join(f"{DEVICES[name].title} {DEVICES[name].tflops:g}" for name in machine.devices if name in DEVICES)
    if peaks:
        yield (
            f"time: {machine.efficiency:.0%} of the peak (--efficiency) of {machine.n_devices} (--n-devices) of {peaks}"
            " TFLOP/s, dense, 16 bits on GPUs; pictures are taken to load as fast, and nothing to be kept from earlier"
            " runs"
        )

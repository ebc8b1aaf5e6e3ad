"""A reproduction in words and a table."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rzen_eval.results.statistics.reproduction import NOISE, SHARE, Verdict
from rzen_eval.results.tables.document import Document, Part, Table
from rzen_eval.results.tables.leaderboard import NOTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.benchmark.published import Reference
    from rzen_eval.results.statistics.reproduction import Cell


SAMPLED = (
    "These are scores of random queries (limit=). Such a sample can speak against a figure, which is then higher or"
    " lower by more than noise and its 95 % interval together. It cannot show that a figure comes out: that takes all"
    " queries, the same words without limit=."
)


def document(
    model: str, reference: tuple[str, Reference], cells: Sequence[Cell], notes: Sequence[str], command: str
) -> Document:
    """Every figure, and whether it came out.

    Args:
        model: that was scored.
        reference: what `reference=` calls the published row, and the row.
        cells: its figures.
        notes: what differs and changes a score by no more than noise.
        command: what is run for it.
    """
    name, row = reference
    counts = Counter(cell.verdict for cell in cells)
    done = not any(cell.fails for cell in cells)
    sampled = any(cell.half is not None for cell in cells)
    open_yet = sampled and not any(cell.verdict in {Verdict.HIGHER, Verdict.LOWER} for cell in cells)
    found = "Reproduced" if done else "Not contradicted" if open_yet else "Not reproduced"
    summary = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    about = (
        f"{found}: {summary} of {len(cells)} published figures of {row.model}, data {row.data_version} ({row.source})."
    )
    how = (
        "Per cent, official reading. A figure matches within the noise between independent runs (95th percentile:"
        f" {', '.join(f'{kind} {points}' for kind, points in NOISE.items())} points), or within"
        f" {SHARE:g} of half the 95 % bootstrap interval where that is wider, plus its rounding."
    )
    of_sample = [SAMPLED] if sampled else []
    table = Table.of([_line(cell) for cell in cells])
    records = [_record(cell) for cell in cells]
    content = {
        "model": model,
        "reference": name,
        "data_version": row.data_version,
        "reproduced": done,
        "cells": records,
        "notes": list(notes),
    }
    main = Part(f"{model} against {row.model} as published", [about, how, *of_sample], [table], notes)
    return Document([main], records, content, command)


def _line(cell: Cell) -> dict[str, str]:
    missing = f"{NOTHING} ({cell.part})" if cell.part else NOTHING
    return {
        "figure": cell.name,
        "published": f"{cell.published:.{cell.digits}f}",
        "found": missing if cell.score is None else f"{cell.score:.{max(cell.digits, 2)}f}",
        "difference": NOTHING if cell.score is None else f"{cell.score - cell.published:+.2f}",
        "tolerance": NOTHING if cell.score is None else f"{cell.tolerance:.2f}",
        "verdict": str(cell.verdict),
    }


def _record(cell: Cell) -> dict[str, Any]:
    return {
        "name": cell.name,
        "kind": cell.kind,
        "published": cell.published,
        "found": cell.score,
        "tolerance": round(cell.tolerance, 4),
        "verdict": str(cell.verdict),
    }

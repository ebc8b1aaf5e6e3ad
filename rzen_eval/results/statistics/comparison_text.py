"""A comparison in words and tables."""

from __future__ import annotations

from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import some
from rzen_eval.results.tables.document import Document, Part, Table
from rzen_eval.results.tables.leaderboard import NOTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.results.statistics.comparison import Comparison, Difference, Method


def document_of_all(comparisons: Sequence[Comparison], method: Method, command: str) -> Document:
    """One model against each of several, one after the other.

    Args:
        comparisons: one or more.
        method: of their statistics.
        command: what is run for it.
    """
    made = [document(one, method, command) for one in comparisons]
    if len(made) == 1:
        return made[0]
    records = [
        {"first": one.first, "second": one.second, **line}
        for one, document in zip(comparisons, made, strict=True)
        for line in document.records
    ]
    apart = Part(paragraphs=["Numbers of tests are corrected for within each of these comparisons, not over all."])
    parts = [*chain.from_iterable(document.parts for document in made), apart]
    return Document(parts, records, {"comparisons": [document.content for document in made]}, command)


def document(comparison: Comparison, method: Method, command: str) -> Document:
    """Averages, tasks, and what differs in protocol.

    Args:
        comparison: to write.
        method: of its statistics.
        command: what is run for it.
    """
    first, second = comparison.first, comparison.second
    about = (
        f"Per cent, and {second} less {first} in points, {_reading(method)}. Intervals: {method.level:.0%}, percentile"
        f" bootstrap over queries, resampled within each task; p: paired permutation test by query, two-sided,"
        f" {_correction(method)}; {method.resamples} draws, seed {method.seed}. Wins, ties and losses are"
        f" queries on which {second} is better, equal, worse."
    )
    unknown = [] if comparison.differences else ["Nothing that is known."]
    parts = [
        Part(f"{second} against {first}", [_summary(comparison, method), *comparison.notes, about]),
        Part(
            f"Averages, data {comparison.version}", tables=[_table(comparison.averages, comparison, method, "average")]
        ),
        Part("Tasks", tables=[_table(comparison.tasks, comparison, method, "task")]),
        Part("What differs in protocol", unknown, points=comparison.differences),
        *_left_out(comparison),
    ]
    records = [
        {"kind": kind} | _flat(one, method)
        for kind, several in (("average", comparison.averages), ("task", comparison.tasks))
        for one in several
    ]
    for line in records:
        line["interval_low"], line["interval_high"] = line.pop("interval") or (None, None)
    return Document(parts, records, _content(comparison, method), command)


def _reading(method: Method) -> str:
    return "official reading" if method.reading == "score" else "textbook reading"


def _correction(method: Method) -> str:
    names = {
        "holm": "corrected for the number of tests in its table by Holm's method",
        "bh": "corrected for the number of tests in its table by Benjamini and Hochberg's method",
        "none": "not corrected for the number of tests",
    }
    return names[method.correction]


def _summary(comparison: Comparison, method: Method) -> str:
    verdicts = [one.verdict(method.level) for one in comparison.tasks if one.queries]
    if not verdicts:
        return "How sure these differences are is not known."
    higher, lower = verdicts.count("higher"), verdicts.count("lower")
    tested = "" if len(verdicts) == len(comparison.tasks) else " that have scores of single queries"
    return (
        f"{comparison.second} is higher on {higher} and lower on {lower} of {len(verdicts)} tasks{tested}; on the other"
        f" {len(verdicts) - higher - lower} the difference is within noise."
    )


def _table(differences: Sequence[Difference], comparison: Comparison, method: Method, index: str) -> Table:
    names = [comparison.first, comparison.second]
    if names[0] in {"difference", "group"} or names[1] in {"difference", "group"} or names[0] == names[1]:
        names = [f"A: {names[0]}", f"B: {names[1]}"]
    lines = [
        {
            index: f"{one.name}{'' if one.n_shared == one.n_tasks else f' ({one.n_shared} of {one.n_tasks})'}",
            **({"group": one.group} if index == "task" else {}),
            names[0]: f"{one.first:.2f}",
            names[1]: f"{one.second:.2f}",
            "difference": f"{_signed(one.points)}",
            "interval": f"{_signed(one.queries.interval.low)} to {_signed(one.queries.interval.high)}"
            if one.queries
            else NOTHING,
            "p": _p(one.queries.corrected) if one.queries else NOTHING,
            "wins / ties / losses": f"{one.queries.wins} / {one.queries.ties} / {one.queries.losses}"
            if one.queries
            else NOTHING,
            "verdict": one.verdict(method.level),
        }
        for one in differences
    ]
    return Table.of(lines)


def _signed(points: float) -> str:
    text = f"{points:+.2f}"
    return "0.00" if text in {"+0.00", "-0.00"} else text.replace("-", "−")


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _left_out(comparison: Comparison) -> list[Part]:
    points = [f"{model} alone has {some(tasks)}" for model, tasks in comparison.alone.items() if tasks]
    if comparison.other:
        points.append(f"{', '.join(comparison.other)}: of another version of the data than {comparison.version}")
    unknown = [one.name for one in comparison.tasks if one.queries is None]
    if unknown:
        points.append(
            f"{len(unknown)} tasks, such as {unknown[0]}, have no scores of single queries in one of the models, as"
            " imported results do, so neither they nor their averages have an interval"
        )
    return [Part("Left out", points=points)] if points else []


def _content(comparison: Comparison, method: Method) -> dict[str, Any]:
    """The comparison for other programs: per cent and points, p-values plain and corrected."""
    return {
        "first": comparison.first,
        "second": comparison.second,
        "data_version": comparison.version,
        "method": asdict(method),
        "averages": [_flat(one, method) for one in comparison.averages],
        "tasks": [_flat(one, method) for one in comparison.tasks],
        "differences": list(comparison.differences),
        "alone": comparison.alone,
    }


def _flat(one: Difference, method: Method) -> dict[str, Any]:
    known = one.queries
    return {
        "name": one.name,
        "group": one.group or None,
        "first": round(one.first, 6),
        "second": round(one.second, 6),
        "difference": round(one.points, 6),
        "interval": [round(known.interval.low, 6), round(known.interval.high, 6)] if known else None,
        "p": known.p if known else None,
        "p_corrected": known.corrected if known else None,
        "wins": known.wins if known else None,
        "ties": known.ties if known else None,
        "losses": known.losses if known else None,
        "verdict": one.verdict(method.level) or None,
        "found": one.n_shared,
        "expected": one.n_tasks,
    }

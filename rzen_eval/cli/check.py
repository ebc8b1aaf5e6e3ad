"""`rzen-eval check`: a gate for continuous integration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.cli.terminal import add_format, show
from rzen_eval.cli.values import directory, number
from rzen_eval.errors import ResultError
from rzen_eval.files import write_out

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from rzen_eval.cli.options import Options
    from rzen_eval.results.statistics.gate import Gate
    from rzen_eval.results.store import ModelResults


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "Fail where results drop below a baseline by more than the tolerance or beyond noise, where a task is missing,"
        " or where protocol or counts have changed."
    )
    parser.add_argument("results", metavar="RESULTS/MODEL", help="a model's folder of results")
    parser.add_argument("--baseline", type=directory, required=True, metavar="FILE", help="made by --update")
    parser.add_argument(
        "--tolerance",
        type=number(lambda value: 0 <= value <= 100, "a number of points, 0 to 100"),
        metavar="POINTS",
        help="by default what the baseline says, at first 1",
    )
    parser.add_argument("--strict", action="store_true", help="fail where a score rises, too")
    add_format(parser, "md", "html", "csv", "json")
    parser.add_argument("--junit", type=directory, metavar="FILE", help="write JUnit XML")
    parser.add_argument("--update", action="store_true", help="make these results the baseline")
    parser.examples = [
        "rzen-eval check results/mine --baseline ci/mine.json --update",
        "rzen-eval check results/mine --baseline ci/mine.json --junit junit.xml",
    ]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Hold results against a baseline.

    Returns:
        The exit code: 1 where something is worse, missing or made in another way.
    """
    from rzen_eval.results import store
    from rzen_eval.results.statistics import baseline, gate

    del settings, places
    model = store.one_model(chosen.results, Path("results"))
    if chosen.update:
        return _update(chosen, model)
    expected = baseline.read(chosen.baseline)
    tolerance = expected.tolerance if chosen.tolerance is None else chosen.tolerance
    found = gate.check(model, expected, manifest(), tolerance)
    _report(found, model.name, chosen)
    return 1 if any(one.failed(strict=chosen.strict) for one in found.checks) else 0


def _update(chosen: Namespace, model: ModelResults) -> int:
    from rzen_eval.results.statistics import baseline

    tolerance = chosen.tolerance
    if tolerance is None:
        tolerance = baseline.read(chosen.baseline).tolerance if chosen.baseline.is_file() else baseline.TOLERANCE
    baseline.write(chosen.baseline, baseline.record(model, tolerance))
    print(f"wrote {chosen.baseline}: {len(model.results)} tasks of {model.name}, tolerance {tolerance:g} points")
    return 0


def _report(gate: Gate, name: str, chosen: Namespace) -> None:
    from rzen_eval.results.statistics import gate_ci
    from rzen_eval.results.tables.document import markdown

    summary = gate_ci.summary(gate, name, strict=chosen.strict)
    show(summary, chosen.format)
    if os.environ.get("GITHUB_ACTIONS") == "true" and chosen.format in {None, "md"}:
        print("\n".join(["", *gate_ci.workflow_commands(gate, strict=chosen.strict)]))
    try:
        if page := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(page).open("a") as stream:
                stream.write(markdown(summary))
        if chosen.junit:
            write_out(chosen.junit, gate_ci.junit(gate, name, strict=chosen.strict))
    except OSError as error:
        raise ResultError(f"the outcome cannot be written ({error})") from error

"""A gate's outcome in the forms that continuous integration reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from rzen_eval.results.statistics.gate import Verdict
from rzen_eval.results.tables.document import Document, Part, Table
from rzen_eval.results.tables.escape import for_terminal
from rzen_eval.results.tables.leaderboard import NOTHING

if TYPE_CHECKING:
    from rzen_eval.results.statistics.gate import Check, Gate

SHOWN = 40
"""Rows of the summary; the JUnit file has all."""
ANNOTATED = 10
"""Errors, and notices, that GitHub shows of a step; it drops further ones without a word."""


def summary(gate: Gate, model: str, *, strict: bool) -> Document:
    """What failed, what rose, and what else has changed; every check for other programs."""
    failed = [one for one in gate.checks if one.failed(strict=strict)]
    risen = [one for one in gate.checks if one.verdict is Verdict.HIGHER and one not in failed]
    n_tasks, n_averages = len(gate.tasks), len(gate.averages)
    state = f"{len(failed)} of {len(gate.checks)} checks failed" if failed else "as good as the baseline"
    about = f"{n_tasks} tasks and {n_averages} averages were held against the baseline."
    if risen and not failed:
        about += " Scores rose; --update takes them into the baseline."
    shown = [*failed, *risen]
    more = [f"{len(shown) - SHOWN} more rows are left out here"] if len(shown) > SHOWN else []
    tables = [replace(Table.of([_line(one) for one in shown[:SHOWN]]), prose=["why"])] if shown else []
    records = [_record(one, strict=strict) for one in gate.checks]
    content = {"model": model, "passed": not failed, "checks": records, "notes": list(gate.notes)}
    return Document([Part(f"{model}: {state}", [about], tables, [*more, *gate.notes])], records, content)


def _line(one: Check) -> dict[str, str]:
    return {
        "check": one.name,
        "baseline": _percent(one.before),
        "now": _percent(one.after),
        "verdict": str(one.verdict),
        "why": one.why,
    }


def _record(one: Check, *, strict: bool) -> dict[str, Any]:
    return {
        "name": one.name,
        "group": one.group,
        "baseline": one.before,
        "now": one.after,
        "verdict": str(one.verdict),
        "failed": one.failed(strict=strict),
        "p": one.p,
        "why": one.why or None,
    }


def _percent(score: float | None) -> str:
    return NOTHING if score is None else f"{score:.2f}"


def message(one: Check) -> str:
    """A check in one line."""
    scores = "" if one.before is None else f", {_percent(one.after)} now, {_percent(one.before)} in the baseline"
    return f"{one.name}: {one.verdict}{scores}{f' ({one.why})' if one.why else ''}"


def workflow_commands(gate: Gate, *, strict: bool) -> list[str]:
    """Workflow commands of GitHub Actions: errors for failed checks, notices for scores that rose.

    Source: "Workflow commands for GitHub Actions" in GitHub's documentation.
    """
    failed = [one for one in gate.checks if one.failed(strict=strict)]
    risen = [one for one in gate.checks if one.verdict is Verdict.HIGHER and one not in failed]
    lines = []
    for kind, checks in (("error", failed), ("notice", risen)):
        texts = [message(one) for one in checks]
        if len(texts) > ANNOTATED:
            texts[ANNOTATED - 1 :] = [f"and {len(texts) - ANNOTATED + 1} more, see the summary"]
        for text in texts:
            escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
            lines.append(f"::{kind} title=rzen-eval check::{escaped}")
    return lines


def junit(gate: Gate, model: str, *, strict: bool) -> bytes:
    """A JUnit XML file: a test case for each task and average."""
    failures = str(sum(one.failed(strict=strict) for one in gate.checks))
    counts = {"tests": str(len(gate.checks)), "failures": failures, "errors": "0"}
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", {"name": for_terminal(f"rzen-eval check {model}"), **counts})
    for one in gate.checks:
        case = ET.SubElement(
            suite, "testcase", {"classname": for_terminal(f"{model}.{one.group}"), "name": for_terminal(one.name)}
        )
        if one.failed(strict=strict):
            failure = ET.SubElement(case, "failure", {"type": one.verdict, "message": for_terminal(message(one))})
            failure.text = for_terminal(one.why)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"

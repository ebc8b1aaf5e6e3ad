"""The index of a site of several models: tables, plots, and links to the report of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rzen_eval.results.report.page import environment
from rzen_eval.results.tables.leaderboard import LEGEND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.results.store import ModelResults
    from rzen_eval.results.tables.document import Part


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture of the site."""

    file: str
    """Its address, seen from the index."""
    alt: str
    """What it shows, for those who do not see it."""


@dataclass(frozen=True, slots=True)
class Group:
    """Scores that may stand together: those of the benchmark, or those of the made-up sample."""

    title: str
    parts: Sequence[Part]
    """Tables, each version of the data by itself."""
    pages: Mapping[str, str]
    """Addresses of reports by model."""
    plots: Sequence[Plot] = ()
    note: str = ""


def about(model: ModelResults, page: str) -> dict[str, Any]:
    """A model as the list shows it.

    Args:
        model: its results.
        page: address of its report.
    """
    told: Mapping[str, Any] = model.first.provenance.get("model", {})
    made_of = [str(told[key]) for key in ("checkpoint", "revision", "class", "remote", "dtype") if told.get(key)]
    return {
        "name": model.name,
        "page": page,
        "tasks": len(model.results),
        "queries": f"{sum(result.n_queries for result in model.results.values()):,}",
        "made_of": " · ".join(made_of) or "not said",
        "data": ", ".join(dict.fromkeys(str(result.source or "not said") for result in model.results.values())),
    }


def render(title: str, models: Sequence[Mapping[str, Any]], groups: Sequence[Group], notes: Sequence[str]) -> str:
    """The index, which needs nothing but the files beside it.

    Args:
        title: of the site.
        models: see `about`.
        groups: of scores.
        notes: what is left out, and why.
    """
    page = environment().get_template("site.html")
    return page.render(title=title, models=models, groups=groups, notes=notes, legend=LEGEND) + "\n"

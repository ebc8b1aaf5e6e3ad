"""`rzen-eval report --site`: a folder that any web server can show, and a browser from disk."""

from __future__ import annotations

import re
from argparse import Namespace
from functools import partial
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import folders
from rzen_eval.cli import report
from rzen_eval.errors import ConfigError
from rzen_eval.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rzen_eval.results.figures.drawing import Kind
    from rzen_eval.results.report.site import Group, Plot
    from rzen_eval.results.store import ModelResults
    from rzen_eval.results.tables.rows import Row

SAMPLE = "Scores of the made-up sample show that the harness works, and nothing of a model."


def write(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Write the site of all models of the folders: `index.html`, `reports/MODEL.html`, `plots/`.

    Returns:
        The exit code, 0.

    Raises:
        ConfigError: there are no results, or `--output` is given too.
    """
    from rzen_eval.results import store
    from rzen_eval.results.report import site

    if chosen.output is not None:
        raise ConfigError("report: --site DIR writes a folder; leave --output out")
    if not chosen.folders:
        raise ConfigError("report: --site needs folders of results, RESULTS or RESULTS/MODEL; see --help")
    read = [model for folder in chosen.folders for model in store.read_models(folder)]
    # Folders may be given twice, or one within another.
    models = store.told_apart(list({model.folder.resolve(): model for model in read}.values()))
    pages = _pages(models)
    for model in models:
        own = Namespace(**(vars(chosen) | {"output": chosen.site / pages[model.name], "references": []}))
        report.write([model], own, settings, places, home="../index.html")
    notes: list[str] = []
    groups = [
        group
        for sample in (False, True)
        if (members := [model for model in models if (model.first.source == "sample") is sample])
        for group in _group(members, pages, chosen, places, notes)
    ]
    listed = [site.about(model, pages[model.name]) for model in models]
    text = site.render(f"{len(models)} models on {_benchmarks(models)}", listed, groups, list(dict.fromkeys(notes)))
    write_whole(chosen.site / "index.html", text.encode())
    print(f"wrote {chosen.site / 'index.html'}: {', '.join(model.name for model in models)}")
    return 0


def _pages(models: Sequence[ModelResults]) -> dict[str, str]:
    """Addresses of reports by model, none twice."""
    pages: dict[str, str] = {}
    for model in models:
        plain = re.sub(r"[^\w.+-]+", "_", model.name).strip("_")
        name, number = plain, 1
        while f"reports/{name}.html" in pages.values():
            number += 1
            name = f"{plain}_{number}"
        pages[model.name] = f"reports/{name}.html"
    return pages


def _benchmarks(models: Sequence[ModelResults]) -> str:
    told = manifest().averaged_in(result.versions for model in models for result in model.results.values())
    names = dict.fromkeys(manifest().benchmark(version).name for version in told)
    return " and ".join(names) or "tasks of their own"


def _group(
    models: Sequence[ModelResults], pages: dict[str, str], chosen: Namespace, places: Sequence[Path], notes: list[str]
) -> list[Group]:
    """Tables and plots of models whose scores may stand together; published rows where they were asked for."""
    from rzen_eval.results.report.site import Group
    from rzen_eval.results.tables import leaderboard, rows

    sample = models[0].first.source == "sample"
    own = [row for model in models for row in rows.of_model(model, manifest(), chosen.data_version)]
    if not own:
        notes.append(f"No whole results of a benchmark: {', '.join(model.name for model in models)}.")
        return []
    versions = list(dict.fromkeys(row.data_version for row in own))
    beside: list[Row] = []
    for version in versions if chosen.references else ():
        found, said = report.references(chosen.references, version, folders(places))
        beside += found
        notes += said
    plots = [plot for version in versions for plot in _plots(own, beside, version, chosen.site, notes)]
    parts = leaderboard.sections([*own, *beside], manifest())
    asked = " Published rows stand beside them since they were asked for: they are of the benchmark." if beside else ""
    title = "The made-up sample" if sample else "Scores"
    return [Group(title, parts, pages, plots, SAMPLE + asked if sample else "")]


def _plots(own: Sequence[Row], beside: Sequence[Row], version: str, folder: Path, notes: list[str]) -> list[Plot]:
    """Pictures of one version of the data that can be drawn; of the others it is noted why they cannot."""
    from rzen_eval.results.figures import drawing, plots
    from rzen_eval.results.report.site import Plot

    try:
        drawing.need_matplotlib()
    except ConfigError as error:
        notes.append(f"No plots: {error}.")
        return []
    mine, others = ([row for row in rows if row.data_version == version] for rows in (own, beside))
    every = [*mine, *others]
    names = f"data {version}: {', '.join(row.model for row in every)}"
    draw: dict[str, tuple[str, Callable[[Kind], bytes]]] = {
        "groups": (f"Averages of the groups, {names}", partial(plots.radar, every, manifest())),
        "size": (f"Average against parameters, {names}", partial(plots.size, mine, others, manifest())),
    }
    kind = "sample" if any(map(plots.is_sample, mine)) else "benchmark"
    made = []
    for name, (alt, drawn) in draw.items():
        try:
            content = drawn("svg")
        except ConfigError as error:
            notes.append(f"Not drawn: {name} of data {version}: {error}.")
            continue
        place = f"plots/{kind}-{version}-{name}.svg"
        write_whole(folder / place, content)
        made.append(Plot(place, alt))
    return made

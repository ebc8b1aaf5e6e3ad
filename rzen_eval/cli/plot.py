"""`rzen-eval plot`: figures as PNG and SVG."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import folders
from rzen_eval.cli.values import data_version, directory, listed, named
from rzen_eval.errors import ConfigError, ResultError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

    from rzen_eval.cli.options import Options
    from rzen_eval.results.figures.drawing import Kind
    from rzen_eval.results.tables.rows import Row

BESIDE = 4
"""Published rows on the radar where none are chosen: the best."""


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "Draw model size against Overall (size), averages of the groups (groups), and with --sweep scores against"
        " dimensions (dimensions): NAME.png and NAME.svg in a folder."
    )
    parser.add_argument("folders", nargs="*", type=directory, metavar="RESULTS", help="folders of results")
    parser.add_argument("--references", type=listed, default=[], metavar="A,B", help="published rows; by default all")
    parser.add_argument("--data-version", type=data_version, metavar="V", help="by default the results' own")
    parser.add_argument(
        "--sweep", type=directory, action="append", default=[], metavar="DIR", help="what sweep --output DIR wrote"
    )
    parser.add_argument(
        "--output", type=directory, default=Path("plots"), metavar="DIR", help="folder, ./plots by default"
    )
    parser.renamed = {"out": "output", "results-dir": ""}
    parser.examples = ["rzen-eval plot results --references rzenembed,VLM2Vec-V2 --sweep sweep --output plots"]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Draw what can be drawn, and say of the rest why it cannot.

    Returns:
        The exit code, 0.

    Raises:
        ConfigError: nothing can be drawn.
    """
    from rzen_eval.results.figures import dimensions, drawing, plots, sizes

    del settings
    drawing.need_matplotlib()
    sweeps = [dimensions.read_sweep(folder) for folder in chosen.sweep]
    own, published = _rows(chosen.folders, chosen.data_version, folders(places))
    if not chosen.references and any(map(plots.is_sample, own)):
        print("published rows are left out beside scores of the made-up sample; --references A,B asks for them")
        published = []
    wanted = named("plot", published, chosen.references) if chosen.references else published
    beside = wanted if chosen.references else [row for row in wanted if _whole(row)]
    if not chosen.references:
        beside = sorted(beside, key=lambda row: row.rank(manifest().overall(row.data_version)))[:BESIDE]
    drawings: dict[str, Callable[[Kind], bytes]] = {
        "size": partial(plots.size, own, wanted, manifest()),
        "groups": partial(plots.radar, [*own, *beside], manifest()),
    }
    if sweeps:
        drawings["dimensions"] = partial(dimensions.plot, sweeps)
    _draw(drawings, chosen.output)
    compared = [*own, *beside]
    if plots.shared(compared, manifest()):
        for group in plots.groups(compared, manifest()):
            lacking = [row.model for row in compared if group not in plots.shared([row], manifest())]
            if lacking:
                print(f"{group} is not in groups: not whole in {', '.join(lacking)}")
    for line in sizes.left_out([*own, *wanted], manifest()):
        print(line)
    if any(sizes.why_not(row, manifest()) == sizes.UNKNOWN for row in own):
        print("the size of a model of one's own is its declaration's parameters_b")
    return 0


def _whole(row: Row) -> bool:
    from rzen_eval.results.figures import plots

    return plots.shared([row], manifest()) == plots.groups([row], manifest())


def _rows(folders: Sequence[Path], version: str | None, places: Sequence[Path]) -> tuple[list[Row], list[Row]]:
    """Rows of results and published ones, of one version of the data."""
    from rzen_eval.benchmark import published as reference
    from rzen_eval.results import store
    from rzen_eval.results.tables import rows

    own = [
        row
        for folder in folders
        for model in store.read_models(folder)
        for row in rows.of_model(model, manifest(), version)
    ]
    if folders and not own:
        raise ConfigError(f"plot: no whole results in {folders[0]}; expected <model>/<task>.json, as a run leaves them")
    version = version or (own[0].data_version if own else manifest().newest)
    tasks = manifest().names
    published = [rows.published(row, manifest()) for row in reference.load(places, tasks).values()]
    return [row for row in own if row.data_version == version], [r for r in published if r.data_version == version]


def _draw(drawings: dict[str, Callable[[Kind], bytes]], folder: Path) -> None:
    from rzen_eval.files import write_out

    reasons = []
    kinds: tuple[Kind, ...] = ("png", "svg")
    for name, draw in drawings.items():
        try:
            contents = {kind: draw(kind) for kind in kinds}
        except ConfigError as error:
            reasons.append(f"{name}: {error}")
            continue
        for kind, content in contents.items():
            file = folder / f"{name}.{kind}"
            try:
                write_out(file, content)
            except OSError as error:
                raise ResultError(f"plot: {file} cannot be written ({error}); give --output DIR") from error
            print(f"wrote {file}")
    if len(reasons) == len(drawings):
        raise ConfigError(f"plot: nothing can be drawn: {'; '.join(reasons)}")
    for reason in reasons:
        print(f"not drawn: {reason}")

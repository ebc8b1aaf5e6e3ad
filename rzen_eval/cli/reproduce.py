"""`rzen-eval reproduce`: whether results come out as they were published."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import choices, folders
from rzen_eval.cli.terminal import add_format, show
from rzen_eval.cli.values import directory
from rzen_eval.errors import ConfigError, ResultError, nearest

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rzen_eval.benchmark.published import Reference
    from rzen_eval.cli.options import Options
    from rzen_eval.config.schema import RunConfig
    from rzen_eval.core import Task
    from rzen_eval.results.store import ModelResults


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "Hold results against a published row: every task and average, too high fails too. Settings are those of the"
        " run: model= or experiment=, reference=, task=."
    )
    add_format(parser, "md", "html", "latex", "csv", "json")
    parser.add_argument("--output", type=directory, metavar="FILE", help="write to a file")
    parser.examples = ["rzen-eval reproduce model=rzenembed_v2_7b"]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Hold results against a published row.

    Returns:
        The exit code: 0 where every published figure came out, else 1.
    """
    from rzen_eval.benchmark import published as reference
    from rzen_eval.config import compose
    from rzen_eval.models.prompt import ONE_FRAME
    from rzen_eval.results.statistics import reproduction, reproduction_text

    known = reference.load(folders(places), manifest().names)
    settings = _complete(settings, places, known)
    asked = compose.load(settings, places)
    row = _row(asked, known)
    _check_versions(asked.tasks, known[row])
    model = _scored(asked, settings)
    declared = asked.model.model_dump(mode="json")
    frames = 1 if declared.get("video") in ONE_FRAME else asked.frames
    notes = reproduction.refuse(model, asked.tasks, declared, known[row], frames)
    cells = reproduction.reproduce(model, asked.tasks, known[row], manifest())
    if not cells:
        raise ConfigError(f"reproduce: {row} publishes nothing on the chosen tasks; leave task= out")
    made = reproduction_text.document(model.name, (row, known[row]), cells, notes, chosen.command)
    show(made, chosen.format, chosen.output)
    return 1 if any(cell.fails for cell in cells) else 0


def _complete(settings: Sequence[str], places: Sequence[Path], known: Mapping[str, Reference]) -> list[str]:
    """The settings with what follows from them: the experiment or the published row of a model, and its tasks."""
    from rzen_eval.config import compose

    given = dict(word.split("=", 1) for word in settings if "=" in word)
    if not {"model", "experiment"} & set(given):
        raise ConfigError("reproduce: give model=NAME or experiment=NAME; `rzen-eval models` lists models")
    words = list(settings)
    if "experiment" not in given and "reference" not in given:
        name = given["model"]
        if name in choices("experiment", folders(places)):
            whole = [f"experiment={name}", *words]
            if _covers(compose.load(whole, places)):
                return whole
        chosen = compose.load(words, places)
        row = _published(chosen, known, of_any="task" not in given) or name
        if row not in known:
            raise ConfigError(
                f"reproduce: no published row is known of model={name}; give reference=NAME, a file of conf/reference"
                f" such as {min(known)}{nearest(name, list(known))}"
            )
        given["reference"] = row
        words.append(f"reference={row}")
    if "task" not in given and "experiment" not in given and given["reference"] in known:
        words.append(manifest().versions[known[given["reference"]].data_version].word)
    return words


def _covers(chosen: RunConfig) -> bool:
    """Whether the chosen published row is of the data of the chosen tasks."""
    row = chosen.reference
    return row is None or set(chosen.tasks) <= set(manifest().versions[row.data_version].members)


def _published(chosen: RunConfig, known: Mapping[str, Reference], *, of_any: bool) -> str | None:
    """The published row that a model reproduces on the chosen tasks, or of any its first."""
    reproduces = getattr(chosen.model, "reproduces", ())
    members = {name: manifest().versions[row.data_version].members for name, row in known.items()}
    on_these = [row for row in reproduces if row in known and set(chosen.tasks) <= set(members[row])]
    return next(iter(reproduces if of_any else [*on_these, *reproduces]), None)


def _row(asked: RunConfig, known: Mapping[str, Reference]) -> str:
    """What `reference=` calls the published row; a model that says which rows it reproduces is held to that."""
    names = [name for name, found in known.items() if found == asked.reference]
    if not names:
        raise ConfigError("reproduce: these settings name no published row; give reference=NAME")
    reproduces = getattr(asked.model, "reproduces", ())
    if reproduces and names[0] not in reproduces:
        how = "; ".join(f"{key} {value}" for key in ("frames", "prompt") if (value := getattr(asked.reference, key)))
        raise ConfigError(
            f"reproduce: {names[0]} was not made as model={asked.model.name} is declared{f' ({how})' if how else ''};"
            f" that model reproduces {', '.join(reproduces)}"
        )
    return names[0]


def _check_versions(tasks: Mapping[str, Task], published: Reference) -> None:
    version = manifest().versions[published.data_version]
    for task in tasks.values():
        if task.id not in version.members:
            own = " and ".join(task.versions) or "none, as a variant"
            raise ConfigError(
                f"reproduce: {task.id} is of data version {own}, {published.model} was published on {version.name};"
                f" give {version.word}"
            )


def _scored(asked: RunConfig, settings: Sequence[str]) -> ModelResults:
    from rzen_eval.results import store

    folder = asked.results_dir / asked.model.name
    model = store.read_model(folder, asked.tasks, asked.model.name)
    if not model.results:
        raise ResultError(f"no results in {folder}; score them first: {shlex.join(['rzen-eval', *settings])}")
    return model

"""`rzen-eval config`: what a run would use, and where each value comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rzen_eval.cli.terminal import add_format, listing, show

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rzen_eval.cli.options import Options
    from rzen_eval.config.origins import Origins
    from rzen_eval.config.schema import RunConfig

FEW = 3
"""Tasks of which every value is listed; of more a line each."""
SHARED = ("id", "source", "limit", "frames", "cache_dir")
"""Values of a task that are the run's."""


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "Print every value that a run with these settings would use, and where it comes from: the command line, a file,"
        " or a default. Of more than three tasks there is a line each."
    )
    add_format(parser)
    parser.examples = ["rzen-eval config task=visdoc/vidore_arxivqa model=rzenembed_v2_7b model.dtype=float32"]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Print the configuration of a run.

    Returns:
        The exit code, 0.
    """
    from rzen_eval.config import compose
    from rzen_eval.config.origins import origins

    config = compose.load(settings, places)
    rows = list(_rows(config, origins(settings, places)))
    notes = [f"tasks: {len(config.tasks)}"]
    show(listing("settings", rows, notes=notes, prose=["value", "from"]), chosen.format)
    return 0


def _rows(config: RunConfig, origins: Origins) -> Iterator[dict[str, Any]]:
    from rzen_eval.config.origins import flat

    for group, (name, where) in origins.choices.items():
        yield {"setting": group, "value": name, "from": where}
    values = config.model_dump(mode="json", exclude={"tasks", "reference"}, by_alias=True)
    tasks = {}
    for name, task in config.tasks.items():
        if len(config.tasks) > FEW:
            yield {"setting": f"tasks.{name}", "value": task.name, "from": origins[f"tasks.{name}.name"]}
        else:
            tasks[name] = task.model_dump(mode="json", exclude={*SHARED}, by_alias=True)
    for key, value in flat(values | ({"tasks": tasks} if tasks else {})).items():
        plain = isinstance(value, str) and value.isprintable() and value
        text = value if plain else json.dumps(value, ensure_ascii=False)
        yield {"setting": key, "value": text, "from": origins[key]}

"""`rzen-eval models`: what models there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rzen_eval.benchmark import proof
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import choices, folders
from rzen_eval.cli.terminal import add_format, listing, show
from rzen_eval.errors import ConfigError, nearest

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rzen_eval.benchmark.published import Reference
    from rzen_eval.cli.options import Options
    from rzen_eval.models.declaration.external import AnySpec


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "List models with family, source, size, dimensions, licence, and the published rows that each reproduces."
    )
    add_format(parser)


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """List models.

    Returns:
        The exit code, 0.
    """
    from rzen_eval.benchmark import published as reference
    from rzen_eval.config.messages import MissingValueError
    from rzen_eval.config.models import declared_model

    del settings
    found = folders(places)
    published = reference.load(found, manifest().names)
    rows, open_ended = [], []
    for name in choices("model", found):
        try:
            spec = declared_model(name, found)
        except MissingValueError as error:
            open_ended.append(f"model={name} {error.key}=...")
            continue
        rows.append(_row(name, spec, published))
    note = f"{len(rows)} models; of your own: {'; '.join(open_ended)}; or YAML in --config-dir"
    show(listing("models", rows, ("from", "licence", "family", "reference"), [note]), chosen.format)
    return 0


def _row(name: str, spec: AnySpec, published: Mapping[str, Reference]) -> dict[str, Any]:
    lost = [name for name in spec.reproduces if name not in published]
    if lost:
        near = nearest(lost[0], sorted(published))
        raise ConfigError(f"model {spec.name}: reproduces: unknown reference {lost[0]!r}{near}")
    overall = [_overall(published[name]) for name in spec.reproduces]
    return {
        "model": name,
        "family": spec.family,
        "from": spec.source,
        "size_b": spec.parameters_b,
        "dims": spec.dim,
        "licence": spec.license,
        "published": list(dict.fromkeys(filter(None, overall))),
        "reference": list(spec.reproduces),
        "proven": proven.summary if (proven := proof.table().get(name)) else proof.NOT_PROVEN,
    }


def _overall(row: Reference) -> str:
    """The overall score of a published row, or the score of the one part that it has."""
    column = next((name for name in ("Overall", "Image", "Video", "Visdoc") if name in row.scores), None)
    return f"{row.scores[column]:g}" + (f" ({column})" if column != "Overall" else "") if column else ""

"""`rzen-eval models`: what models there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

SPARE = ("pin", "from", "licence", "family", "reference")
SPARE_OF_PROOFS = ("uncertain", "on purpose", "commit", "published", "against")


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "List models with family, source, size, dimensions, licence, and the published rows that each reproduces."
    )
    parser.add_argument(
        "--proof", action="store_true", help="what each was held against, item by item, and what came of it"
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
            open_ended.append(f"model={name} {error.keys[0]}=...")
            continue
        rows.append(_proof(name, spec) if chosen.proof else _row(name, spec, published))
    note = f"{len(rows)} models; of your own: {'; '.join(open_ended)}; or YAML in --config-dir"
    show(listing("models", rows, SPARE_OF_PROOFS if chosen.proof else SPARE, [note]), chosen.format)
    return 0


def _row(name: str, spec: AnySpec, published: Mapping[str, Reference]) -> dict[str, Any]:
    from rzen_eval.benchmark import proof

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
        "pin": _pin(spec),
        "licence": spec.license,
        "published": list(dict.fromkeys(filter(None, overall))),
        "reference": list(spec.reproduces),
        "proven": proven.summary if (proven := proof.table().get(name)) else proof.NOT_PROVEN,
    }


def _pin(spec: AnySpec) -> str:
    """The commits that its weights are taken at."""
    from rzen_eval.models.declaration.local import Checkpointed, ModelSpec

    if not isinstance(spec, Checkpointed) or spec.checkpoint in ("bundled", "unpublished"):
        return "-"
    base = spec.base_revision if isinstance(spec, ModelSpec) else None
    return (spec.revision or "no pin")[:12] + (f" over {base[:12]}" if base else "")


def _proof(name: str, spec: AnySpec) -> dict[str, Any]:
    """What a declaration was held against."""
    from rzen_eval.benchmark import proof

    proven = proof.table().get(name)
    if proven is None:
        return {"model": name, "equal": proof.NOT_PROVEN} | dict.fromkeys(
            ("cosine", "against", "commit", "published", "on purpose", "uncertain"), "-"
        )
    ran_with = proven.versions.get("transformers")
    return {
        "model": name,
        "equal": proven.summary,
        "cosine": f"{proven.worst:.5f}",
        "against": proven.reference + (f" (transformers {ran_with})" if ran_with else ""),
        "commit": proven.commit or "not known",
        "published": list(spec.reproduces),
        "on purpose": [f"{item}: {why}" for item, why in proven.deviations.items()],
        "uncertain": proven.uncertain or "-",
    }


def _overall(row: Reference) -> str:
    """The overall score of a published row, or the score of the one part that it has."""
    column = next((name for name in ("Overall", "Image", "Video", "Visdoc") if name in row.scores), None)
    return f"{row.scores[column]:g}" + (f" ({column})" if column != "Overall" else "") if column else ""

"""`rzen-eval prompt`: what a model reads of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rzen_eval.cli.values import directory, one_of, whole
from rzen_eval.errors import ConfigError, DataError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.cli.options import Options
    from rzen_eval.core import Item, Side
    from rzen_eval.models.interface import Model, Pictures


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = "Print the exact prompt, token ids and picture sizes of one row of each chosen task."
    parser.add_argument("--row", type=whole(0, 10**9), default=0, metavar="N", help="from 0, the first")
    parser.add_argument("--side", **one_of("query", "candidate"), default="query")
    parser.add_argument("--media", type=directory, metavar="DIR", help="write the pictures as the model gets them")
    parser.examples = [
        "rzen-eval prompt task=video/msr_vtt model=rzenembed_v2_7b --row 0 --side candidate --media pictures"
    ]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Print prompt, tokens and picture sizes of one row of each chosen task.

    Returns:
        The exit code, 0.
    """
    from rzen_eval.config import compose
    from rzen_eval.core import Side
    from rzen_eval.data.load import load_data
    from rzen_eval.models import open_model

    config = compose.load(settings, places)
    side, row = Side(chosen.side), chosen.row
    model = open_model(config.model, config.cache_dir)
    for task in config.tasks.values():
        data = load_data(task)
        ids, items = (data.query_ids, data.queries) if side is Side.QUERY else (data.candidate_ids, data.candidates)
        if row >= len(items):
            raise ConfigError(f"prompt: {task.id} has rows 0 to {len(items) - 1} on side {side}, found --row {row}")
        try:
            _show(model, items[row], side, f"{task.id}, {side} {ids[row]!r}")
            if chosen.media:
                _write(model.rendered(items[row], side).pictures, chosen.media, f"{task.id}-{side}-{row}")
        except OSError as error:
            raise ConfigError(f"prompt: --media {chosen.media} cannot be written ({error}); give a folder") from error
        except DataError as error:
            raise DataError(f"{task.id}: {side} {ids[row]!r}: {error}") from error
    return 0


def _show(model: Model, item: Item, side: Side, what: str) -> None:
    from rzen_eval import media
    from rzen_eval.models.declaration.local import ModelSpec

    if not isinstance(model.spec, ModelSpec):
        print(
            f"{what}: {len(item.images)} images, {len(item.frames)} frames; {model.spec.name} makes its own prompt of"
        )
        print(model.prompt(item, side))
        return
    rendered = model.rendered(item, side)
    pictures, visuals = rendered.pictures, rendered.pictures.measure()
    planned = model.planned(rendered, visuals)
    print(f"{what}: {planned.length} tokens, {len(planned.visual)} of them visual")
    print(f"prompt: {planned.prompt!r}")
    for kind, found, budget in (
        ("image", pictures.images, model.spec.image),
        ("frame", pictures.frames, model.spec.frame),
    ):
        for picture in found:
            width, height = media.image_size(picture)
            allowed = f", {budget.min_tokens} to {budget.max_tokens} tokens allowed" if budget else ""
            print(f"{kind}: {media.describe(picture)}, {width}x{height}{allowed}")
    for visual in visuals:
        kind = f"clip of {visual.frames} frames" if visual.clip else "picture"
        print(f"{kind} is read at {visual.width}x{visual.height}, {visual.n_tokens} tokens")
    print(f"token ids: {' '.join(map(str, planned.input_ids.tolist()))}")


def _write(pictures: Pictures, folder: Path, name: str) -> None:
    """Write the pictures as they are after decoding and resizing."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    stills = [still for visual in pictures.load() for still in (visual if visual.ndim == 4 else [visual])]
    for number, pixels in enumerate(stills):
        file = folder / f"{name}-{number}.png"
        Image.fromarray(pixels).save(file)
        print(f"wrote {file}")

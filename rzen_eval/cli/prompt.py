"""`rzen-eval prompt`: what a model reads of a row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval import media
from rzen_eval.config import compose
from rzen_eval.core import Item, Side
from rzen_eval.data.load import load_data
from rzen_eval.errors import ConfigError, DataError
from rzen_eval.models import open_model
from rzen_eval.models.declaration.local import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.models.interface import Model, Pictures

OWN = ("row", "side", "media")


def run(words: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    """Print prompt, tokens and picture sizes of one row of each chosen task.

    Args:
        words: `row=` (0), `side=` (query), `media=DIR` to write the pictures as the model gets them, and settings.
        extra_dirs: folders with further YAML.

    Returns:
        The exit code, 0.
    """
    given = [word.partition("=") for word in words if word.split("=")[0] in OWN]
    own = {"row": "0", "side": "query"} | {key: value for key, _, value in given}
    if not all(value for _, _, value in given):
        raise ConfigError("prompt: row=, side= and media= each need a value")
    if own["side"] not in set(Side) or not own["row"].isdecimal():
        raise ConfigError(
            f"prompt: expected row=NUMBER and side=query or side=candidate,"
            f" found row={own['row']} and side={own['side']}"
        )
    chosen = compose.load([word for word in words if word.split("=")[0] not in OWN], extra_dirs)
    side, row = Side(own["side"]), int(own["row"])
    model = open_model(chosen.model, chosen.cache_dir)
    for task in chosen.tasks.values():
        data = load_data(task)
        ids, items = (data.query_ids, data.queries) if side is Side.QUERY else (data.candidate_ids, data.candidates)
        if row >= len(items):
            raise ConfigError(f"prompt: {task.id} has rows 0 to {len(items) - 1} on side {side}, found row={row}")
        try:
            _show(model, items[row], side, f"{task.id}, {side} {ids[row]!r}")
            if "media" in own:
                _write(model.rendered(items[row], side).pictures, Path(own["media"]), f"{task.id}-{side}-{row}")
        except OSError as error:
            raise ConfigError(f"prompt: media={own['media']} cannot be written ({error}); give a folder") from error
        except DataError as error:
            raise DataError(f"{task.id}: {side} {ids[row]!r}: {error}") from error
    return 0


def _show(model: Model, item: Item, side: Side, what: str) -> None:
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

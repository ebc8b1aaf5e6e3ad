"""From the tokens of a prompt to those that a model reads: visual tokens in their places, text cut to fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.errors import DataError
from rzen_eval.models.interface import Planned
from rzen_eval.models.prompt import runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rzen_eval.models.declaration.prompt import Prompt
    from rzen_eval.models.pictures.resize import Visual


def placed(
    prompt: Prompt,
    rendered: str,
    tokens: NDArray[np.int64],
    visuals: Sequence[Visual],
    media_tokens: tuple[int, int | None],
) -> Planned:
    """Every media token of a prompt as often as its picture or clip takes tokens.

    Args:
        prompt: says where a clip has tokens.
        rendered: the prompt as a string.
        tokens: the same as token ids, shape (n,).
        visuals: what takes visual tokens, in the order of their places.
        media_tokens: what stands for an image and for a clip.

    Raises:
        DataError: there are fewer places than pictures or clips.
    """
    repeats, seen = np.ones(len(tokens), dtype=np.int64), np.zeros(len(tokens), dtype=bool)
    for clip, token in zip((False, True), media_tokens, strict=True):
        sizes = [run for visual in visuals if visual.clip is clip for run in runs(prompt, visual)]
        # A media token without media is read as it is: the official strings of WebQA and EDIS begin with one.
        places = np.flatnonzero(tokens == token)[: len(sizes)]
        if len(places) < len(sizes):
            raise DataError(
                f"{len(sizes) - len(places)} of its {len(sizes)} {'clips' if clip else 'images'} have no place in"
                f" the prompt {rendered!r}"
            )
        repeats[places], seen[places] = sizes, True
    visual = np.flatnonzero(np.repeat(seen, repeats))
    return Planned(rendered, np.repeat(tokens, repeats), visual, tuple(visuals))


def check_vocabulary(plan: Planned, size: int, media_tokens: tuple[int, int | None]) -> None:
    """Refuse text that a model has no embedding for; on a GPU it would end the process.

    Args:
        plan: an item's tokens.
        size: tokens that the model knows.
        media_tokens: what stands for an image and for a clip, which a model may count apart from its text's.

    Raises:
        DataError: a token of the text is beyond; the tokenizer is of another model.
    """
    if plan.input_ids.max() < size:
        return
    media = [token for token in media_tokens if token is not None]
    text = np.flatnonzero((plan.input_ids >= size) & ~np.isin(plan.input_ids, media))
    if len(beyond := np.setdiff1d(text, plan.visual)):
        raise DataError(
            f"its prompt has the token {plan.input_ids[beyond[0]]}, and the model knows {size}; the tokenizer is of"
            " another model"
        )


def shortened(plan: Planned, tail: Sequence[int], limit: int, name: str) -> NDArray[np.int64]:
    """Token ids of shape (limit,): text is cut, visual tokens and what follows the text are not.

    Args:
        plan: of more tokens than that.
        tail: tokens of what follows the text.
        limit: most tokens.
        name: of the model, for messages.

    Raises:
        DataError: what may not be cut does not fit.
    """
    room, keep = limit - len(tail), int(plan.visual[-1]) + 1 if len(plan.visual) else 0
    if room <= 0:
        raise DataError(f"model.max_length={limit} leaves no room for text; the template's end alone takes {len(tail)}")
    if room < keep:
        raise DataError(
            f"its pictures take {keep} of the {limit} tokens that {name} reads and only text may be cut;"
            " lower the frames or the pixel budget"
        )
    return np.concatenate([plan.input_ids[:room], np.asarray(tail, dtype=np.int64)])

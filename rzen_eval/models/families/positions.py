"""Rotary positions of a planned item by time, row and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.models.prompt import runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rzen_eval.models.declaration.prompt import Prompt
    from rzen_eval.models.interface import Planned


def by_grid(plan: Planned, prompt: Prompt, interval: int, *, outlasting: bool = False) -> NDArray[np.int64]:
    """Shape (3, length): texts go on by one on all axes, a picture by its longer side.

    Args:
        plan: the item.
        prompt: says where a clip has tokens.
        interval: positions from two frames of a clip to the next two.
        outlasting: whether what comes behind a clip is behind its last frames in time too, as in Qwen2.5-Omni; else it
            is behind the longer side alone.

    Source: `get_rope_index` of Qwen2-VL, Qwen2.5-VL, Qwen2.5-Omni and Qwen3-VL in transformers, which this equals.
    """
    made = np.empty((3, plan.length), dtype=np.int64)
    position = done = taken = 0
    for visual in plan.visuals:
        columns, rows = visual.width // visual.side, visual.height // visual.side
        for n_tokens in runs(prompt, visual):
            start = int(plan.visual[taken])
            made[:, done:start] = np.arange(position, position + start - done)
            position += start - done
            grid = np.indices((n_tokens // (rows * columns), rows, columns)).reshape(3, -1)
            grid[0] *= interval if visual.clip else 1
            made[:, start : start + n_tokens] = grid + position
            position += max(rows, columns, int(grid[0].max()) + 1 if outlasting else 0)
            taken, done = taken + n_tokens, start + n_tokens
    made[:, done:] = np.arange(position, position + plan.length - done)
    return made

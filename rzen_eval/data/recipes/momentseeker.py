"""MomentSeeker: a text, alone or with an image or a clip, asks for the clips that answer it.

Source: `momentseeker_dataset.py` in `src/data/eval_dataset` of TIGER-AI-Lab/VLM2Vec at 6e1e1d4.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rzen_eval.core import Frozen, Item
from rzen_eval.data.recipes import assemble
from rzen_eval.data.recipes.official_strings import IMAGE, VIDEO, clean, compose, user_turn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rzen_eval.core import Task, TaskData
    from rzen_eval.data.media import MediaTree
    from rzen_eval.data.recipes.assemble import Maker
    from rzen_eval.data.repository import Repository

COLUMNS = ("query", "input_frames", "positive_frames", "negative_frames")


class Instructions(Frozen):
    """What the model is told about a query of each kind."""

    text: str
    image: str
    video: str


class Options(Frozen):
    """Where the media are, and the three instructions."""

    folder: str
    """Holds the folder `video_frames` and the images of queries."""
    instructions: Instructions


def load(task: Task, repository: Repository) -> TaskData:
    """Queries of three kinds, each with its right clips followed by wrong ones.

    Every saved frame of a clip is used, as the evaluator does; eight are expected.

    Raises:
        DataError: a query has no right clip.
        ConfigError: the options are not those of this recipe.
    """
    options = assemble.options(task, Options)
    rows = repository.rows(task.dataset.config, COLUMNS)
    queries: list[Maker] = []
    candidates: dict[str, Maker] = {}
    positives: list[list[str]] = []
    pools: list[list[str]] = []
    for number, row in enumerate(rows.select(range(min(task.limit or len(rows), len(rows))))):
        right, wrong = (
            [_folder(options, clip["output_path"]) for clip in row[column] or ()]
            for column in ("positive_frames", "negative_frames")
        )
        if not right:
            raise assemble.bad_row(task, number, "positive_frames lists no clip")
        queries.append(partial(_query, options, repository.media, row))
        for clip in (*right, *wrong):
            candidates.setdefault(clip, partial(_clip, task, repository.media, clip))
        positives.append(right)
        pools.append([*right, *wrong])
    repository.media.settle(list(candidates))
    return assemble.assemble(task, repository, queries=queries, candidates=candidates, positives=positives, pools=pools)


def _folder(options: Options, clip: str) -> str:
    """Folder of a clip's frames, relative to the media's root."""
    return f"{options.folder}/video_frames/{clip.split('.mp4', maxsplit=1)[0].replace('/', '_')}"


def _query(options: Options, media: MediaTree, row: Mapping[str, Any]) -> Item:
    text, given, told = row["query"], row["input_frames"] or "", options.instructions
    if given.endswith(".mp4"):
        frames = media.frames(_folder(options, given), None)
        return Item(text, frames=frames, instruction=clean(told.video), verbatim=compose(told.video, text, VIDEO))
    if given.endswith(".jpg"):
        images = (media.image(f"{options.folder}/query_{given}"),)
        return Item(text, images=images, instruction=clean(told.image), verbatim=compose(told.image, text, IMAGE))
    return Item(text, instruction=clean(told.text), verbatim=compose(told.text, text))


def _clip(task: Task, media: MediaTree, folder: str) -> Item:
    instruction = task.instruction.candidate
    return Item(
        frames=media.frames(folder, None),
        instruction=clean(instruction),
        verbatim=compose(instruction, token=VIDEO),
        user_turn=user_turn(instruction),
    )

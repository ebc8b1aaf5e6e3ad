"""Moments in a video: a video and a sentence ask for one of the clips that the video was cut into.

Source: `moment_retrieval_datasets.py` in `src/data/eval_dataset` of TIGER-AI-Lab/VLM2Vec at 6e1e1d4.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pydantic import Field

from rzen_eval.core import Frozen, Item, Whole
from rzen_eval.data.media import natural
from rzen_eval.data.query_choice import chosen
from rzen_eval.data.recipes import assemble
from rzen_eval.data.recipes import typical as usual
from rzen_eval.data.recipes.assemble import Gathered
from rzen_eval.data.recipes.cells import Table
from rzen_eval.data.recipes.official_strings import VIDEO, clean, compose, user_turn
from rzen_eval.data.recipes.typical import Typical

if TYPE_CHECKING:
    from rzen_eval.core import Task, TaskData
    from rzen_eval.data.media import MediaTree
    from rzen_eval.data.recipes.cells import Row
    from rzen_eval.data.repository import Repository

QUERY = "query"
POSITIVE = "positive"
NAMED_BY = ("video_path", "clips_dir_path")
"""Columns that name a row's video; rows have one of them or both."""


class Options(Frozen):
    """Where the clips are."""

    folder: str
    """Holds a folder for each video, with its frames in `query` and those of its clips beside."""
    clip_frames: int | None = Field(default=None, gt=0)
    """Frames to take of a clip; None: as many as of the video."""
    every_positive: bool = False
    """All clips that are right ones count, and not the last alone."""


def load(task: Task, repository: Repository) -> TaskData:
    """Queries of a moment task, each with the clips of its video.

    The evaluator lists clips in the order of the file system and lets the last `positive` folder win; here they are
    in natural order, so that the choice does not depend on the disk.

    Raises:
        DataError: a row has no question or no video, or a video has no folder or no clip that is the right one.
        ConfigError: the options are not those of this recipe.
    """
    options = assemble.options(task, Options)
    table = Table.of(task, repository, ["query"], task.dataset.config, NAMED_BY)
    # A row's clips are known by its folder alone, which is not asked for where the row is not scored.
    asked = set(chosen(task, [str(row) for row in range(len(table))]))
    rows = [row for row in table.first(None) if str(row.number) in asked]
    videos = [f"{options.folder}/{_name(row)}" for row in rows]
    repository.media.settle([f"{video}/{QUERY}" for video in videos])
    gathered = Gathered(rows=[row.number for row in rows])
    ambiguous = 0
    for row, video in zip(rows, videos, strict=True):
        clips = _clips(repository.media, video)
        right = [clip for clip in clips if PurePosixPath(clip).name.startswith(POSITIVE)]
        if not right:
            place = repository.media.path(video)
            raise row.bad("video_path", f"has no folder {POSITIVE}* among {len(clips)} clips in {place}")
        ambiguous += len(right) > 1 and not options.every_positive
        query = partial(_query, task, repository.media, f"{video}/{QUERY}", row.text("query"))
        gathered.ask(query, right if options.every_positive else right[-1:], clips)
        for clip in clips:
            gathered.candidates.setdefault(clip, partial(_clip, task, options, repository.media, clip))
    repository.media.clips.extend(gathered.candidates)
    warnings = [f"{task.id}: {ambiguous} videos have several {POSITIVE}* clips; the last counts"] if ambiguous else []
    data = assemble.assemble(task, repository, gathered, warnings=warnings)
    return data if task.limit is None else replace(data, whole=Whole(len(table), None))


def typical(task: Task) -> Typical:
    """What the items of a moment task are like."""
    clip, asks = (usual.FRAME,) * task.frames, task.instruction.query or "x" * usual.INSTRUCTION
    query = Item(text="x" * usual.SENTENCE, frames=clip, instruction=asks)
    return Typical(query, Item(frames=clip, instruction=task.instruction.candidate), usual.CLIPS, to_a_query=True)


def _name(row: Row) -> str:
    """A video's folder: its file name without extension, or the last part of the folder that other rows name."""
    path, folder = (PurePosixPath(row.optional(column)) if column in row.cells else None for column in NAMED_BY)
    if path and path.name:
        return path.stem
    if folder and folder.name:
        return folder.name
    raise row.bad(" and ".join(NAMED_BY), f"name no video; found the columns {', '.join(row.cells)}")


def _clips(media: MediaTree, video: str) -> list[str]:
    """Folders of a video's clips, in the canonical tree, in natural order.

    Raises:
        MissingMediaError: the video's folder is not there.
    """
    place = media.path(video)
    if not place.is_dir():
        raise media.missing(f"{video}/{QUERY}")
    found = (folder for folder in place.iterdir() if folder.is_dir())
    return [f"{video}/{folder.name}" for folder in sorted(sorted(found), key=natural) if folder.name != QUERY]


def _query(task: Task, media: MediaTree, folder: str, text: str) -> Item:
    instruction = task.instruction.query
    return Item(
        text=text,
        frames=media.frames(folder, task.frames),
        instruction=clean(instruction),
        verbatim=compose(instruction, text, VIDEO),
        user_turn=user_turn(instruction, text),
    )


def _clip(task: Task, options: Options, media: MediaTree, folder: str) -> Item:
    instruction = task.instruction.candidate
    return Item(
        frames=media.frames(folder, options.clip_frames or task.frames),
        instruction=clean(instruction),
        verbatim=compose(instruction, token=VIDEO),
        user_turn=user_turn(instruction),
    )

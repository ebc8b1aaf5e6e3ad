"""MomentSeeker: a text, alone or with an image or a clip, asks for the clips that answer it.

Source: `momentseeker_dataset.py` in `src/data/eval_dataset` of TIGER-AI-Lab/VLM2Vec at 6e1e1d4.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rzen_eval.core import Frozen, Item
from rzen_eval.data.recipes import assemble, moments
from rzen_eval.data.recipes.assemble import Gathered
from rzen_eval.data.recipes.cells import Table
from rzen_eval.data.recipes.official_strings import IMAGE, VIDEO, clean, compose, user_turn

if TYPE_CHECKING:
    from rzen_eval.core import Task, TaskData
    from rzen_eval.data.media import MediaTree
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
        DataError: a row has no question or no right clip, or a clip has no place.
        ConfigError: the options are not those of this recipe.
    """
    options = assemble.options(task, Options)
    table = Table.of(task, repository, COLUMNS, task.dataset.config)
    gathered = Gathered()
    for row in table.first(None):
        right, wrong = (
            [_folder(options, path) for path in row.paths(column, "output_path")]
            for column in ("positive_frames", "negative_frames")
        )
        if not right:
            raise row.bad("positive_frames", "lists no clip")
        given = row.optional("input_frames")
        row.inside("input_frames", given)
        query = partial(_query, options, repository.media, row.text("query"), given)
        gathered.ask(query, right, [*right, *wrong])
        for clip in (*right, *wrong):
            gathered.candidates.setdefault(clip, partial(_clip, task, repository.media, clip))
    repository.media.settle(list(gathered.candidates))
    return assemble.assemble(task, repository, gathered)


def _folder(options: Options, clip: str) -> str:
    """Folder of a clip's frames, relative to the media's root."""
    return f"{options.folder}/video_frames/{clip.split('.mp4', maxsplit=1)[0].replace('/', '_')}"


typical = moments.typical


def _query(options: Options, media: MediaTree, text: str, given: str) -> Item:
    told = options.instructions
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

"""Video classification and retrieval: a clip that asks for its label, or a text that asks for its clip.

Source: `video_classification_datasets.py`, `ssv2_dataset.py`, `msrvtt_dataset.py`, `msvd_dataset.py`,
`didemo_dataset.py`, `youcook2_dataset.py` and `vatex_dataset.py` in `src/data/eval_dataset` of
TIGER-AI-Lab/VLM2Vec at 6e1e1d4.
"""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from rzen_eval.core import Frozen, Item
from rzen_eval.data.recipes import assemble
from rzen_eval.data.recipes import typical as usual
from rzen_eval.data.recipes.assemble import Gathered
from rzen_eval.data.recipes.cells import Table
from rzen_eval.data.recipes.official_strings import VIDEO, clean, compose, user_turn
from rzen_eval.data.recipes.typical import Typical

if TYPE_CHECKING:
    from rzen_eval.core import Task, TaskData
    from rzen_eval.data.media import MediaTree
    from rzen_eval.data.recipes.assemble import Maker
    from rzen_eval.data.recipes.cells import Row
    from rzen_eval.data.repository import Repository


class Options(Frozen):
    """How the rows of a video task are read. `frames` and `video` may hold `{place}`, `{id}` and `{file}`."""

    query: Literal["video", "text"]
    """Which of the two asks; the other is the candidate."""
    id: str
    """Column with the clip's name."""
    id_is_path: bool = False
    """The name is the file name of a path, without extension."""
    text: str
    """Column with the label or the caption; of several captions the first counts."""
    pool: str | None = None
    """Column with the candidate labels of each row; None: every query is ranked against all candidates."""
    labels: str = ""
    """Candidate labels beside those that the rows have, one a line: as a list, hundreds of them would slow down the
    composition of every configuration."""
    place: str = ""
    """The task's own part of the folders."""
    frames: str
    """Folder of a clip's frames."""
    video: str | None = None
    """Video file to take frames from where there are none."""
    file: str | None = None
    """Column with the video's path, whose file name is `{file}`."""
    first: int | None = Field(default=None, gt=0)
    """How many rows the benchmark takes, from the start; None: all of them."""


def load(task: Task, repository: Repository) -> TaskData:
    """Queries and candidates of a video task.

    Raises:
        DataError: a row has no clip, no label or caption, or no choice.
        ConfigError: the options are not those of this recipe.
    """
    options = assemble.options(task, Options)
    columns = [name for name in (options.id, options.text, options.pool, options.file) if name]
    table = Table.of(task, repository, list(dict.fromkeys(columns)), task.dataset.config)
    gathered = Gathered()
    clips: list[str] = []
    videos: list[str] = []
    for row in table.first(options.first):
        name, text = _name(options, row), row.first_text(options.text)
        folder, video = _places(options, row, name)
        clips.append(folder)
        videos += [video] if video else []
        clip = partial(_clip, task, repository.media, folder, video)
        if options.query == "video":
            pool = row.texts(options.pool) if options.pool else [text]
            if options.pool:
                row.need_choice(options.pool, pool)
            query, right = partial(clip, task.instruction.query), text
            for label in pool:
                gathered.candidates.setdefault(label, _label(label))
        else:
            query, right, pool = partial(_caption, task, text), name, [name]
            gathered.candidates.setdefault(name, partial(clip, task.instruction.candidate))
        gathered.ask(query, [right], pool)
    repository.media.settle(clips, videos)
    for label in options.labels.splitlines():
        gathered.candidates.setdefault(label, _label(label))
    return assemble.assemble(task, repository, gathered, pooled=options.pool is not None)


def typical(task: Task) -> Typical:
    """What the items of a video task are like."""
    options, asks, shows = assemble.options(task, Options), task.instruction.query, task.instruction.candidate
    clip = (usual.FRAME,) * task.frames
    if options.query == "video":
        return Typical(Item(frames=clip, instruction=asks), Item(text="x" * usual.LABEL), usual.TEXTS)
    caption = Item(text="x" * usual.SENTENCE, instruction=asks)
    return Typical(caption, Item(frames=clip, instruction=shows), 1, to_a_query=True)


def _name(options: Options, row: Row) -> str:
    name = row.id(options.id)
    return PurePosixPath(name).stem if options.id_is_path else row.inside(options.id, name)


def _places(options: Options, row: Row, name: str) -> tuple[str, str | None]:
    """Folder of a clip's frames, and its video file, in the canonical tree; of the row no more is held."""
    file = {"file": PurePosixPath(row.text(options.file)).name} if options.file else {}
    fields = {"place": options.place, "id": name, **file}
    return options.frames.format_map(fields), options.video and options.video.format_map(fields)


def _label(text: str) -> Maker:
    return partial(Item, text=text, verbatim=text)


def _caption(task: Task, text: str) -> Item:
    instruction = task.instruction.query
    return Item(text=text, instruction=clean(instruction), verbatim=compose(instruction, text))


def _clip(task: Task, media: MediaTree, folder: str, video: str | None, instruction: str | None) -> Item:
    return Item(
        frames=media.frames(folder, task.frames, video),
        instruction=clean(instruction),
        verbatim=compose(instruction, token=VIDEO),
        user_turn=user_turn(instruction),
    )

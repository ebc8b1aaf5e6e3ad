"""Video questions: a clip and a question with choices; the choices are the pool.

Source: `videomme_dataset.py`, `nextqa_dataset.py`, `egoschema_dataset.py`, `mvbench_dataset.py` and
`activitynetqa_dataset.py` in `src/data/eval_dataset`, `qa_template` in `src/utils/vision_utils/vision_utils.py`, of
TIGER-AI-Lab/VLM2Vec at 6e1e1d4.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from rzen_eval.core import Frozen, Item
from rzen_eval.data.recipes import assemble
from rzen_eval.data.recipes import typical as usual
from rzen_eval.data.recipes.assemble import Gathered
from rzen_eval.data.recipes.cells import Table
from rzen_eval.data.recipes.official_strings import VIDEO, clean, compose
from rzen_eval.data.recipes.typical import Typical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rzen_eval.core import Task, TaskData
    from rzen_eval.data.media import MediaTree
    from rzen_eval.data.recipes.cells import Row
    from rzen_eval.data.repository import Repository

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Options(Frozen):
    """How the rows of a video question task are read.

    `frames` and `video` may hold `{place}` and `{id}`, and where there are subsets `{subset}` and `{source}`.
    """

    id: str
    """Column with the clip's name."""
    place: str = ""
    """The task's own part of the folders."""
    frames: str
    """Folder of a clip's frames."""
    video: str | None = None
    """Video file to take frames from where there are none."""
    subsets: dict[str, str] = Field(default={})
    """Configurations that make up the task, in order, each with its `{source}`; empty: there is only one."""
    choices: str | tuple[str, ...]
    """Column with the list of choices, or one column a choice."""
    same_choices: bool = False
    """`choices` are not columns but the choices themselves, the same for every question."""
    letters: Literal["none", "given", "in_question", "added"]
    """Letters of the choices: nowhere; given, and cut from the candidate's text; put before the choices in the
    question; or there and in the candidate's text as well."""
    ask: str
    """The query's text, with `{question}` and `{choices}`."""
    separator: str = "\n"
    """What stands between two choices in the query's text."""
    answer: Literal["letter", "index", "text"]
    """How the column `answer` gives the right choice."""


def load(task: Task, repository: Repository) -> TaskData:
    """Questions of a task, each with its own choices.

    Raises:
        DataError: a row has no question, no choice or no answer, or a letter or number stands for none of the choices.
        ConfigError: the options are not those of this recipe.
    """
    options = assemble.options(task, Options)
    gathered = Gathered()
    clips: list[str] = []
    videos: list[str] = []
    for row, fields in _rows(task, options, repository):
        choices, answer = _choices(options, row), row.spelled("answer")
        names = _lettered(choices) if options.letters == "added" else choices
        place = _place(options, choices, answer)
        if place is None:
            raise row.bad("answer", f"{answer!r} is none of its {len(choices)} choices")
        if place >= 0 and not choices[place].strip():
            raise row.bad("answer", f"{answer!r} is an empty choice")
        for name in names:
            gathered.candidates.setdefault(name, partial(_choice, options, name))
        clips.append(options.frames.format_map(fields))
        videos += [options.video.format_map(fields)] if options.video else []
        query = partial(_question, task, options, repository.media, (row.text("question"), choices), fields)
        gathered.ask(query, [names[place] if place >= 0 else answer], names)
    repository.media.settle(clips, videos)
    return assemble.assemble(task, repository, gathered)


def typical(task: Task) -> Typical:
    """What the items of a video question task are like."""
    clip = (usual.FRAME,) * task.frames
    query = Item(text="x" * usual.QUESTION, frames=clip, instruction=task.instruction.query)
    return Typical(query, Item(text="x" * usual.LABEL), usual.CHOICES, to_a_query=True)


def _rows(task: Task, options: Options, repository: Repository) -> Iterator[tuple[Row, dict[str, str]]]:
    """Rows of all subsets, one after the other, each with what its folders are made of."""
    listed = [options.choices] if isinstance(options.choices, str) else options.choices
    columns = [options.id, "question", "answer", *(() if options.same_choices else listed)]
    for subset, source in options.subsets.items() or [(task.dataset.config, "")]:
        for row in Table.of(task, repository, columns, subset).first(None):
            name = row.inside(options.id, row.id(options.id))
            yield row, {"place": options.place, "id": name, "subset": subset or "", "source": source}


def _choices(options: Options, row: Row) -> list[str]:
    if options.same_choices:
        return list(options.choices)
    if isinstance(options.choices, str):
        choices = row.spelled_texts(options.choices)
        row.need_choice(options.choices, choices)
        return choices
    return [row.spelled(column) for column in options.choices]


def _lettered(choices: Sequence[str]) -> list[str]:
    return [f"({LETTERS[place]}) {choice}" for place, choice in enumerate(choices)]


def _place(options: Options, choices: Sequence[str], given: str) -> int | None:
    """Place of the right choice, of choices that are alike the last, as the official evaluator has it.

    Returns:
        None for a letter or number that stands for no choice; -1 for words that are no choice, which the evaluator
        lets pass as a query that is never answered rightly.
    """
    if options.answer == "text":
        return max((place for place, choice in enumerate(choices) if choice == given), default=-1)
    place = LETTERS.find(given) if options.answer == "letter" and len(given) == 1 else -1
    place = int(given) if options.answer == "index" and given.isdecimal() else place
    return place if 0 <= place < len(choices) else None


def _question(
    task: Task,
    options: Options,
    media: MediaTree,
    asked: tuple[str, Sequence[str]],
    fields: Mapping[str, str],
) -> Item:
    """A question with its choices, `asked`, about the clip that `fields` lead to."""
    question, choices = asked
    added = options.letters in {"in_question", "added"}
    listed = options.separator.join(_lettered(choices) if added else choices)
    text = options.ask.format(question=question, choices=listed)
    text = text.rstrip() if added else text
    video = options.video and options.video.format_map(fields)
    # The parsers write the video token themselves, so models that have another one get it too.
    verbatim = compose(task.instruction.query, text, VIDEO)
    return Item(
        text=text,
        frames=media.frames(options.frames.format_map(fields), task.frames, video),
        instruction=clean(task.instruction.query),
        verbatim=verbatim,
        user_turn=verbatim,
    )


def _choice(options: Options, name: str) -> Item:
    """A choice as text. A given letter is cut off up to its dot; where there is none, only the last character stays."""
    text = name[name.find(". ") :].strip(". ") if options.letters == "given" else name
    return Item(text=text, verbatim=text)

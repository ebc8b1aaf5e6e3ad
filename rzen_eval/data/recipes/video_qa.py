"""Video questions: a clip and a question with choices; the choices are the pool.

Source: `videomme_dataset.py`, `nextqa_dataset.py`, `egoschema_dataset.py`, `mvbench_dataset.py` and
`activitynetqa_dataset.py` in `src/data/eval_dataset`, `qa_template` in `src/utils/vision_utils/vision_utils.py`, of
TIGER-AI-Lab/VLM2Vec at 6e1e1d4.
"""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from rzen_eval.core import Frozen, Item
from rzen_eval.data.recipes import assemble
from rzen_eval.data.recipes.official_strings import VIDEO, clean, compose

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rzen_eval.core import Task, TaskData
    from rzen_eval.data.media import MediaTree
    from rzen_eval.data.recipes.assemble import Maker
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
        DataError: a letter or number stands for none of the choices.
        ConfigError: the options are not those of this recipe.
    """
    options = assemble.options(task, Options)
    queries: list[Maker] = []
    candidates: dict[str, Maker] = {}
    positives: list[list[str]] = []
    pools: list[list[str]] = []
    clips: list[str] = []
    videos: list[str] = []
    for number, row in enumerate(islice(_rows(task, options, repository), task.limit)):
        choices = _choices(options, row)
        names = _lettered(choices) if options.letters == "added" else choices
        place = _place(options, choices, row["answer"])
        if place is None:
            raise assemble.bad_row(task, number, f"answer {row['answer']!r} is none of its {len(choices)} choices")
        positives.append([names[place] if place >= 0 else row["answer"]])
        pools.append(names)
        for name in names:
            candidates.setdefault(name, partial(_choice, options, name))
        clips.append(options.frames.format_map(row["fields"]))
        videos += [options.video.format_map(row["fields"])] if options.video else []
        queries.append(partial(_question, task, options, repository.media, row, choices))
    repository.media.settle(clips, videos)
    return assemble.assemble(task, repository, queries=queries, candidates=candidates, positives=positives, pools=pools)


def _rows(task: Task, options: Options, repository: Repository) -> Iterator[dict[str, Any]]:
    """Rows of all subsets, one after the other, each with what its folders are made of."""
    listed = [options.choices] if isinstance(options.choices, str) else options.choices
    columns = [options.id, "question", "answer", *(() if options.same_choices else listed)]
    for subset, source in options.subsets.items() or [(task.dataset.config, "")]:
        for row in repository.rows(subset, columns):
            fields = {"place": options.place, "id": str(row[options.id]), "subset": subset, "source": source}
            yield {**row, "fields": fields}


def _choices(options: Options, row: dict[str, Any]) -> list[str]:
    if options.same_choices:
        return list(options.choices)
    if isinstance(options.choices, str):
        return [str(choice) for choice in row[options.choices]]
    return [str(row[column]) for column in options.choices]


def _lettered(choices: Sequence[str]) -> list[str]:
    return [f"({LETTERS[place]}) {choice}" for place, choice in enumerate(choices)]


def _place(options: Options, choices: Sequence[str], answer: Any) -> int | None:
    """Place of the right choice, of choices that are alike the last, as the official evaluator has it.

    Returns:
        None for a letter or number that stands for no choice; -1 for words that are no choice, which the evaluator
        lets pass as a query that is never answered rightly.
    """
    given = str(answer)
    if options.answer == "text":
        return max((place for place, choice in enumerate(choices) if choice == given), default=-1)
    place = LETTERS.find(given) if options.answer == "letter" and len(given) == 1 else -1
    place = int(given) if options.answer == "index" and given.isdecimal() else place
    return place if 0 <= place < len(choices) else None


def _question(task: Task, options: Options, media: MediaTree, row: dict[str, Any], choices: Sequence[str]) -> Item:
    added = options.letters in {"in_question", "added"}
    listed = options.separator.join(_lettered(choices) if added else choices)
    text = options.ask.format(question=row["question"], choices=listed)
    text = text.rstrip() if added else text
    video = options.video and options.video.format_map(row["fields"])
    # The parsers write the video token themselves, so models that have another one get it too.
    verbatim = compose(task.instruction.query, text, VIDEO)
    return Item(
        text=text,
        frames=media.frames(options.frames.format_map(row["fields"]), task.frames, video),
        instruction=clean(task.instruction.query),
        verbatim=verbatim,
        user_turn=verbatim,
    )


def _choice(options: Options, name: str) -> Item:
    """A choice as text. A given letter is cut off up to its dot; where there is none, only the last character stays."""
    text = name[name.find(". ") :].strip(". ") if options.letters == "given" else name
    return Item(text=text, verbatim=text)

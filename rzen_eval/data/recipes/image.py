"""Image tasks: a query with or without an image, and its own pool of texts or images, the right one first.

Source: `image_cls_dataset.py`, `image_qa_dataset.py`, `image_i2t_eval.py`, `image_t2i_eval.py` and
`image_i2i_vg_dataset.py` in `src/data/eval_dataset` of TIGER-AI-Lab/VLM2Vec at 6e1e1d4.
"""

from __future__ import annotations

from functools import partial
from sys import intern
from typing import TYPE_CHECKING, Literal

from rzen_eval.core import Frozen, Item, Kind
from rzen_eval.data.places import PROOFS
from rzen_eval.data.recipes import assemble
from rzen_eval.data.recipes import typical as usual
from rzen_eval.data.recipes.assemble import Gathered
from rzen_eval.data.recipes.cells import Table
from rzen_eval.data.recipes.official_strings import IMAGE, MARK, clean, compose, own_line, user_turn
from rzen_eval.data.recipes.typical import Typical

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rzen_eval.core import Task, TaskData
    from rzen_eval.data.media import MediaTree
    from rzen_eval.data.recipes.assemble import Maker
    from rzen_eval.data.recipes.cells import Row
    from rzen_eval.data.repository import Repository

FOLDER = "image-tasks"


class Official(Frozen):
    """Where the official evaluator's strings differ from family to family."""

    instruction_on_own_line: bool = False
    """The query's instruction is stripped and put on a line after the image token; else it stays as it is."""
    query_end: str = "\n"
    candidate_end: str = "\n"
    """What follows an image without a caption; one with a caption always ends its line."""


class Options(Frozen):
    """How the rows of an image task are read."""

    query: Literal["image", "text"]
    """Whether a query has an image; text it may have either way."""
    candidate: Literal["text", "image", "captioned_image"]
    """Texts; images under their paths, so that the first caption met stands for all of an image; or images under
    path and caption, so that one image with two captions is two candidates."""
    kind: Kind = "label"
    """What candidates that are texts stand for."""
    official: Official = Official()
    strip_captions: bool = False
    """Take the white space around a candidate's caption off, as the evaluator of Qwen3-VL-Embedding does."""


def load(task: Task, repository: Repository) -> TaskData:
    """Queries and pools of an image task.

    Raises:
        DataError: a row has no question, no right answer or no choice, or not as many captions as images.
        ConfigError: the options are not those of this recipe.
    """
    options = assemble.options(task, Options)
    columns = ["qry_inst", "qry_text", "tgt_text"]
    columns += ["qry_img_path"] if options.query == "image" else []
    columns += ["tgt_inst", "tgt_img_path"] if options.candidate != "text" else []
    table = Table.of(task, repository, columns, task.dataset.config)
    gathered = Gathered()
    shown: list[str] = []
    for row in table.first(None):
        pool = []
        for name, make in _candidates(options, repository.media, row):
            pool.append(name)
            gathered.candidates.setdefault(name, make)
        row.need_choice("tgt_text" if options.candidate == "text" else "tgt_img_path", pool)
        gathered.ask(_query(options, repository.media, row, task.instruction.query), pool[:1], pool)
        shown += _pictures(options, row) if row.number < PROOFS else []
    repository.media.settle(shown)
    return assemble.assemble(task, repository, gathered)


def _pictures(options: Options, row: Row) -> list[str]:
    """The query's picture and the right answer's, those of the two that are pictures, in the canonical tree."""
    paths = [row.path("qry_img_path")] if options.query == "image" else []
    paths += row.paths("tgt_img_path")[:1] if options.candidate != "text" else []
    return [f"{FOLDER}/{path}" for path in paths]


def typical(task: Task) -> Typical:
    """What the items of an image task are like."""
    options = assemble.options(task, Options)
    own = "x" * usual.INSTRUCTION
    images = (usual.IMAGE,) if options.query == "image" else ()
    query = Item(text="x" * usual.SENTENCE, instruction=own, images=images)
    if options.candidate == "text":
        return Typical(query, Item(text="x" * usual.LABEL), usual.TEXTS)
    return Typical(query, Item(images=(usual.IMAGE,), instruction=own), usual.IMAGES, to_a_query=True)


def _query(options: Options, media: MediaTree, row: Row, declared: str | None) -> Maker:
    """Makes a row's query; of the row no more is held than that takes."""
    instruction = declared or intern(row.optional("qry_inst"))
    if options.query == "text":
        return partial(_asked_in_words, options, instruction, row.text("qry_text"))
    image = row.path("qry_img_path")
    return partial(_asked_by_image, options, media, instruction, row.optional("qry_text"), image)


def _asked_in_words(options: Options, instruction: str, text: str) -> Item:
    # The mark becomes an image token although the query has no image: WebQA and EDIS begin with a stray one.
    verbatim = f"{instruction.replace(MARK, IMAGE)} {text}{options.official.query_end}"
    return Item(
        text=text,
        instruction=clean(instruction),
        verbatim=verbatim,
        user_turn=verbatim.replace(f"{IMAGE}\n", ""),
    )


def _asked_by_image(options: Options, media: MediaTree, instruction: str, text: str, image: str) -> Item:
    end = options.official.query_end
    given = instruction.replace(MARK, "")
    if options.official.instruction_on_own_line:
        given = f"\n{given.strip()}"
    return Item(
        text=text or None,
        images=(_image(media, image),),
        instruction=clean(instruction),
        verbatim=own_line(compose(given, text, IMAGE)) + end,
        user_turn=own_line(user_turn(given, text)) + end,
    )


def _candidates(options: Options, media: MediaTree, row: Row) -> Iterator[tuple[str, Maker]]:
    """Names of a row's candidates, each with what makes it."""
    of_texts = options.candidate == "text"
    texts = row.texts("tgt_text") if of_texts else row.optional_texts("tgt_text")
    if not texts:
        raise row.bad("tgt_text", "lists no candidate")
    if of_texts:
        if not texts[0].strip():
            raise row.bad("tgt_text", "begins with an empty text; expected the right answer")
        for text in texts:
            yield text, partial(Item, text=text, verbatim=text, kind=options.kind)
        return
    paths = row.paths("tgt_img_path")
    instruction = intern(row.optional("tgt_inst"))  # every row has the same
    captioned = bool(texts[0].strip())
    by_caption = options.candidate == "captioned_image"
    if not paths or (len(paths) != len(texts) and (captioned or by_caption)):
        raise row.bad("tgt_img_path", f"lists {len(paths)} images; expected one for each of {len(texts)} in tgt_text")
    captions = texts if captioned or by_caption else [""] * len(paths)
    for path, caption in zip(paths, captions, strict=True):
        name = path + ":" + caption.strip('"') if by_caption else path
        shown = caption if captioned else None
        yield name, partial(_candidate, options, media, path, instruction, shown)


def _candidate(options: Options, media: MediaTree, path: str, instruction: str, caption: str | None) -> Item:
    """An image with its caption, or with none; the first caption of a row decides whether the row has captions."""
    given = instruction.replace(MARK, "")
    prompt = given if caption is None else f"{given} {caption}"
    end = options.official.candidate_end if caption is None else "\n"
    text = caption.strip() if caption and options.strip_captions else caption
    return Item(
        text=text or None,
        images=(_image(media, path),),
        instruction=clean(instruction),
        verbatim=own_line(compose(prompt, token=IMAGE)) + end,
        user_turn=own_line(user_turn(prompt)) + end,
    )


def _image(media: MediaTree, path: str) -> Path:
    return media.image(f"{FOLDER}/{path}")

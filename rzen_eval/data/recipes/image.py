"""Image tasks: a query with or without an image, and its own pool of texts or images, the right one first.

Source: `image_cls_dataset.py`, `image_qa_dataset.py`, `image_i2t_eval.py`, `image_t2i_eval.py` and
`image_i2i_vg_dataset.py` in `src/data/eval_dataset` of TIGER-AI-Lab/VLM2Vec at 6e1e1d4.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from rzen_eval.core import Frozen, Item, Kind
from rzen_eval.data.recipes import assemble
from rzen_eval.data.recipes.official_strings import IMAGE, MARK, clean, compose, own_line, user_turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from rzen_eval.core import Task, TaskData
    from rzen_eval.data.media import MediaTree
    from rzen_eval.data.recipes.assemble import Maker
    from rzen_eval.data.repository import Repository

FOLDER = "image-tasks"
ASKED = ("qry_inst", "qry_text", "qry_img_path")


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
        DataError: a row has no candidates, or not as many captions as images.
        ConfigError: the options are not those of this recipe.
    """
    options = assemble.options(task, Options)
    columns = ["qry_inst", "qry_text", "tgt_text"]
    columns += ["qry_img_path"] if options.query == "image" else []
    columns += ["tgt_inst", "tgt_img_path"] if options.candidate != "text" else []
    rows = repository.rows(task.dataset.config, columns)
    queries: list[Maker] = []
    candidates: dict[str, Maker] = {}
    pools: list[list[str]] = []
    for number, row in enumerate(rows.select(range(min(task.limit or len(rows), len(rows))))):
        # Not the whole row: with its candidates it would stay in memory as long as the query.
        asked = {column: row[column] for column in ASKED if column in row}
        queries.append(partial(_query, options, repository.media, asked))
        pool = []
        for name, make in _candidates(task, options, repository.media, number, row):
            pool.append(name)
            candidates.setdefault(name, make)
        pools.append(pool)
    return assemble.assemble(
        task, repository, queries=queries, candidates=candidates, positives=[pool[:1] for pool in pools], pools=pools
    )


def _query(options: Options, media: MediaTree, row: Mapping[str, Any]) -> Item:
    instruction, text, end = row["qry_inst"] or "", row["qry_text"] or "", options.official.query_end
    if options.query == "text":
        # The mark becomes an image token although the query has no image: WebQA and EDIS begin with a stray one.
        verbatim = f"{instruction.replace(MARK, IMAGE)} {text}{end}"
        return Item(
            text=text or None,
            instruction=clean(instruction),
            verbatim=verbatim,
            user_turn=verbatim.replace(f"{IMAGE}\n", ""),
        )
    given = instruction.replace(MARK, "")
    if options.official.instruction_on_own_line:
        given = f"\n{given.strip()}"
    return Item(
        text=text or None,
        images=(_image(media, row["qry_img_path"]),),
        instruction=clean(instruction),
        verbatim=own_line(compose(given, text, IMAGE)) + end,
        user_turn=own_line(user_turn(given, text)) + end,
    )


def _candidates(
    task: Task, options: Options, media: MediaTree, number: int, row: Mapping[str, Any]
) -> Iterator[tuple[str, Maker]]:
    """Names of a row's candidates, each with what makes it."""
    texts = [text or "" for text in row["tgt_text"] or ()]
    if not texts:
        raise assemble.bad_row(task, number, "tgt_text lists no candidate")
    if options.candidate == "text":
        for text in texts:
            yield text, partial(Item, text=text, verbatim=text, kind=options.kind)
        return
    paths = row["tgt_img_path"] or []
    captioned = bool(texts[0].strip())
    by_caption = options.candidate == "captioned_image"
    if not paths or (len(paths) != len(texts) and (captioned or by_caption)):
        raise assemble.bad_row(
            task, number, f"expected an image for each of {len(texts)} entries of tgt_text, found {len(paths)}"
        )
    captions = texts if captioned or by_caption else [""] * len(paths)
    for path, caption in zip(paths, captions, strict=True):
        name = path + ":" + caption.strip('"') if by_caption else path
        shown = caption if captioned else None
        yield name, partial(_candidate, options, media, path, row["tgt_inst"] or "", shown)


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

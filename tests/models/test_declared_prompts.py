"""The strings that declared models read, for query and candidate of one task of each of the twelve groups.

What the benchmark says is written out here once for each task, and what a model makes of it once for each model; the
strings of `_mmeb` presets are those that the official evaluator's wrappers made of rows of the same form.
"""

from dataclasses import dataclass

import pytest

from rzen_eval import Item, load_data, load_task
from rzen_eval.config.compose import load
from rzen_eval.core import Side
from rzen_eval.models.declaration.local import ModelSpec
from rzen_eval.models.prompt import render, shown
from tests import standins

V = "<|vision_start|><|image_pad|><|vision_end|>"
HELPFUL = "You are a helpful assistant."
PAGE = "Find a document image that matches the given query:"
SEEN = "Understand the content of the provided"
CHOOSE = (
    "Given a video and a question, select the most accurate answer from the provided candidates."
    " Return only the exact text of your chosen answer. Question:"
)
DIAMOND = (
    "what does the diamond do after moving left\n"
    "Options:\n(A) move left\n(B) blink\n(C) shrink\n(D) move up\n(E) move right"
)
REGION = "Select the portion of the image that follows the language expressions:"


@dataclass(frozen=True)
class Row:
    """The first query or candidate of a task of the sample."""

    told: str = ""
    text: str = ""
    shows: str = ""
    """`image`, `clip` or nothing."""
    wrapped: str | None = None
    """What the official evaluator hands to GME and LamRA, where it is not instruction, space and text."""
    raw: str | None = None
    """What it hands to Qwen2-VL, where the model's own template would not make the same."""
    kind: str = ""

    @property
    def joined(self) -> str:
        return " ".join(part for part in (self.told, self.text) if part)


ROWS = {
    "image/imagenet_1k": (
        Row(
            "Represent the given image for classification",
            "",
            "image",
            "\nRepresent the given image for classification \n",
            "<|image_pad|>\nRepresent the given image for classification\n",
        ),
        Row(text="yellow circle", kind="class label"),
    ),
    "image/ok_vqa": (
        Row(
            "Represent the given image with the following question:",
            "What color is the triangle?",
            "image",
            "\nRepresent the given image with the following question: What color is the triangle?\n",
            "<|image_pad|>\nRepresent the given image with the following question: What color is the triangle?\n",
        ),
        Row(text="yellow", kind="answer"),
    ),
    "image/webqa": (
        Row(
            "Find a Wikipedia image that answers this question:",
            "What color is the triangle of Porto?",
            "",
            "Find a Wikipedia image that answers this question: What color is the triangle of Porto?\n",
            "<|image_pad|>\nFind a Wikipedia image that answers this question: What color is the triangle of Porto?\n",
        ),
        Row(
            "Represent the given Wikipedia image with related text information:",
            "View of Porto",
            "image",
            "\nRepresent the given Wikipedia image with related text information: View of Porto \n",
            "<|image_pad|>\nRepresent the given Wikipedia image with related text information: View of Porto\n",
        ),
    ),
    "image/refcoco_matching": (
        Row(
            REGION,
            '"the yellow cross"',
            "image",
            f'\n{REGION} "the yellow cross"\n',
            f'<|image_pad|>\n{REGION} "the yellow cross"\n',
        ),
        Row(
            REGION,
            '"the cross at the top left"',
            "image",
            f'\n{REGION} "the cross at the top left" \n',
            f'<|image_pad|>\n{REGION} "the cross at the top left"\n',
        ),
    ),
    "video/k700": (
        Row(
            "Recognize the category of the video content.",
            "",
            "clip",
            "Recognize the category of the video content. ",
        ),
        Row(text="blinking"),
    ),
    "video/nextqa": (
        # The parser's own video token, and the space that its instruction ends with.
        Row(CHOOSE, DIAMOND, "clip", f"<|video_pad|> {CHOOSE}  {DIAMOND}", f"<|video_pad|> {CHOOSE}  {DIAMOND}"),
        Row(text="move left"),
    ),
    "video/msr_vtt": (
        Row("Find a video that contains the following visual content:", "a blue square blinking on a white background"),
        Row(f"{SEEN} video.", "", "clip", f"{SEEN} video. "),
    ),
    "video/qvhighlight": (
        Row(
            "Find the clip that corresponds to the described scene in the given video:",
            "The blue diamond moves left.",
            "clip",
        ),
        Row(f"{SEEN} video.", "", "clip", f"{SEEN} video. "),
    ),
    "visdoc/vidore_arxivqa": (
        Row(PAGE, "Which preparation of tungsten has the highest viscosity at 500 K?"),
        Row(f"{SEEN} document image.", "", "image", f"{SEEN} document image. "),
    ),
    "visdoc/vidore_biomedical_lectures_v2": (
        Row(PAGE, "What is the level of calcium in the heart after 8 h at rest?"),
        Row(f"{SEEN} document image.", "", "image", f"{SEEN} document image. "),
    ),
    "visdoc/visrag_chartqa": (
        Row(PAGE, "What is the literacy index of Valdona in 2022 for the inland?"),
        Row(f"{SEEN} document image.", "", "image", f"{SEEN} document image. "),
    ),
    "visdoc/mmlongbench_doc": (
        Row(PAGE, "What does the report of Pelican Museum say about volunteers in 2014?"),
        Row(f"{SEEN} document image.", "", "image", f"{SEEN} document image. "),
    ),
}


def chat(system: str, user: str, after: str = "<|endoftext|>") -> str:
    return f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n{after}"


def frames(row: Row) -> str:
    """All pictures of a row, a clip's as images."""
    return {"": "", "image": V, "clip": 8 * V}[row.shows]


def rzen(row: Row, _side: str) -> str:
    return chat(HELPFUL, frames(row) + row.joined)


def paper(row: Row, _side: str) -> str:
    system = "Given an image, summarize the provided image in one word. Given only text, describe the text in one word."
    what = "image" if row.shows else "text"
    return chat(system, f"{frames(row)}{row.joined}\nRepresent the given {what} in one word.")


def gme(row: Row, side: str) -> str:
    told = row.told if side == "query" else ""
    system = told if told.endswith(".") else f"{told}." if told else HELPFUL
    return chat(system, frames(row) + row.text)


def ops(row: Row, side: str) -> str:
    return chat((row.told if side == "query" else "") or HELPFUL, frames(row) + row.text)


def gme_mmeb(row: Row, _side: str) -> str:
    return chat(HELPFUL, (V if row.shows else "") + (row.joined if row.wrapped is None else row.wrapped))


def lamra(row: Row, side: str) -> str:
    text = row.joined if side == "query" else row.text
    what = "image and sentence" if row.shows and text else "image" if row.shows else "sentence"
    return chat(HELPFUL, f"{frames(row)}{text}\nSummarize above {what} in one word: ", "")


def lamra_mmeb(row: Row, _side: str) -> str:
    text = row.joined if row.wrapped is None else row.wrapped
    user = V + text if row.shows else f"{text}\n"
    return chat(HELPFUL, user, "<emb>.<|im_end|>\n<|im_start|>assistant\n")


def vlm2vec(row: Row, _side: str) -> str:
    token = {"": "", "image": "<|image_pad|> ", "clip": "<|video_pad|> "}[row.shows]
    return row.raw or token + row.joined


def b3(row: Row, side: str) -> str:
    return (f"Represent the {row.kind}: " if row.kind else "") + vlm2vec(row, side)


def qwen3_vl(row: Row, side: str) -> str:
    told = row.told if side == "query" else ""
    told = f"{told[:-1]}." if told.endswith(":") else told if told.endswith(".") or not told else f"{told}."
    times = "".join(f"<{second} seconds><|vision_start|><|video_pad|><|vision_end|>" for second in (0.2, 1.2, 2.2, 3.2))
    shown = {"": "", "image": V, "clip": times}[row.shows]
    return chat(told or "Represent the user's input.", shown + row.text, "")


def cafe(row: Row, _side: str) -> str:
    shown = {"": "", "image": "<image>\n", "clip": "<video>\n"}[row.shows]
    return chat(HELPFUL, shown + row.joined, "<|im_end|>")


def colpali(row: Row, _side: str) -> str:
    return "<image><bos>Describe the image.\n" if row.shows else f"<bos>Query: {row.text}{10 * '<pad>'}\n"


def colpali_mmeb(row: Row, side: str) -> str:
    text = row.joined if row.wrapped is None else row.wrapped
    return colpali(row, side) if row.shows else f"<bos>Query: {text}{10 * '<pad>'}\n"


def colqwen2(row: Row, _side: str) -> str:
    page = f"<|im_start|>user\n{V}Describe the image.<|im_end|><|endoftext|>"
    return page if row.shows else f"Query: {row.text}{10 * '<|endoftext|>'}"


READERS = {
    "rzenembed_v2_7b": rzen,
    "rzenembed_v1_2b": rzen,
    "rzenembed_v2_7b_paper": paper,
    "gme_2b": gme,
    "gme_7b": gme,
    "gme_2b_mmeb": gme_mmeb,
    "gme_7b_mmeb": gme_mmeb,
    "ops_mm_v1_2b": ops,
    "ops_mm_v1_7b": ops,
    "lamra_ret": lamra,
    "lamra_ret_mmeb": lamra_mmeb,
    "lamra_ret_qwen2_5vl_7b": lamra,
    "lamra_ret_qwen2_5vl_7b_mmeb": lamra_mmeb,
    "vlm2vec_v1_2b": vlm2vec,
    "vlm2vec_v1_7b": vlm2vec,
    "vlm2vec_v2_2b": vlm2vec,
    "b3_qwen2_2b": b3,
    "b3_qwen2_7b": b3,
    "qwen3_vl_embedding_2b": qwen3_vl,
    "qwen3_vl_embedding_8b": qwen3_vl,
    "cafe_0_5b": cafe,
    "cafe_7b": cafe,
    "colpali_v1_3": colpali,
    "colpali_v1_3_mmeb": colpali_mmeb,
    "colqwen2": colqwen2,
}


@pytest.fixture(scope="module")
def items() -> dict[str, tuple[Item, Item]]:
    """The first query and the first candidate of each task."""
    data = {name: load_data(load_task(name)) for name in ROWS}
    return {name: (one.queries[0], one.candidates[0]) for name, one in data.items()}


def declared(name: str) -> ModelSpec:
    return load([f"model={name}", "task=visdoc/vidore_arxivqa"]).model


def test_every_model_that_is_computed_here_is_read():
    assert set(READERS) == set(standins.local())


def test_the_tasks_are_of_the_twelve_groups():
    assert len({load_task(name).group for name in ROWS}) == 12


@pytest.mark.parametrize("name", READERS)
def test_prompts_of_every_group(name: str, items: dict[str, tuple[Item, Item]]):
    spec = declared(name)
    for task, rows in ROWS.items():
        for side, row, item in zip(Side, rows, items[task], strict=True):
            assert render(spec.prompt, shown(spec, item), side) == READERS[name](row, side), f"{task}, {side}"


def test_two_strings_in_full(items: dict[str, tuple[Item, Item]]):
    clip, page = items["video/k700"][0], items["visdoc/vidore_arxivqa"][1]
    spec = declared("gme_7b_mmeb")
    assert render(spec.prompt, shown(spec, clip), Side.QUERY) == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
        "<|vision_start|><|image_pad|><|vision_end|>Recognize the category of the video content. <|im_end|>\n"
        "<|im_start|>assistant\n<|endoftext|>"
    )
    spec = declared("lamra_ret_mmeb")
    assert render(spec.prompt, shown(spec, page), Side.CANDIDATE) == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
        "<|vision_start|><|image_pad|><|vision_end|>Understand the content of the provided document image. <|im_end|>\n"
        "<|im_start|>assistant\n<emb>.<|im_end|>\n<|im_start|>assistant\n"
    )

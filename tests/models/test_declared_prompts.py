"""The strings that declared models read, for query and candidate of every kind of task.

What the benchmark says, and what its evaluators make of it, is written out once for each task in `strings/rows.py`,
what a model makes of that once for each model in `strings/readers.py`.
"""

from dataclasses import replace

import pytest

from rzen_eval import Item, load_data, load_task
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.config.compose import load
from rzen_eval.core import Side
from rzen_eval.models.declaration.local import ModelSpec
from rzen_eval.models.prompt import render, shown
from tests import standins
from tests.models.strings.readers import READERS, qwen3_vl
from tests.models.strings.rows import COURSES, MOMENTSEEKER, MOMENTSEEKER_CLIP, OVER_TIME, ROWS, Row

Case = tuple[str, Side, Row, Item]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """The first query and the first candidate of each task, and one of each kind of MomentSeeker's queries."""
    found: list[Case] = []
    for name, (query, candidate) in ROWS.items():
        data = load_data(load_task(name))
        found += [(name, Side.QUERY, query, data.queries[0]), (name, Side.CANDIDATE, candidate, data.candidates[0])]
    data = load_data(load_task("video/momentseeker"))
    found += [("momentseeker", Side.QUERY, row, data.queries[row.number]) for row in MOMENTSEEKER]
    return [*found, ("momentseeker", Side.CANDIDATE, MOMENTSEEKER_CLIP, data.candidates[0])]


def declared(name: str) -> ModelSpec:
    return load([f"model={name}", "task=visdoc/vidore_arxivqa"]).model


def test_every_model_that_is_computed_here_is_read():
    assert set(READERS) == set(standins.local())


def test_the_tasks_are_of_the_twelve_groups():
    assert len({manifest().entries[name.rpartition("/")[2]].group for name in ROWS}) == 12


@pytest.mark.parametrize("name", READERS)
def test_prompts_of_every_group(name: str, cases: list[Case]):
    spec = declared(name)
    for task, side, row, item in cases:
        assert render(spec.prompt, shown(spec, item), side) == READERS[name](row, side), f"{task}, {side}"


def test_qwen3s_evaluator_puts_a_space_before_the_choices_of_egoschema():
    chosen = load(["experiment=qwen3_vl_embedding_2b", "task=video/egoschema", "data=sample", "frames=8"])
    item = load_data(chosen.tasks["egoschema"]).queries[0]
    row = replace(ROWS["video/egoschema"][0], text=f"{OVER_TIME} {COURSES}")
    assert render(chosen.model.prompt, item, Side.QUERY) == qwen3_vl(row, Side.QUERY)


def test_strings_in_full(cases: list[Case]):
    found = {(task, side): item for task, side, _, item in cases}

    def prompt(name: str, task: str, side: Side) -> str:
        spec = declared(name)
        return render(spec.prompt, shown(spec, found[task, side]), side)

    assert prompt("gme_7b_mmeb", "video/k700", Side.QUERY) == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
        "<|vision_start|><|image_pad|><|vision_end|>Recognize the category of the video content. <|im_end|>\n"
        "<|im_start|>assistant\n<|endoftext|>"
    )
    assert prompt("lamra_ret_mmeb", "visdoc/vidore_arxivqa", Side.CANDIDATE) == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
        "<|vision_start|><|image_pad|><|vision_end|>Understand the content of the provided document image. <|im_end|>\n"
        "<|im_start|>assistant\n<emb>.<|im_end|>\n<|im_start|>assistant\n"
    )
    assert prompt("qwen3_vl_embedding_8b", "image/ok_vqa", Side.QUERY) == (
        "<|im_start|>system\nRepresent the given image with the following question:<|im_end|>\n<|im_start|>user\n"
        "<|vision_start|><|image_pad|><|vision_end|>What color is the triangle?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert prompt("qwen3_vl_embedding_8b", "video/msr_vtt", Side.QUERY) == (
        "<|im_start|>system\nFind a video that contains the following visual content.<|im_end|>\n<|im_start|>user\n"
        "a blue square blinking on a white background<|im_end|>\n<|im_start|>assistant\n"
    )

"""Ovis-VL-Embedding: what is not known of it is said in every run."""

from pathlib import Path
from typing import Any

import pytest

from rzen_eval import Item, load_model
from rzen_eval.config.compose import load
from rzen_eval.core import Side
from rzen_eval.models.prompt import render, shown
from tests import tiny

PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"
CLIP = "<{} seconds><|vision_start|><|video_pad|><|vision_end|>"
OWN = "Represent the user's input."


def opened(folder: Path, *settings: str) -> Any:
    return load_model("ovis_vl_2b", f"checkpoint={folder}", "dim=null", "dtype=float32", "device=cpu", *settings)


def test_every_run_says_that_it_does_not_stand_for_the_published_row(tmp_path: Path):
    model = opened(tiny.uembed(tmp_path / "ovis"))
    (said,) = model.notes()
    assert said.startswith("ovis_vl_2b: its instructions and the end of its prompts are not published; ")
    assert said.endswith(" and its results do not stand for its published row")
    assert "caution" not in model.provenance()
    assert load(["model=ovis_vl_9b"], need_tasks=False).model.caution == model.spec.caution


def test_a_text_that_is_too_long_is_cut_before_the_end_of_its_turn(tmp_path: Path):
    model = opened(tiny.uembed(tmp_path / "ovis"), "max_length=60")
    ids = model.plan(Item(text="word " * 100), Side.QUERY).input_ids.tolist()
    # UEmbed's file is there too, and takes its three tokens off.
    assert len(ids) == 60 - tiny.NUM_EOS
    assert model.tokenizer.decode(ids).endswith(
        "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n<|endoftext|>"
    )
    pooled = model.tokenizer.convert_tokens_to_ids("<|endoftext|>")
    assert (ids[-1], ids.count(pooled)) == (pooled, 1)


@pytest.mark.parametrize(
    ("item", "side", "system", "user"),
    [
        (Item(text=" a cat\n", instruction=" Find it "), Side.QUERY, "Find it", "a cat"),
        (Item(text="a", instruction="Find it"), Side.CANDIDATE, OWN, "a"),
        (Item(text=" of \n", images=["one", "two"]), Side.QUERY, OWN, f"{PICTURE}{PICTURE} of"),
        (Item(images=["one"], frames=["one"] * 3), Side.QUERY, OWN, CLIP.format(0.5) + CLIP.format(2.5) + PICTURE),
        (Item(instruction=" "), Side.QUERY, OWN, ""),
    ],
)
@pytest.mark.parametrize("name", ["ovis_vl_2b", "ovis_vl_9b"])
def test_strings(name: str, item: Item, side: Side, system: str, user: str):
    spec = load([f"model={name}"], need_tasks=False).model
    assert render(spec.prompt, shown(spec, item), side) == (
        f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n<think>\n\n"
        "</think>\n\n<|endoftext|>"
    )

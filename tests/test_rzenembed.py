"""The drop-in class: the four usage examples of the model card with only the import line changed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rzen_eval import Item, RzenEmbed, load_model
from rzen_eval.errors import DataError
from tests.conftest import FIXTURES

PICTURES = [str(FIXTURES / "rzen/images/i15_640x480.jpg"), str(FIXTURES / "rzen/images/i01_448.png")]
FRAMES = [
    [Image.open(FIXTURES / f"rzen/images/v01_0{i}.jpg").convert("RGB") for i in range(first, 8, 2)] for first in (0, 1)
]


@pytest.fixture(scope="module")
def rzen() -> RzenEmbed:
    return RzenEmbed(FIXTURES / "tiny_qwen2vl", device="cpu", dtype="float32")


def similarity(queries: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
    return queries @ candidates.T


def test_text_to_image(rzen: RzenEmbed):
    queries = ["A curious kitten and a gentle puppy share a moment of connection on the grass.", "Fresh fridge."]
    query_embeds = rzen.get_fused_embeddings(
        instruction="Find me an everyday image that matches the given caption: ", texts=queries
    )
    candidate_embeds = rzen.get_fused_embeddings(instruction="Represent the given image.", images=PICTURES)
    assert similarity(query_embeds, candidate_embeds).shape == (2, 2)


def test_image_to_text(rzen: RzenEmbed):
    query_embeds = rzen.get_fused_embeddings(
        instruction="Find an image caption describing the given everyday image.", images=PICTURES
    )
    candidate_embeds = rzen.get_fused_embeddings(texts=["A kitten.", "A fridge."])
    assert similarity(query_embeds, candidate_embeds).abs().max() <= 1 + 1e-6


def test_document_retrieval(rzen: RzenEmbed):
    queries = ["What is the main variable being analyzed on the x-axis of these graphs?", "What are the costs?"]
    query_embeds = rzen.get_fused_embeddings(
        instruction="Find a document image that matches the given query: ", texts=queries
    )
    candidate_embeds = rzen.get_fused_embeddings(
        instruction="Understand the content of the provided document image.", images=PICTURES
    )
    assert similarity(query_embeds, candidate_embeds).dtype is torch.float32


def test_video_retrieval(rzen: RzenEmbed):
    query_embeds = rzen.get_fused_embeddings(
        instruction="Find the video snippet that corresponds to the given caption: ", texts=["A boat.", "A kitten."]
    )
    candidate_embeds = rzen.get_fused_embeddings(
        instruction="Understand the content of the provided video.", images=FRAMES
    )
    assert similarity(query_embeds, candidate_embeds).shape == (2, 2)


def test_the_vectors_are_those_of_the_declared_model(rzen: RzenEmbed, checkpoint: Path):
    model = load_model("rzenembed_v2_7b", f"checkpoint={checkpoint}", "device=cpu", "dtype=float32")
    fused = rzen.get_fused_embeddings(texts=["a boat", "a fridge"], images=PICTURES, instruction="Find: ", batch_size=1)
    items = [
        Item(text=f"Find: {text}", images=[name]) for text, name in zip(["a boat", "a fridge"], PICTURES, strict=True)
    ]
    assert np.abs(fused.numpy() - model.embed(items, "query")).max() < 1e-6
    clips = rzen.get_fused_embeddings(images=FRAMES, instruction="Watch.")
    assert (
        np.abs(clips.numpy() - model.embed([Item(text="Watch.", frames=clip) for clip in FRAMES], "query")).max() < 1e-6
    )


def test_a_list_of_frames_beside_an_image_leaves_the_image_its_budget(rzen: RzenEmbed):
    mixed = rzen.get_fused_embeddings(images=[PICTURES[0], FRAMES[0]])
    alone = rzen.get_fused_embeddings(images=PICTURES[:1])
    assert (mixed[0] - alone[0]).abs().max() < 1e-6


def test_a_progress_bar_is_shown_only_where_asked_for(rzen: RzenEmbed, capsys: pytest.CaptureFixture[str]):
    rzen.get_fused_embeddings(texts=["a", "b"], batch_size=1)
    assert capsys.readouterr().err == ""
    rzen.get_fused_embeddings(texts=["a", "b"], batch_size=1, show_progress_bar=True)
    assert "2/2" in capsys.readouterr().err


def test_nothing_to_embed_and_unequal_lengths_are_refused(rzen: RzenEmbed):
    with pytest.raises(ValueError, match="neither texts nor images"):
        rzen.get_fused_embeddings()
    with pytest.raises(ValueError, match="1 texts and 2 images"):
        rzen.get_fused_embeddings(texts=["a"], images=PICTURES)
    with pytest.raises(DataError, match=r"nowhere\.png"):
        rzen.get_fused_embeddings(images=["nowhere.png"])

"""Checkpoints of Sentence-Transformers, against the same small CLIP computed with transformers alone."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from rzen_eval import Item, load_model
from rzen_eval.config.compose import load
from rzen_eval.core import Side
from rzen_eval.errors import ModelError
from rzen_eval.models.checkpoint.files import patterns
from rzen_eval.models.external.sentence_transformers import SentenceTransformers

pytest.importorskip("sentence_transformers")

PICTURES = [Image.new("RGB", (40, 30), colour) for colour in ("red", "navy")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random CLIP for pictures of 32 pixels, as transformers saves it."""
    from tokenizers import pre_tokenizers
    from transformers import CLIPConfig, CLIPModel, CLIPProcessor, CLIPTokenizer
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    place = tmp_path_factory.mktemp("clip")
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    marks = ["<|startoftext|>", "<|endoftext|>"]
    words = [*letters, *(f"{letter}</w>" for letter in letters), *marks]
    tokenizer = CLIPTokenizer(vocab={word: place for place, word in enumerate(words)}, merges=[], model_max_length=64)
    small = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = small | {"vocab_size": len(words), "max_position_embeddings": 64, "eos_token_id": len(words) - 1}
    config = CLIPConfig(
        text_config=text | {"bos_token_id": len(words) - 2, "pad_token_id": len(words) - 1},
        vision_config=small | {"image_size": 32, "patch_size": 8},
        projection_dim=24,
    )
    torch.manual_seed(0)
    CLIPModel(config).save_pretrained(place)
    size = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    CLIPProcessor(CLIPImageProcessorPil(**size), tokenizer).save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def model(folder: Path) -> SentenceTransformers:
    return load_model("sentence_transformers", f"checkpoint={folder}", "device=cpu", "dtype=float32")


def unit(states: torch.Tensor) -> np.ndarray:
    return (states / states.norm(dim=-1, keepdim=True)).numpy()


def test_vectors_of_texts_and_images_equal_those_of_transformers(folder: Path, model: SentenceTransformers):
    from transformers import AutoTokenizer, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    stock = CLIPModel.from_pretrained(folder).eval()
    tokens = AutoTokenizer.from_pretrained(folder)(["Find: a boat", "Find: a kite"], padding=True, return_tensors="pt")
    pixels = CLIPImageProcessorPil.from_pretrained(folder)(PICTURES, return_tensors="pt")
    with torch.inference_mode():
        texts = stock.text_projection(stock.text_model(**tokens).pooler_output)
        images = stock.visual_projection(stock.vision_model(**pixels).pooler_output)
    asked = [Item(text=text, instruction="Find:") for text in ("a boat", "a kite")]
    assert np.abs(model.embed(asked, "query") - unit(texts)).max() < 1e-5
    assert np.abs(model.embed([Item(images=[one]) for one in PICTURES], "candidate") - unit(images)).max() < 1e-5


def test_the_form_of_an_item_follows_what_it_holds(model: SentenceTransformers):
    red, navy = PICTURES
    told = "Find:"
    assert model.input(Item(text="a boat", instruction=told), Side.QUERY) == "Find: a boat"
    assert model.input(Item(images=[red]), Side.QUERY) is red
    assert model.input(Item(images=[red], instruction=told), Side.QUERY) == {"text": told, "image": red}
    assert model.input(Item(text="x", images=[red, navy]), Side.QUERY) == {"text": "x", "image": [red, navy]}
    assert model.input(Item(frames=[red, navy]), Side.CANDIDATE) == {"video": [red, navy]}
    assert model.input(Item(), Side.CANDIDATE) == ""


def test_declared_otherwise_the_instruction_is_left_out_and_the_middle_frame_is_an_image(folder: Path):
    opened = load_model(
        "sentence_transformers", f"checkpoint={folder}", "device=cpu", "video=middle", "instruction.candidate=none"
    )
    item = Item(frames=[*PICTURES, PICTURES[0]], instruction="See.")
    assert opened.input(item, Side.CANDIDATE) is PICTURES[1]
    assert opened.input(item, Side.QUERY) == {"text": "See.", "image": PICTURES[1]}


def test_what_it_does_not_read_is_refused_in_a_line(model: SentenceTransformers):
    with pytest.raises(ModelError, match=r": encode failed \(") as caught:
        model.embed([Item(frames=PICTURES)], "query")
    assert "\n" not in str(caught.value)


def test_code_and_pickles_are_refused_as_for_every_checkpoint(tmp_path: Path):
    with pytest.raises(ModelError, match="runs Python code of someone/model, so expected a commit"):
        load_model("sentence_transformers", "checkpoint=someone/model", "trust_remote_code=true")
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(ModelError, match=r"found pytorch_model\.bin; a pickle is taken with"):
        load_model("sentence_transformers", f"checkpoint={tmp_path}")


@pytest.fixture
def with_a_pickle(folder: Path, tmp_path: Path) -> Path:
    """The same with a layer behind it whose weights are in a pickle, as older checkpoints have it."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    place = tmp_path / "dense"
    torch.manual_seed(1)
    clip = modules.Transformer(str(folder), model_kwargs={"use_safetensors": True})
    SentenceTransformer(modules=[clip, modules.Dense(24, 12)], device="cpu").save_pretrained(str(place))
    dense = next(place.glob("*Dense*"))
    torch.save(load_file(dense / "model.safetensors"), dense / "pytorch_model.bin")
    (dense / "model.safetensors").unlink()
    return place


def test_a_pickle_in_a_part_is_refused_and_where_it_is_allowed_counts_towards_the_identity(with_a_pickle: Path):
    with pytest.raises(ModelError, match=r"_Dense has no weights; .* found pytorch_model\.bin; a pickle is taken with"):
        load_model("sentence_transformers", f"checkpoint={with_a_pickle}", "device=cpu")
    file = next(with_a_pickle.glob("*Dense*/pytorch_model.bin"))
    allowed, made = ["device=cpu", "pickled_weights=true"], []
    for factor in (1, -1):
        torch.save({key: factor * weight for key, weight in torch.load(file).items()}, file)
        made.append(load_model("sentence_transformers", f"checkpoint={with_a_pickle}", *allowed))
    assert made[0].embed([Item(text="a boat")], "query").shape == (1, 12)
    assert made[0].provenance()["weights"] != made[1].provenance()["weights"]


@pytest.mark.parametrize("pickled", [False, True])
def test_of_a_repository_all_that_is_loaded_is_fetched(pickled: bool):
    from huggingface_hub.utils import filter_repo_objects

    wanted = ["model.safetensors", "2_Dense/model.safetensors", "sentencepiece.bpe.model", "tokenizer.model"]
    pickles = ["pytorch_model.bin", "2_Dense/pytorch_model.bin"]
    spec = load(["model=sentence_transformers", "model.checkpoint=a/b", f"model.pickled_weights={pickled}"]).model
    found = list(filter_repo_objects([*wanted, *pickles, "model.py", "x.ot"], allow_patterns=list(patterns(spec))))
    assert found == wanted + pickles * pickled


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    """A random body for texts under Sentence-Transformers, with prompts for the two sides."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz:", "##a", "##o", "##t"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48
    )
    BertModel(config).save_pretrained(tmp_path / "body")
    BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path / "body")
    body = Transformer(str(tmp_path / "body"))
    prompts = {"query": "q: ", "document": "d: "}
    SentenceTransformer(modules=[body, Pooling(32)], prompts=prompts, device="cpu").save_pretrained(
        str(tmp_path / "st")
    )
    return tmp_path / "st"


def st(folder: Path) -> SentenceTransformers:
    return load_model("sentence_transformers", f"checkpoint={folder}", "device=cpu", "dtype=float32")


def test_prompts_of_the_two_sides_are_the_checkpoints_own(bert: Path):
    from sentence_transformers import SentenceTransformer

    stock = SentenceTransformer(str(bert), device="cpu")
    item = Item(text="a b")
    for side, encode in (("query", stock.encode_query), ("candidate", stock.encode_document)):
        expected = encode(["a b"], normalize_embeddings=True)
        assert np.abs(st(bert).embed([item], side) - expected).max() < 1e-6
    assert np.abs(st(bert).embed([item], "query") - st(bert).embed([item], "candidate")).max() > 1e-3


def test_a_body_with_a_layer_missing_is_refused_and_not_made_up(bert: Path):
    weights = load_file(bert / "model.safetensors")
    save_file({name: one for name, one in weights.items() if ".layer.1." not in name}, bert / "model.safetensors")
    with pytest.raises(ModelError, match=r"weights missing in .*encoder\.layer\.1.* they would be random"):
        st(bert)


def test_an_adapter_beside_is_refused(bert: Path):
    (bert / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    with pytest.raises(ModelError, match=r"adapter_config\.json is of an adapter"):
        st(bert)


def test_a_model_of_another_kind_is_refused(bert: Path):
    file = bert / "config_sentence_transformers.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"model_type": "SparseEncoder"}))
    with pytest.raises(
        ModelError, match="says model_type 'SparseEncoder'; expected SentenceTransformer or MultiVector"
    ):
        st(bert)


@pytest.mark.usefixtures("bert")
def test_a_multi_vector_encoder_is_late_interaction(tmp_path: Path):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    if not hasattr(sentence_transformers, "MultiVectorEncoder"):
        pytest.skip("this version has none")
    sentence_transformers.MultiVectorEncoder(str(tmp_path / "body"), device="cpu").save_pretrained(
        str(tmp_path / "late")
    )
    stock = sentence_transformers.MultiVectorEncoder(str(tmp_path / "late"), device="cpu")
    (ours,) = st(tmp_path / "late").embed([Item(text="a b c")], "query")
    (expected,) = stock.encode_query(["a b c"], normalize_embeddings=True)
    assert ours.shape == tuple(expected.shape)
    assert np.abs(ours - expected.cpu().numpy()).max() < 1e-6

"""Operations and parameters, against published sizes and against torch's own counter."""

from pathlib import Path

import pytest
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from rzen_eval import Item, load_model
from rzen_eval.config import compose
from rzen_eval.core import Side
from rzen_eval.errors import ModelError
from rzen_eval.estimate.checkpoint import known
from rzen_eval.estimate.flops import anatomy, declared_config
from rzen_eval.estimate.item_cost import Reader
from rzen_eval.models.declaration.local import ModelSpec
from tests import standins


def declared(model: str) -> ModelSpec:
    spec = compose.load([f"model={model}", "task=visdoc/vidore_arxivqa"]).model
    assert isinstance(spec, ModelSpec)
    return spec


@pytest.mark.parametrize(
    ("model", "parameters", "dim"),
    [
        ("rzenembed_v2_7b", 8_291_375_616, 3584),
        ("vlm2vec_v2_2b", 2_208_985_600, 1536),
        ("wemm_2b", 2_720_809_792, 2048),
        ("uembed_2b", 2_590_290_448 - 184_016 * 2049, 2048),
        ("uembed_4b", 5_010_530_512 - 184_016 * 2561, 2560),
        ("uembed_9b", 9_146_608_576 - 184_016 * 4097, 4096),
        ("omni_embed_nemotron_3b", 4_703_464_448, 2048),
        ("e5_omni_7b", 8_931_813_888, 3584),
        ("vultron_retriever_core_4_5b", 4_540_085_056, 320),
        ("vultron_retriever_prime_8b", 8_394_006_064, 320),
        ("nemotron_colembed_vl_4b_v2", 4_826_771_968, 2560),
        ("nemotron_colembed_vl_8b_v2", 8_767_123_696, 4096),
    ],
)
def test_the_declared_sizes_make_a_model_of_the_published_size(model: str, parameters: int, dim: int):
    spec = declared(model)
    found = anatomy(declared_config(spec), spec.family)
    assert (found.parameters, found.dim) == (parameters, dim)


def test_every_declaration_is_of_its_published_size():
    for name, spec in standins.local().items():
        found = anatomy(declared_config(spec), spec.family)
        digits = 3 if spec.parameters_b < 1 else 2
        assert (round(found.parameters / 1e9, digits), found.dim) == (spec.parameters_b, spec.dim), name


def test_a_size_that_the_family_does_not_know_is_one_line():
    spec = declared("cafe_7b")
    strange = spec.architecture.model_copy(update={"text": {"hiden_size": 1}})
    with pytest.raises(ModelError, match=r"cafe_7b: architecture\.text\.hiden_size is no size of a llava_onevision"):
        declared_config(spec.model_copy(update={"architecture": strange}))


def test_every_matrix_of_the_7b_model_is_counted_by_hand():
    found = anatomy(declared_config(declared("rzenembed_v2_7b")), "qwen2_vl")
    layer = 3584 * (3584 + 512 + 512 + 3584) + 3 * 3584 * 18944  # q, k, v, o; gate, up, down
    assert found.per_token == 28 * layer
    block = 1280 * (3 * 1280 + 1280) + 2 * 1280 * 5120
    assert found.per_patch == 3 * 2 * 14 * 14 * 1280 + 32 * block
    assert found.per_visual_token == 5120 * 5120 + 5120 * 3584


def test_declared_sizes_are_no_part_of_what_tells_vectors_apart(checkpoint: Path):
    model = load_model("rzenembed_v2_7b", f"checkpoint={checkpoint}", "device=cpu")
    assert model.spec.architecture
    assert "architecture" not in model.provenance()


STANDS_FOR = {
    "rzenembed_v2_7b": standins.MAKERS["qwen2_vl"],
    "lamra_ret_qwen2_5vl_7b": standins.MAKERS["qwen2_5_vl"],
    "qwen3_vl_embedding_2b": standins.MAKERS["qwen3_vl"],
    "wemm_2b": standins.MAKERS["qwen3_5"],
    "e5_omni_3b": standins.MAKERS["qwen2_5_omni"],
    "omni_embed_nemotron_3b": standins.MAKERS["nv_omni_embed"],
    "cafe_7b": standins.MAKERS["llava_onevision"],
    "colpali_v1_3": standins.MAKERS["colpali"],
    "colqwen2": standins.MAKERS["colqwen2"],
    "colqwen2_5": standins.MAKERS["colqwen2_5"],
    "tomoro_colqwen3_4b": standins.MAKERS["colqwen3"],
    "colqwen3_5": standins.MAKERS["colqwen3_5"],
    "jina_embeddings_v4": standins.MAKERS["jina_embeddings_v4"],
    "nemotron_colembed_vl_4b_v2": standins.MAKERS["nemotron_colembed"],
}
"""A small checkpoint of each family, by a declaration that reads it."""


@pytest.mark.parametrize("name", STANDS_FOR)
def test_operations_are_those_that_torch_counts_in_the_forward_pass(name: str, tmp_path: Path):
    STANDS_FOR[name](tmp_path / "small")
    words = [f"checkpoint={tmp_path / 'small'}", "dtype=float32", "device=cpu", "attention=eager"]
    model = load_model(name, *words, "max_length=null")
    model.load()
    reader = Reader.of(known(model.spec))
    one, other = Image.new("RGB", (160, 110)), Image.new("RGB", (90, 230))
    for item in (
        Item(text="a cat upon a mat"),
        Item(images=[one]),
        Item(text="a cat", images=[one, other]),
        Item(frames=[one] * 5),
    ):
        with FlopCounterMode(display=False) as counter:
            model.embed([item], Side.CANDIDATE)
        length = model.plan(item, Side.CANDIDATE).length
        flops = reader.anatomy.forward(length, model.pictures(item).measure())
        # The counter takes causal attention for a full square.
        attention = flops.text_attention * (2 if reader.anatomy.causal else 1)
        assert counter.get_total_flops() == flops.matrices + attention + flops.vision_attention + flops.recurrence
        amount = reader.amount(item, Side.CANDIDATE)
        assert (amount.text_tokens + amount.visual_tokens, amount.flops) == (length, flops.total)

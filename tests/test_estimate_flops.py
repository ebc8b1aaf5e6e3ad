"""Operations and parameters, against published sizes and against torch's own counter."""

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from rzen_eval import config, load_model
from rzen_eval.estimate.flops import anatomy, declared_config
from rzen_eval.models.pixels import Visual


def declared(model: str):
    return config.load([f"model={model}", "task=visdoc/vidore_arxivqa"]).model


@pytest.mark.parametrize(
    ("model", "parameters", "dim"), [("rzenembed_v2_7b", 8_291_375_616, 3584), ("vlm2vec_v2_2b", 2_208_985_600, 1536)]
)
def test_the_declared_sizes_make_a_model_of_the_published_size(model: str, parameters: int, dim: int):
    spec = declared(model)
    found = anatomy(declared_config(spec.architecture))
    assert (found.parameters, found.dim) == (parameters, dim)
    assert (round(found.parameters / 1e9, 2), found.dim) == (spec.parameters_b, spec.dim)


def test_every_matrix_of_the_7b_model_is_counted_by_hand():
    found = anatomy(declared_config(declared("rzenembed_v2_7b").architecture))
    layer = 3584 * (3584 + 512 + 512 + 3584) + 3 * 3584 * 18944  # q, k, v, o; gate, up, down
    assert found.per_token == 28 * layer
    block = 1280 * (3 * 1280 + 1280) + 2 * 1280 * 5120
    assert found.per_patch == 3 * 2 * 14 * 14 * 1280 + 32 * block
    assert found.per_visual_token == 5120 * 5120 + 5120 * 3584


def test_declared_sizes_are_no_part_of_what_tells_vectors_apart(checkpoint: Path):
    model = load_model("rzenembed_v2_7b", f"checkpoint={checkpoint}", "device=cpu")
    assert model.spec.architecture
    assert "architecture" not in model.provenance()


@pytest.mark.parametrize("visuals", [[], [Visual(84, 56)], [Visual(56, 56), Visual(112, 28)], [Visual(56, 84, 8)]])
def test_operations_are_those_that_torch_counts(visuals: list[Visual]):
    from transformers import Qwen2VLConfig, Qwen2VLModel

    architecture = declared("rzenembed_v2_7b").architecture.model_copy(
        update={
            "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
            "intermediate_size": 160, "vocab_size": 200,
            "vision": declared("rzenembed_v2_7b").architecture.vision.model_copy(
                update={"depth": 2, "embed_dim": 32, "num_heads": 2}
            ),
        }
    )  # fmt: skip
    small: Qwen2VLConfig = declared_config(architecture)
    small.text_config.rope_parameters = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}
    model = Qwen2VLModel._from_config(small, attn_implementation="eager").eval()
    length = 40
    grids = [[max(1, visual.frames // 2), visual.height // 14, visual.width // 14] for visual in visuals]
    patches = sum(t * h * w for t, h, w in grids)
    assert patches == 4 * sum(visual.n_tokens for visual in visuals)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        embeds = torch.randn(1, length, 64)
        if visuals:
            model.visual(torch.randn(patches, 3 * 2 * 14 * 14), grid_thw=torch.tensor(grids))
        model.language_model(inputs_embeds=embeds, use_cache=False)
    flops = anatomy(small).forward(length, visuals)
    # The counter takes causal attention for a full square.
    assert counter.get_total_flops() == flops.matrices + 2 * flops.text_attention + flops.vision_attention

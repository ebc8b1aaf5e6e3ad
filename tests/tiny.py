"""Tiny random checkpoints of true architectures, as their libraries save them."""

from __future__ import annotations

import json
import re
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rzen_eval.models.pictures import patches as cutting
from tests.goldens import FIXTURES

QWEN = FIXTURES / "tiny_qwen2vl"
"""Its tokenizer has Qwen2's special tokens and splitting."""
IMAGE, VIDEO, START, END = 889, 890, 886, 887
TEXT = {
    "vocab_size": 896, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 4096, "tie_word_embeddings": True,
    "bos_token_id": 877, "eos_token_id": 879, "pad_token_id": 877,
}  # fmt: skip
HYBRID = {
    "vocab_size": 904, "num_hidden_layers": 4, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
    "linear_key_head_dim": 16, "linear_value_head_dim": 8, "linear_conv_kernel_dim": 4,
    "rope_parameters": {
        "rope_type": "default", "rope_theta": 100.0, "mrope_section": [2, 1, 1], "partial_rotary_factor": 0.5,
    },
}  # fmt: skip
"""Of Qwen3.5: three layers that keep a state, one of attention."""
ROPE = {"rope_type": "default", "rope_theta": 100.0, "mrope_section": [2, 3, 3]}


def save(folder: Path, model: Any, pictures: dict[str, Any], tokenizer: Path = QWEN) -> Path:
    """Give a model random weights, norms included, and save it with what reads text and pictures."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if weight.ndim > 1:
                weight.normal_(0, weight.shape[-1] ** -0.5, generator=generator)
            else:
                weight.uniform_(0.5, 1.5, generator=generator)
                weight.sub_(1.0 if name.endswith("bias") else 0.0)
    model.save_pretrained(folder)
    for file in tokenizer.glob("*token*"):
        shutil.copy(file, folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(pictures))
    return folder


def patches(model: Any, pixels: Any) -> np.ndarray[Any, Any]:
    """Of loaded pictures, as the model's vision tower is given them."""
    vision = model._config.vision_config
    sent = {
        "pixels": torch.from_numpy(np.concatenate([one.reshape(-1) for one in pixels])),
        "table": torch.from_numpy(cutting.table(pixels, vision)),
        "channels": torch.from_numpy(model.image_settings.channels),
    }
    return cutting.cut(sent, model.image_settings, vision, torch.float32).numpy()


def qwen(folder: Path, family: str) -> Path:
    """Qwen2.5-VL, Qwen3-VL or Qwen3.5."""
    import transformers

    name = {"qwen2_5_vl": "Qwen2_5_VL", "qwen3_vl": "Qwen3VL", "qwen3_5": "Qwen3_5"}[family]
    vision = {"depth": 3, "hidden_size": 32, "num_heads": 2, "intermediate_size": 48, "out_hidden_size": 64}
    vision |= {
        "qwen2_5_vl": {"patch_size": 14, "window_size": 56, "fullatt_block_indexes": [1]},
        "qwen3_vl": {"patch_size": 16, "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]},
        "qwen3_5": {"patch_size": 16, "num_position_embeddings": 64},
    }[family]
    config = getattr(transformers, f"{name}Config")(
        text_config=TEXT | {"rope_parameters": ROPE} | (HYBRID if family == "qwen3_5" else {}),
        vision_config=vision,
        image_token_id=IMAGE, video_token_id=VIDEO, vision_start_token_id=START, vision_end_token_id=END,
        tie_word_embeddings=True,
    )  # fmt: skip
    pictures: dict[str, Any] = {"patch_size": vision["patch_size"], "temporal_patch_size": 2, "merge_size": 2}
    if family != "qwen2_5_vl":
        pictures |= {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    return save(folder, getattr(transformers, f"{name}ForConditionalGeneration")(config), pictures)


def wemm(folder: Path) -> Path:
    """Qwen3.5 with a tokenizer that knows `<embedding>`."""
    from transformers import AutoTokenizer

    qwen(folder, "qwen3_5")
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<embedding>"], special_tokens=True)
    tokenizer.save_pretrained(folder)
    return folder


CHAT = """\
{%- macro shown(content) -%}
{%- if content is string -%}{{- content -}}
{%- else -%}
{%- for part in content -%}
{%- if part.type == 'text' -%}{{- part.text -}}
{%- else -%}{{- '<|vision_start|><|' ~ part.type ~ '_pad|><|vision_end|>' -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- for message in messages -%}
{{- '<|im_start|>' ~ message.role ~ '\\n' ~ shown(message.content) | trim ~ '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n' -}}{%- endif -%}
"""
"""A template that makes of a conversation what Qwen3.5's own does: white space around a turn is taken off, an answer
begins behind an empty thought."""
ENDING = "<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n"
NUM_EOS = 3


def uembed(folder: Path) -> Path:
    """Qwen3.5 with a chat template and what UEmbed lays beside; its tokenizer ends prompts with a token of its own."""
    from transformers import AutoTokenizer

    shutil.copytree(FIXTURES / "golden" / "tiny_wemm", folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<think>", "</think>"])
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(CHAT)
    (folder / "sparse_info.json").write_text(json.dumps({"num_eos_tokens": NUM_EOS}))
    return folder


def llava(folder: Path) -> Path:
    """LLaVA-OneVision with tiles of 70 pixels, of 5 by 5 tokens, on sheets of up to 3 by 3 tiles."""
    from transformers import AutoTokenizer, LlavaOnevisionConfig, LlavaOnevisionForConditionalGeneration

    tokenizer: Any = AutoTokenizer.from_pretrained(QWEN)
    tokenizer.add_tokens(["<image>", "<video>"], special_tokens=True)
    config = LlavaOnevisionConfig(
        text_config=TEXT | {"model_type": "qwen2", "rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
        vision_config={
            "model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": 70, "patch_size": 14, "vision_use_head": False,
        },
        image_grid_pinpoints=[[70 * rows, 70 * columns] for rows in (1, 2, 3) for columns in (1, 2, 3)],
        vision_aspect_ratio="anyres_max_4",
        image_token_index=len(tokenizer) - 2, video_token_index=len(tokenizer) - 1,
        tie_word_embeddings=True,
    )  # fmt: skip
    model = LlavaOnevisionForConditionalGeneration(config)
    save(folder, model, {"image_mean": [0.5] * 3, "image_std": [0.5] * 3})
    tokenizer.save_pretrained(folder)
    return folder


def colpali(folder: Path) -> Path:
    """ColPali with squares of 56 pixels, of 4 by 4 tokens, and 16 dimensions; its image token has no embedding."""
    from transformers import AutoTokenizer, ColPaliConfig, ColPaliForRetrieval

    tokenizer: Any = AutoTokenizer.from_pretrained(QWEN)
    tokenizer.add_tokens(["<bos>", "<pad>", "<image>"], special_tokens=True)
    vision = {
        "model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 2, "image_size": 56, "patch_size": 14, "vision_use_head": False,
    }  # fmt: skip
    text = TEXT | {"model_type": "gemma", "vocab_size": len(tokenizer) - 1}
    beneath = {
        "model_type": "paligemma", "text_config": text, "vision_config": vision, "projection_dim": 64,
        "image_token_index": len(tokenizer) - 1,
    }  # fmt: skip
    model = ColPaliForRetrieval(ColPaliConfig(vlm_config=beneath, embedding_dim=16))
    save(folder, model, {"image_mean": [0.5] * 3, "image_std": [0.5] * 3})
    tokenizer.save_pretrained(folder)
    return folder


def colqwen2(folder: Path) -> Path:
    """ColQwen2 with the Qwen2-VL of the fixtures beneath, as its authors save it."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(QWEN, folder)
    weights = load_file(QWEN / "model.safetensors")
    generator = torch.Generator().manual_seed(0)
    weights["custom_text_proj.weight"] = torch.randn(128, 64, generator=generator) / 8
    weights["custom_text_proj.bias"] = torch.randn(128, generator=generator) / 8
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


OMNI = ("qwen2_5_omni_thinker", "nvomniembed")
"""What the config.json of a thinker says that it is."""


def omni(folder: Path, kind: str) -> Path:
    """The thinker of Qwen2.5-Omni as transformers saved it before 5.0; every weight is drawn by its own name."""
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer, Qwen2_5OmniThinkerConfig, Qwen2_5OmniThinkerModel

    tokenizer: Any = AutoTokenizer.from_pretrained(QWEN)
    marks = ["<|vision_bos|>", "<|vision_eos|>", "<|IMAGE|>", "<|VIDEO|>"]
    tokenizer.add_tokens(marks, special_tokens=True)
    start, end, image, video = tokenizer.convert_tokens_to_ids(marks)
    config = Qwen2_5OmniThinkerConfig(
        text_config={key: value for key, value in TEXT.items() if key != "head_dim"}
        | {"rope_parameters": ROPE, "vocab_size": 904, "tie_word_embeddings": False},
        vision_config={
            "depth": 3, "hidden_size": 32, "num_heads": 2, "intermediate_size": 48, "out_hidden_size": 64,
            "patch_size": 14, "window_size": 56, "fullatt_block_indexes": [1],
        },
        audio_config={
            "d_model": 16, "encoder_ffn_dim": 24, "encoder_layers": 1, "encoder_attention_heads": 2, "output_dim": 64,
        },
        image_token_index=image, video_token_index=video, vision_start_token_id=start, vision_end_token_id=end,
    )  # fmt: skip
    pictures = {"patch_size": 14, "temporal_patch_size": 2, "merge_size": 2}
    save(folder, Qwen2_5OmniThinkerModel(config), pictures)
    tokenizer.save_pretrained(folder)
    said = folder / "config.json"
    said.write_text(json.dumps(json.loads(said.read_text()) | {"model_type": kind}))
    shapes = {re.sub(r"^model\.", "", name): one.shape for name, one in load_file(folder / "model.safetensors").items()}
    weights = {re.sub(r"^language_model\.", "model.", name): _drawn(name, shape) for name, shape in shapes.items()}
    weights["lm_head.weight"] = _drawn("lm_head.weight", torch.Size((904, 64)))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


LATE = {
    "colqwen2_5": ("qwen2_5_vl", {"model_type": "qwen2_5_vl"}, (r"^language_model\.", "model."), 128),
    "colqwen3_5": ("qwen3_5", {"model_type": "qwen3_5", "dim": 24}, ("^", ""), 24),
    "tomoro": ("qwen3_vl", {"model_type": "colqwen3", "embed_dim": 24}, ("^", "vlm.model."), 24),
    "ops": ("qwen3_vl", {"model_type": "ops_colqwen3", "dims": 64}, ("^", ""), 64),
}
"""Of late interaction by maker: what is beneath, what its config.json says, how names of weights are changed, and
dimensions."""


def colqwen(folder: Path, maker: str) -> Path:
    """ColQwen2.5, ColQwen3 or ColQwen3.5 as its authors save it; every weight is drawn by its own name."""
    from safetensors.torch import load_file, save_file

    beneath, said, renamed, dim = LATE[maker]
    qwen(folder, beneath)
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | said))
    if beneath != "qwen2_5_vl":
        pictures = folder / "preprocessor_config.json"
        size = {"shortest_edge": 64 * 1024, "longest_edge": 1280 * 1024}
        pictures.write_text(json.dumps(json.loads(pictures.read_text()) | {"size": size}))
    shapes = {name: one.shape for name, one in load_file(folder / "model.safetensors").items()}
    inner = {re.sub(r"^model\.(?=visual|language_model)", "", name): shape for name, shape in shapes.items()}
    inner = {re.sub(r"^model\.", "language_model.", name): shape for name, shape in inner.items()}
    weights = {re.sub(*renamed, name): _drawn(name, shape) for name, shape in inner.items()}
    layer = "embedding_proj_layer" if maker == "tomoro" else "custom_text_proj"
    for part, shape in (("weight", (dim, 64)), ("bias", (dim,))):
        weights[f"{layer}.{part}"] = _drawn(f"layer.{part}", torch.Size(shape))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def nemotron(folder: Path) -> Path:
    """Nemotron ColEmbed as transformers saves its authors' class, its head beside; weights are drawn by their names."""
    from safetensors.torch import load_file, save_file

    qwen(folder, "qwen3_vl")
    said = {"model_type": "qwen3_vl_nemotron_embed", "pooling": "colbert", "tie_word_embeddings": False}
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | said))
    pictures = folder / "preprocessor_config.json"
    size = {"shortest_edge": 4 * 1024, "longest_edge": 64 * 1024}
    pictures.write_text(json.dumps(json.loads(pictures.read_text()) | {"size": size}))
    shapes = {name: one.shape for name, one in load_file(folder / "model.safetensors").items()}
    shapes["lm_head.weight"] = torch.Size((896, 64))
    weights = {name: _drawn(name, shape) for name, shape in shapes.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


ADAPTED = re.compile(r"layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.\w+_proj)\.weight$|multi_vector_projector\.weight$")


def jina(folder: Path) -> Path:
    """jina-embeddings-v4 as its authors' classes save it, with its adapters; weights are drawn by their names."""
    from safetensors.torch import load_file, save_file

    qwen(folder, "qwen2_5_vl")
    pictures = folder / "preprocessor_config.json"
    limits = {"min_pixels": 4 * 784, "max_pixels": 64 * 784}
    pictures.write_text(json.dumps(json.loads(pictures.read_text()) | limits))
    shapes = {name: one.shape for name, one in load_file(folder / "model.safetensors").items()}
    shapes = {re.sub(r"^model\.language_model\.", "model.", name): shape for name, shape in shapes.items()}
    shapes = {re.sub(r"^model\.visual\.", "visual.", name): shape for name, shape in shapes.items()}
    shapes |= {
        "multi_vector_projector.weight": torch.Size((128, 64)),
        "multi_vector_projector.bias": torch.Size((128,)),
    }
    weights = {name: _drawn(name, shape) for name, shape in shapes.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    found = {}
    for name, shape in shapes.items():
        if name.startswith("visual.") or not ADAPTED.search(name):
            continue
        module = re.sub(r"^model\.", "model.language_model.", name.removesuffix(".weight"))
        for task in ("retrieval", "text-matching", "code"):
            for part, size in (("A", (4, shape[1])), ("B", (shape[0], 4))):
                key = f"base_model.model.{module}.lora_{part}.{task}.weight"
                found[key] = _drawn(key, torch.Size(size)) / (1 if part == "A" else 4)
    (folder / "adapters").mkdir()
    save_file(found, folder / "adapters" / "adapter_model.safetensors")
    pattern = r".*model.*_proj$|multi_vector_projector$"
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": pattern, "exclude_modules": ".*visual.*"}
    (folder / "adapters" / "adapter_config.json").write_text(json.dumps(config))
    return folder


def _drawn(name: str, shape: torch.Size) -> torch.Tensor:
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    if len(shape) > 1:
        return torch.randn(shape, generator=generator) * shape[-1] ** -0.5
    return torch.rand(shape, generator=generator) + (-0.5 if name.endswith("bias") else 0.5)


ALONE = {"colqwen2": colqwen2, "uembed": uembed, "nemotron": nemotron, "jina": jina}
"""What makes a small checkpoint, by the word that goldens have for it."""


def checkpoint(name: str, folder: Path) -> Path:
    """That of a golden, by the name that it says: made in a folder, or one that is kept."""
    if name in ALONE:
        return Path(ALONE[name](folder / name))
    if name in LATE:
        return colqwen(folder / name, name)
    return omni(folder / name, name) if name in OMNI else FIXTURES / name

"""What the engine's benchmarks run on: mirrors of five tasks and of three, and a checkpoint of random weights."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

TASKS = ("image/mscoco_t2i", "image/visualnews_t2i", "image/docvqa", "video/msvd", "visdoc/vidore_arxivqa")
TOKENIZER = Path(__file__).parent.parent / "tests/fixtures/tiny_qwen2vl"
WORDS = ["red", "blue", "old", "crowded", "woman", "dog", "street", "table", "chart", "stands", "under", "answer"]
POOL = 10
"""Candidates of a query of an image task."""


def make_mirror(root: Path, n: int, *, cheap: bool) -> None:
    """Tasks in their true layouts: two of images for a text, image questions, clips of eight frames, pages in a table.

    Args:
        root: where.
        n: distinct items in all; images that the first two tasks share are counted once.
        cheap: whether all pictures are of 56 by 56 pixels, so that many can be made and read.
    """
    rng = np.random.default_rng(0)
    images = root / "TIGER-Lab/MMEB-V2/image-tasks"
    sizes = {name: max(2, round(share * n)) for name, share in SHARES.items()}

    def saved(task: str, many: int) -> list[str]:
        paths = [f"{task}/{number // 1000:03d}/{number:06d}.jpg" for number in range(many)]
        for path in paths:
            (images / path).parent.mkdir(parents=True, exist_ok=True)
            (images / path).write_bytes(_jpeg(rng, 56 if cheap else (150, 900)))
        return paths

    coco = saved("MSCOCO_t2i", sizes["coco_images"])
    news = coco[: sizes["shared_images"]] + saved("VisualNews_t2i", sizes["news_images"])
    for task, queries, paths in (
        ("MSCOCO_t2i", "coco_captions", coco),
        ("VisualNews_t2i", "news_captions", news),
    ):
        _image_rows(root, task, [
            {
                "qry_inst": f"Find me an image of {task} that matches the given caption:", "qry_text": text,
                "tgt_inst": "<|image_1|>\nRepresent the given image.", "tgt_text": [""] * POOL, "tgt_img_path": pool,
            }
            for text, pool in zip(_texts(rng, sizes[queries], 3, 20), _pools(paths, sizes[queries]), strict=True)
        ])  # fmt: skip
    asked = saved("DocVQA", sizes["questions"])
    answers = _pools(_texts(rng, sizes["answers"], 1, 6), len(asked))
    _image_rows(root, "DocVQA", [
        {
            "qry_inst": "<|image_1|>\nRepresent the given image with the following question:", "qry_text": text,
            "qry_img_path": path, "tgt_text": pool,
        }
        for text, path, pool in zip(_texts(rng, len(asked), 3, 12), asked, answers, strict=True)
    ])  # fmt: skip
    frames = root / "TIGER-Lab/MMEB-V2/video-tasks/frames/video_ret/MSVD"
    clips = [f"clip{number}" for number in range(sizes["clips"])]
    for clip in clips:
        (frames / clip).mkdir(parents=True)
        side = 56 if cheap else int(rng.integers(200, 500))
        for frame in range(8):
            (frames / clip / f"{frame:04d}.jpeg").write_bytes(_jpeg(rng, side))
    _write(root / "VLM2Vec/MSVD", "data", [
        {"video_id": clip, "video": f"{clip}.avi", "caption": [text]}
        for clip, text in zip(clips, _texts(rng, len(clips), 3, 10), strict=True)
    ])  # fmt: skip
    pages = [{"bytes": _jpeg(rng, 56 if cheap else (600, 1100)), "path": None} for _ in range(sizes["pages"])]
    repo = root / "vidore/arxivqa_test_subsampled_beir"
    _write(repo, "corpus", [{"corpus-id": number, "image": page} for number, page in enumerate(pages)], image="image")
    texts = _texts(rng, sizes["page_questions"], 3, 16)
    _write(repo, "queries", [{"query-id": number, "query": text} for number, text in enumerate(texts)])
    judged = [{"query-id": number, "corpus-id": number % len(pages), "score": 1} for number in range(len(texts))]
    _write(repo, "qrels", judged)


def make_three_tasks(root: Path, share: float) -> dict[str, int]:
    """Tasks of 960 items: pictures and their labels, captions and clips of eight frames, questions and small pages.

    Args:
        root: where.
        share: of 960 items.

    Returns:
        Items by kind.
    """
    rng = np.random.default_rng(0)
    kinds = {"pictures": 400, "labels": 100, "clips": 100, "captions": 100, "queries": 60, "pages": 200}
    sizes = {kind: max(2, round(share * count)) for kind, count in kinds.items()}
    images = root / "TIGER-Lab/MMEB-V2/image-tasks/ImageNet-1K"
    images.mkdir(parents=True)
    labels = _texts(rng, sizes["labels"], 1, 2)
    rows = []
    for number in range(sizes["pictures"]):
        (images / f"{number:04d}.jpg").write_bytes(_jpeg(rng, (80, 200)))
        label = number % len(labels)
        rows.append({
            "qry_inst": "<|image_1|>\nRepresent the given image for classification", "qry_text": "",
            "qry_img_path": f"ImageNet-1K/{number:04d}.jpg", "tgt_text": labels[label:] + labels[:label],
        })  # fmt: skip
    _image_rows(root, "ImageNet-1K", rows)
    frames = root / "TIGER-Lab/MMEB-V2/video-tasks/frames/video_ret/MSVD"
    clips = []
    for number, text in enumerate(_texts(rng, sizes["clips"], 5, 20)):
        (frames / f"clip{number}").mkdir(parents=True)
        for frame in range(8):
            (frames / f"clip{number}" / f"{frame:04d}.jpeg").write_bytes(_jpeg(rng, 112))
        clips.append({"video_id": f"clip{number}", "video": f"clip{number}.avi", "caption": [text]})
    _write(root / "VLM2Vec/MSVD", "data", clips)
    repo, pages = root / "vidore/arxivqa_test_subsampled_beir", range(sizes["pages"])
    table = [{"corpus-id": number, "image": {"bytes": _jpeg(rng, (150, 300)), "path": None}} for number in pages]
    _write(repo, "corpus", table, image="image")
    questions = enumerate(_texts(rng, sizes["queries"], 5, 25))
    _write(repo, "queries", [{"query-id": number, "query": text} for number, text in questions])
    judged = [{"query-id": number, "corpus-id": number % len(pages), "score": 1} for number in range(sizes["queries"])]
    _write(repo, "qrels", judged)
    return sizes


SHARES = {
    "coco_captions": 0.125, "coco_images": 0.175, "news_captions": 0.075, "news_images": 0.05, "shared_images": 0.075,
    "questions": 0.125, "answers": 0.15, "clips": 0.05, "page_questions": 0.1, "pages": 0.1,
}  # fmt: skip
"""Of the distinct items; as many captions as clips come on top, and shared images are of the first task."""


KINDS = (
    ("image", "image_pad"), ("video", "video_pad"), ("vision_start", "vision_start"), ("vision_end", "vision_end"),
)  # fmt: skip
"""Names that the configuration and the tokenizer have for the same token."""


def make_checkpoint(folder: Path) -> int:
    """A Qwen2-VL of random weights as stock transformers saves it.

    Its vocabulary is as large a part of it as in the released 2B, so that the LM head costs what it does there.

    Returns:
        Its parameters.
    """
    import torch
    from transformers import AutoTokenizer, Qwen2VLConfig, Qwen2VLForConditionalGeneration

    tokenizer: Any = AutoTokenizer.from_pretrained(TOKENIZER)
    ids: dict[str, Any] = {f"{name}_token_id": tokenizer.convert_tokens_to_ids(f"<|{token}|>") for name, token in KINDS}
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": 8192, "hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 8,
            "num_attention_heads": 6, "num_key_value_heads": 2, "max_position_embeddings": 32768,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [8, 12, 12]},
            "bos_token_id": None, "eos_token_id": None, "pad_token_id": None, "tie_word_embeddings": True,
        },
        vision_config={"depth": 6, "embed_dim": 192, "hidden_size": 384, "num_heads": 6, "mlp_ratio": 4},
        tie_word_embeddings=True,
        **ids,
    )  # fmt: skip
    torch.manual_seed(0)
    model: Any = Qwen2VLForConditionalGeneration(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    shutil.copy(TOKENIZER / "preprocessor_config.json", folder)
    return sum(weight.numel() for weight in model.parameters())


def _texts(rng: np.random.Generator, n: int, shortest: int, longest: int) -> list[str]:
    lengths = rng.integers(shortest, longest, n, endpoint=True)
    return [" ".join([*rng.choice(WORDS, length), str(number)]) for number, length in enumerate(lengths.tolist())]


def _pools(names: Sequence[str], n: int) -> list[list[str]]:
    """Pools for n queries that together hold every name."""
    return [[names[(query * len(names) // n + place) % len(names)] for place in range(POOL)] for query in range(n)]


def _jpeg(rng: np.random.Generator, side: int | tuple[int, int]) -> bytes:
    size = (side, side) if isinstance(side, int) else tuple(rng.integers(*side, 2).tolist())
    shades = rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(shades).resize(size, Image.Resampling.BICUBIC).save(stream, format="JPEG", quality=90)
    return stream.getvalue()


def _image_rows(root: Path, task: str, rows: list[dict[str, Any]]) -> None:
    _write(root / "ziyjiang/MMEB_Test_Instruct", task, rows)


def _write(repo: Path, config: str, rows: list[dict[str, Any]], image: str | None = None) -> None:
    """A configuration of a repository, as `hf download` leaves it."""
    import datasets

    datasets.disable_progress_bars()
    (repo / config).mkdir(parents=True)
    table = datasets.Dataset.from_list(rows)
    if image:
        table = table.cast_column(image, datasets.Image())
    table.to_parquet(repo / config / "test.parquet")
    configs = "".join(
        f"- config_name: {file.parent.name}\n  data_files:\n  - split: test\n    path: {file.relative_to(repo)}\n"
        for file in sorted(repo.glob("*/*.parquet"))
    )
    (repo / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")

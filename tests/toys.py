"""Small repositories, tasks and embedders that tests share."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from PIL import Image

from rzen_eval.core import Item, Side, Task, Vectors

REPO = "toys/pages"


def page(shade: int, size: tuple[int, int] = (56, 56)) -> bytes:
    """A PNG of one grey."""
    stream = io.BytesIO()
    Image.new("RGB", size, (shade, shade, shade)).save(stream, format="PNG")
    return stream.getvalue()


def write_beir(
    root: Path,
    queries: Mapping[Any, str],
    corpus: Mapping[Any, bytes] | Sequence[tuple[Any, bytes]],
    qrels: Sequence[tuple[Any, Any, float]],
    *,
    repo: str = REPO,
    configs: Sequence[str] = ("queries", "corpus", "qrels"),
) -> Path:
    """A BEIR-shaped repository on disk, as `hf download` leaves it."""
    pages = list(corpus.items()) if isinstance(corpus, Mapping) else list(corpus)
    tables = {
        "queries": {"query-id": list(queries), "query": list(queries.values())},
        "corpus": {
            "corpus-id": [name for name, _ in pages],
            "image": [{"bytes": content, "path": None} for _, content in pages],
        },
        "qrels": {
            "query-id": [query for query, _, _ in qrels],
            "corpus-id": [name for _, name, _ in qrels],
            "score": [score for _, _, score in qrels],
        },
    }
    return write_tables(root / repo, {config: tables[config] for config in configs}, {"corpus"})


def write_tables(folder: Path, tables: Mapping[str, Mapping[str, Iterable[Any]]], pictured: Collection[str]) -> Path:
    """A repository of configurations; columns `image` of those that are pictured are images."""
    datasets.disable_progress_bars()
    head = []
    for config, columns in tables.items():
        table = datasets.Dataset.from_dict({name: list(values) for name, values in columns.items()})
        if config in pictured:
            table = table.cast_column("image", datasets.Image())
        (folder / config).mkdir(parents=True)
        table.to_parquet(folder / config / "test-00000-of-00001.parquet")
        head.append(f"- config_name: {config}\n  data_files:\n  - split: test\n    path: {config}/test-*.parquet\n")
    (folder / "README.md").write_text(f"---\nconfigs:\n{''.join(head)}---\n")
    return folder


def toy_task(root: Path, cache: Path, **fields: Any) -> Task:
    """A task over a repository of `write_beir`."""
    return Task.model_validate(
        {
            "id": "toy",
            "name": "Toy",
            "modality": "visdoc",
            "group": "ViDoRe-V1",
            "recipe": "visdoc",
            "metric": "ndcg_linear@5",
            "pool": "corpus",
            "dataset": {"repo": REPO, "split": "test"},
            "instruction": {"query": "Find:", "candidate": "Read."},
            "n_queries": 4,
            "n_candidates": 4,
            "source": {"kind": "mirror", "root": root},
            "cache_dir": cache,
        }
        | fields
    )


def four_pages(root: Path, ids: Sequence[Any] = ("p0", "p1", "p2", "p3")) -> Path:
    """Four queries, each about the page of its own shade."""
    return write_beir(
        root,
        {f"q{i}": f"shade {60 * i}" for i in range(4)},
        {name: page(60 * i) for i, name in enumerate(ids)},
        [(f"q{i}", name, 1) for i, name in enumerate(ids)],
    )


def shade_of(item: Item) -> int:
    """What `four_pages` says or shows."""
    if item.text:
        return int(item.text.split()[-1])
    return int(np.asarray(item.images[0])[0, 0, 0])


class Oracle:
    """Knows every shade: one direction each."""

    def embed(self, items: Sequence[Item], side: Side) -> Vectors:
        vectors = np.zeros((len(items), 5), dtype=np.float32)
        for row, item in enumerate(items):
            vectors[row, shade_of(item) // 60] = 1
        return vectors


class Constant:
    """Embeds everything alike."""

    def embed(self, items: Sequence[Item], side: Side) -> Vectors:
        return np.full((len(items), 4), 0.5, dtype=np.float32)


class Broken:
    """Yields NaN for one item."""

    def embed(self, items: Sequence[Item], side: Side) -> Vectors:
        vectors = np.full((len(items), 4), 0.5, dtype=np.float32)
        vectors[1, 2] = np.nan
        return vectors

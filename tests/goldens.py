"""What the code of a model's authors computed on a small random checkpoint, to hold the declared model against.

`fixtures/golden/NAME.json` holds the reference with its commit and versions, and inputs with token ids where these were
kept (`889x4` is one id four times); `NAME.npz` vectors in float32, in float16 where an item has several, and under
`bfloat16 ID` those of the reference in bfloat16. Pictures that begin with `+` lie in `golden/images`. That of RzenEmbed
lies in `fixtures/rzen`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rzen_eval import Item
from rzen_eval.core import Side

FIXTURES = Path(__file__).parent / "fixtures"
FOLDER = FIXTURES / "golden"
RZEN = FIXTURES / "rzen"
NAMES = (*sorted(file.stem for file in FOLDER.glob("*.json")), "rzenembed")
LONG = {"q09": "longer than the model reads: the reference cuts off the token that it pools, here the text is cut"}
ONE_PICTURE = "the reference sees one picture of several, here all of them are seen"
DEVIATIONS: Mapping[str, Mapping[str, str]] = {
    "gme": LONG,
    "gme_mmeb": {**LONG, "x06": ONE_PICTURE, "x12": ONE_PICTURE},
    "lamra_mmeb": {"x06": ONE_PICTURE, "x12": ONE_PICTURE},
    "lamra_qwen25_mmeb": {"x06": ONE_PICTURE, "x12": ONE_PICTURE},
    "qwen3_vl_embedding": {"q15": LONG["q09"], "c25": LONG["q09"]},
    "rzenembed": {"t09": LONG["q09"], "m04": LONG["q09"]},
    "e5_omni": LONG,
    "cafe": {"q08": "the reference takes a special token in a text for padding, here it is read"},
}
"""Items in which a model differs from its reference on purpose, by golden."""


@dataclass(frozen=True)
class Golden:
    """One of them."""

    name: str
    meta: Mapping[str, Any]
    vectors: Mapping[str, NDArray[np.float32]]

    @property
    def declarations(self) -> list[str]:
        """Models that it is of; those after the first are the same in another size."""
        return list(self.meta["ours"])

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its inputs."""
        return list(self.meta["items"])

    @property
    def deviations(self) -> Mapping[str, str]:
        """Items that differ on purpose, and why."""
        return DEVIATIONS.get(self.name, {})


@cache
def golden(name: str) -> Golden:
    """A golden of the fixtures."""
    if name == "rzenembed":
        return _rzenembed()
    with np.load(FOLDER / f"{name}.npz") as kept:
        vectors = {key: kept[key].astype(np.float32) for key in kept.files}
    return Golden(name, json.loads((FOLDER / f"{name}.json").read_text()), vectors)


def _rzenembed() -> Golden:
    """Of the released code, which joins instruction and text with nothing between."""
    cases = json.loads((RZEN / "items.json").read_text())
    rows = np.load(RZEN / "vectors.npz")
    meta = {
        "reference": "360CVGroup/RzenEmbed: rzen_embed_inference.py",
        "commit": "b07eb54",
        "versions": {"transformers": "4.51.3"},
        "checkpoint": "tiny_qwen2vl",
        "ours": ["rzenembed_v2_7b", "rzenembed_v1_2b"],
        "items": [rzen_line(case) | {"ids": " ".join(map(str, case["input_ids"]))} for case in cases],
    }
    made = {case["id"]: row for case, row in zip(cases, rows["sequential"], strict=True)}
    halved = {f"bfloat16 {case['id']}": row for case, row in zip(cases, rows["bfloat16"], strict=True)}
    return Golden("rzenembed", meta, made | halved)


def rzen_line(case: Mapping[str, Any]) -> dict[str, Any]:
    """An input of RzenEmbed's golden as others have theirs."""
    kind = "frames" if case["kind"] == "video" else "images"
    pictures = [name.removeprefix("images/") for name in case["images"] or ()]
    text = (case["instruction"] or "") + (case["text"] or "")
    return {"id": case["id"], "side": "query", "text": text, kind: pictures}


def item(line: Mapping[str, Any]) -> tuple[Item, Side]:
    """An input as an item."""
    text = line.get("text")
    if isinstance(text, dict):
        text = text["after"] + " ".join(f"word{number * 919 % 1000}" for number in range(text["words"]))
    given = {key: line[key] for key in ("user_turn", "verbatim", "kind") if key in line}
    given = {key: f"{line['instruction']} {text}" if isinstance(said, dict) else said for key, said in given.items()}
    pictures = {kind: tuple(map(_place, line.get(kind, ()))) for kind in ("images", "frames")}
    return Item(text=text, instruction=line.get("instruction"), **pictures, **given), Side(line["side"])


def ids(line: Mapping[str, Any]) -> list[int] | None:
    """Token ids of the reference, where they were kept."""
    if "ids" not in line:
        return None
    runs = (run.partition("x") for run in line["ids"].split())
    return [int(number) for number, _, times in runs for _ in range(int(times or 1))]


def cosine(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """Of two vectors; of two matrices that of their worst rows. 0 where the shapes differ."""
    if ours.shape != theirs.shape:
        return 0.0
    ours, theirs = (rows / np.linalg.norm(rows, axis=-1, keepdims=True) for rows in (ours, theirs))
    return float((ours * theirs).sum(axis=-1).min())


def _place(name: str) -> str:
    if name.startswith("v05_"):
        return str(FOLDER / "images" / name)
    return str(FOLDER / "images" / name[1:] if name.startswith("+") else RZEN / "images" / name)

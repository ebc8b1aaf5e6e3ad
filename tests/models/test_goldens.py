"""Declared models against the code of the people who made them, or ran them for a published row.

The table of them, `rzen_eval/benchmark/proof.json`, is made by these tests; RZEN_EVAL_WRITE_PROOF=1 writes it.
"""

import json
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rzen_eval import load_model
from rzen_eval.benchmark import proof
from rzen_eval.config.compose import load
from tests import standins, tiny
from tests.conftest import FIXTURES, SAME_PIXELS
from tests.goldens import NAMES, Golden, cosine, golden, ids, item

EQUAL = 0.9999 if SAME_PIXELS else 0.999
EQUAL_IN_BFLOAT16 = 0.999
MANY_FRAMES = 20
SHARED = Path(__file__).parents[3] / "shared" / "golden" / "models"
OF_A_SIZE = {
    "name", "checkpoint", "revision", "parameters_b", "dim", "architecture", "reproduces", "base_revision", "license",
    "image", "frame",
}  # fmt: skip
"""What two sizes of one model may differ in; in sizes of pictures where no picture of the golden reaches them."""


@pytest.fixture(params=NAMES)
def kept(request: pytest.FixtureRequest) -> Golden:
    return golden(request.param)


def place(kept: Golden, folder: Path) -> Path:
    """The small checkpoint of a golden; those of ColQwen, Qwen2.5-Omni and UEmbed are made."""
    return tiny.checkpoint(str(kept.meta["checkpoint"]), folder)


def opened(kept: Golden, folder: Path, dtype: str) -> Any:
    return load_model(kept.declarations[0], f"checkpoint={folder}", f"dtype={dtype}", "device=cpu", "dim=null")


def cosines(kept: Golden, model: Any, prefix: str = "") -> dict[str, float]:
    """Of every item for which there is a vector."""
    found = {}
    for line in kept.lines:
        if (key := prefix + line["id"]) in kept.vectors:
            one, side = item(line)
            found[line["id"]] = cosine(np.asarray(model.embed([one], side=side)[0]), kept.vectors[key])
    return found


def test_vectors_and_token_ids_equal_the_reference_but_for_named_deviations(kept: Golden, tmp_path: Path):
    model = opened(kept, place(kept, tmp_path), "float32")
    found = cosines(kept, model)
    assert len(found) == len(kept.lines) >= 9
    differing = {name for name, value in found.items() if value < EQUAL}
    assert differing == set(kept.deviations), {name: found[name] for name in differing ^ set(kept.deviations)}
    for line in kept.lines:
        if line["id"] not in kept.deviations and (expected := ids(line)) is not None:
            one, side = item(line)
            assert model.plan(one, side).input_ids.tolist() == expected, line["id"]
    worst = min(value for name, value in found.items() if name not in kept.deviations)
    assert worst >= EQUAL
    counted = proof.Proof(
        reference=kept.meta["reference"],
        commit=kept.meta["commit"],
        versions=kept.meta["versions"],
        items=len(found),
        equal=len(found) - len(differing),
        worst=math.floor(min(worst, 1.0) * 1e5) / 1e5,
        deviations=dict(kept.deviations),
    )
    for name in kept.declarations:
        check(name, counted)


def test_frames_of_a_clip_are_resized_as_by_the_authors_of_qwen3_vl_embedding_not_as_by_pillow():
    """Pillow's rounding twice leaves vectors 1e-4 to 2e-4 from theirs."""
    kept = golden("qwen3_vl_embedding")
    model = opened(kept, FIXTURES / str(kept.meta["checkpoint"]), "float32")
    for line in (line for line in kept.lines if line["id"] in {"c19", "x08"}):
        one, side = item(line)
        assert np.asarray(model.embed([one], side=side)[0]) == pytest.approx(kept.vectors[line["id"]], abs=2e-5)


def check(name: str, counted: proof.Proof) -> None:
    """Compare with the table, or write it."""
    table = json.loads(proof.FILE.read_text()) if proof.FILE.is_file() else {}
    if os.environ.get("RZEN_EVAL_WRITE_PROOF"):
        table[name] = counted.model_dump(mode="json") | {"uncertain": table.get(name, {}).get("uncertain", "")}
        proof.FILE.write_text(json.dumps(dict(sorted(table.items())), indent=1) + "\n")
        proof.table.cache_clear()
    said = proof.table()[name]
    assert said.worst == pytest.approx(counted.worst, abs=1 - EQUAL)
    assert said.model_copy(update={"uncertain": "", "worst": counted.worst}) == counted


def test_in_bfloat16_vectors_are_close_to_those_of_the_reference_in_bfloat16(kept: Golden, tmp_path: Path):
    """Of several vectors an item the mean counts: a state near zero turns far in so few bits.

    Clips of many frames are left to float32, which takes seconds for each.
    """
    if not any(key.startswith("bfloat16 ") for key in kept.vectors):
        pytest.skip("no vectors of this reference in bfloat16 were made")
    model = opened(kept, place(kept, tmp_path), "bfloat16")
    for line in kept.lines:
        key = f"bfloat16 {line['id']}"
        if line["id"] in kept.deviations or key not in kept.vectors or len(line.get("frames", ())) > MANY_FRAMES:
            continue
        one, side = item(line)
        ours, theirs = np.atleast_2d(np.asarray(model.embed([one], side=side)[0])), np.atleast_2d(kept.vectors[key])
        rows = [cosine(mine, other) for mine, other in zip(ours, theirs, strict=True)]
        assert np.mean(rows) > EQUAL_IN_BFLOAT16, line["id"]


def test_other_sizes_of_a_model_are_prepared_alike(kept: Golden):
    """So that what is shown with one declaration holds for all of a golden."""
    specs = [load([f"model={name}", "task=visdoc/vidore_arxivqa"]).model for name in kept.declarations]
    first, *others = (spec.model_dump(exclude=OF_A_SIZE) for spec in specs)
    assert all(other == first for other in others)
    if len({spec.image for spec in specs}) > 1:
        budgets = [spec.budgets[0] for spec in specs]
        visual = [(ids(line) or []).count(tiny.IMAGE) for line in kept.lines if line.get("images")]
        assert max(budget.min_tokens for budget in budgets) <= min(visual)
        assert max(visual) <= min(budget.max_tokens for budget in budgets)


def test_the_table_has_every_model_that_is_computed_here_or_says_that_it_is_not_proven():
    assert set(proof.table()) <= set(standins.local())
    assert {name for name in standins.local() if name not in proof.table()} == {"gme_2b_mteb", "rzenembed_v2_7b_paper"}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the goldens as a whole are not there")
@pytest.mark.parametrize("name", [name for name in NAMES if (SHARED / name).is_dir()])
def test_inputs_that_are_not_carried_along_are_equal_too(name: str):
    folder, kept = SHARED / name, golden(name)
    meta = json.loads((folder / "meta.json").read_text())
    expected = {one["id"]: one for one in map(json.loads, (folder / "expected.jsonl").read_text().splitlines())}
    model = load_model(
        kept.declarations[0], f"checkpoint={(SHARED / meta['checkpoint']).resolve()}", "dtype=float32", "device=cpu"
    )
    with np.load(folder / "expected.npz") as stored:
        vectors = dict(stored)
    carried, differing = {line["id"] for line in kept.lines}, set()
    for line in map(json.loads, (folder / "inputs.jsonl").read_text().splitlines()):
        if line["id"] in carried or "error" in expected[line["id"]]:
            continue
        places = {
            kind: [
                str(SHARED / "images" / one[1:] if one.startswith("+") else SHARED.parent / "rzen/images" / one)
                for one in line[kind]
            ]
            for kind in ("images", "frames")
        }
        one, side = item({**line, "images": [], "frames": []})
        ours = np.asarray(model.embed([replace(one, **places)], side=side)[0], dtype=np.float32)
        if cosine(ours, vectors[line["id"]]) < EQUAL:
            differing.add(line["id"])
    assert differing <= set(kept.deviations)

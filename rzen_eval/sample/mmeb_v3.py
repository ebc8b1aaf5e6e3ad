"""Made-up files in the layout of MMEB-V3: documents, tools, memories and products, and who asks for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from . import fields
from .files import save
from .rows import seeded
from .scenes import describe, several
from .specs import SampleCount

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from random import Random

    from .words import Field

REPO = "VLM2Vec/MMEB-V3"
FIELDS = (fields.SCIENCE, fields.FINANCE, fields.MACHINES, fields.ENERGY, fields.COUNCIL, fields.HOSPITAL)
TEXTS: Mapping[str, Sequence[str]] = {
    "BRIGHT": ("aops", "biology", "earth_science", "economics", "leetcode", "pony", "psychology", "robotics",
               "stackoverflow", "sustainable_living", "theoremqa_questions", "theoremqa_theorems"),
    "R2MED": ("Bioinformatics", "Biology", "IIYi-Clinical", "MedQA-Diag", "MedXpertQA-Exam", "Medical-Sciences",
              "PMC-Clinical", "PMC-Treatment"),
    "FollowIR": ("core17-instructions", "news21-instructions", "robust04-instructions"),
    "InfoSearch": ("Audience-v1", "Clarity-v1", "Format-v1", "Language-v1", "Length-v1", "Source-v1"),
    "LongEmbed": ("2wikimqa", "narrativeqa", "needle", "passkey", "qmsum", "summ_screen_fd"),
    "MultiConIR": ("Books", "Legal Document", "Medical Case", "Movies", "People"),
    "NanoBEIR": ("NanoArguAna", "NanoClimateFEVER", "NanoDBPedia", "NanoFEVER", "NanoFiQA2018", "NanoHotpotQA",
                 "NanoMSMARCO", "NanoNFCorpus", "NanoNQ", "NanoQuoraRetrieval", "NanoSCIDOCS", "NanoSciFact",
                 "NanoTouche2020"),
}  # fmt: skip
TOOLS: Mapping[str, Sequence[str]] = {
    "web": ("apibank", "apigen", "mnms", "reversechain", "rotbench", "t-eval-dialog", "t-eval-step", "taskbench-daily",
            "toolace", "toolbench", "toolemu", "tooleyes", "toollens", "ultratool", "autotools-food", "autotools-music",
            "autotools-weather", "restgpt-spotify", "restgpt-tmdb"),
    "code": ("craft-math-algebra", "craft-tabmwp", "craft-vqa", "gorilla-huggingface", "gorilla-pytorch",
             "gorilla-tensor", "toolink"),
    "customized": ("appbench", "gpt4tools", "gta", "taskbench-huggingface", "taskbench-multimedia", "metatool",
                   "tool-be-honest", "toolalpaca", "toolbench-sam"),
}  # fmt: skip
MEMORIES: Mapping[str, tuple[Mapping[str, str], bool]] = {
    "KnowMeBench": ({"event_driven/temporal_reasoning": "event_driven", "event_driven/mind-body_interaction":
                     "event_driven", "flashback_intensive/temporal_reasoning": "flashback_intensive"}, False),
    "REALTALK": ({"commonsense": "", "multi_hop": "", "temporal_reasoning": ""}, False),
    "PeerQA": ({"": ""}, True),
    "DeepPlanning": ({"shopping_level1": "shopping_level1", "shopping_level2": "shopping_level2"}, True),
}  # fmt: skip
"""By task: folders of queries with the folder of their corpus, and whether queries have candidates of their own."""
DOCUMENTS, QUERIES, POOL = 12, 6, 5
PRODUCTS = 8


def _counts() -> dict[tuple[str, str | None], SampleCount]:
    equal = [f"text/{group}/{name}" for group, names in TEXTS.items() for name in names]
    equal += [f"toolde/{kind}/{name}" for kind, names in TOOLS.items() for name in names]
    found = dict.fromkeys(equal, SampleCount(QUERIES, DOCUMENTS))
    for name, (parts, _) in MEMORIES.items():
        found[f"memory/{name}"] = SampleCount(QUERIES * len(parts), DOCUMENTS * len({*parts.values()}))
    return {(REPO, name): count for name, count in (found | {"MCMR": SampleCount(QUERIES, PRODUCTS)}).items()}


COUNTS: Mapping[tuple[str, str | None], SampleCount] = _counts()


class _Facts:
    """Things that are said, each by a document of its own, and asked after."""

    def __init__(self, rng: Random) -> None:
        self.field: Field = rng.choice(FIELDS)
        pairs = [(name, topic) for name in self.field.names for topic in self.field.topics]
        self.pairs = rng.sample(pairs, DOCUMENTS)
        self.asked = rng.sample(range(DOCUMENTS), QUERIES)

    def text(self, place: int) -> str:
        """What a document says."""
        name, topic = self.pairs[place]
        return f"A note on the {topic} of {name}. {name} and its {topic} are measured in {self.field.unit}."

    def question(self, place: int) -> str:
        """What is asked after a document."""
        name, topic = self.pairs[place]
        return f"What is known of the {topic} of {name}?"

    def like(self, place: int) -> int | None:
        """Another document on the same thing; None where there is none."""
        others = (other for other, pair in enumerate(self.pairs) if other != place and pair[0] == self.pairs[place][0])
        return next(others, None)


def write(root: Path, world: str = "") -> None:
    """Write the tree of every task under a folder."""
    tree = root / REPO
    for group, names in TEXTS.items():
        for name in names:
            _text(tree / "text-tasks", group, name, _Facts(seeded(f"{group} {name}", world)))
    for kind, names in TOOLS.items():
        _tools(tree / "tool-tasks", kind, names, world)
    for name in MEMORIES:
        _memory(tree / "memory-tasks", name, world)
    told = {name: {part.rpartition("/")[2] or name: "Given a query, retrieve documents that answer the query"
                   for part in parts} for name, (parts, _) in MEMORIES.items()}  # fmt: skip
    (tree / "memory-tasks/task_instructions.json").write_text(json.dumps(told, indent=1))
    _products(tree / "image-tasks/MCMR", world)
    (tree / "README.md").write_text("Made up by rzen_eval; the files of the real repository, once they are unpacked.\n")


def _text(place: Path, group: str, name: str, facts: _Facts) -> None:
    documents = [{"_id": f"d{number}", "text": facts.text(number)} for number in range(DOCUMENTS)]
    queries: list[dict[str, Any]] = [
        {"_id": f"q{number}", "text": facts.question(answer)} for number, answer in enumerate(facts.asked)
    ]
    judged = [(f"q{number}", f"d{answer}", 1) for number, answer in enumerate(facts.asked)]
    if group == "BRIGHT":
        asked = [
            {"query": query["text"], "id": query["_id"], "gold_ids": [document], "gold_ids_long": [document]}
            for query, (_, document, _) in zip(queries, judged, strict=True)
        ]
        _table(place / f"BRIGHT/examples/{name}-00000-of-00001.parquet", asked)
        named = [{"id": document["_id"], "content": document["text"]} for document in documents]
        _table(place / f"BRIGHT/documents/{name}-00000-of-00001.parquet", named)
        return
    if group == "NanoBEIR":
        pairs = [{"query-id": query, "corpus-id": document} for query, document, _ in judged]
        for what, rows in (("queries", queries), ("corpus", documents), ("qrels", pairs)):
            _table(place / f"NanoBEIR/{name}/{what}/train-00000-of-00001.parquet", rows)
        return
    folder = place / ("MultiConIR_v2" if group == "MultiConIR" else group) / name
    if group in {"FollowIR", "InfoSearch"}:
        for query, answer in zip(queries, facts.asked, strict=True):
            told = f"Relevant is what tells of {facts.pairs[answer][0]}."
            query |= {"instruction_og": told, "instruction_changed": f"{told} The {facts.pairs[answer][1]} counts."}
        also = [(f"q{number}", facts.like(answer)) for number, answer in enumerate(facts.asked)]
        graded = [(query, document, 2) for query, document, _ in judged]
        graded += [(query, f"d{other}", 1) for query, other in also if other is not None]
        _lines(folder / "qrels_og/test.jsonl", _judgements(graded))
        (folder / "qrels_changed").mkdir(parents=True)
        tabbed = "".join(f"{query}\t{document}\t1\n" for query, document, _ in judged)
        (folder / "qrels_changed/test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{tabbed}")
    else:
        _lines(folder / "qrels.jsonl", _judgements(judged))
    _lines(folder / ("query.jsonl" if group == "R2MED" else "queries.jsonl"), queries)
    _lines(folder / "corpus.jsonl", documents)


def _judgements(judged: Sequence[tuple[str, str, int]]) -> list[dict[str, Any]]:
    return [{"query-id": query, "corpus-id": document, "score": grade} for query, document, grade in judged]


def _tools(place: Path, kind: str, names: Sequence[str], world: str) -> None:
    """A catalogue, and requests of several tasks for what is in it."""
    facts = _Facts(seeded(f"tools {kind}", world))
    tools = [
        {"name": f"{topic} of {name}", "description": facts.text(number), "parameters": {"year": "int"}}
        for number, (name, topic) in enumerate(facts.pairs)
    ]
    rows = [{"id": f"tool_{number}", "documentation": json.dumps(tool)} for number, tool in enumerate(tools)]
    _table(place / f"ToolDe-Candidates/{kind}/tools-00000-of-00001.parquet", rows)
    for name in names:
        asked = seeded(f"requests {kind} {name}", world).sample(range(DOCUMENTS), QUERIES)
        requests = [
            {
                "id": f"{name}_query_{number}",
                "query": facts.question(answer),
                "instruction": "Given an `API retrieval` task, retrieve tools that can answer the request.",
                "labels": json.dumps([{"id": f"tool_{answer}"}]),
                "category": kind,
                "subtask": name,
            }
            for number, answer in enumerate(asked)
        ]
        _table(place / f"ToolDe-Queries/{kind}/{name}/queries-00000-of-00001.parquet", requests)


def _memory(place: Path, task: str, world: str) -> None:
    parts, listed = MEMORIES[task]
    for folder, corpus in parts.items():
        facts = _Facts(seeded(f"memory {task} {corpus}", world))
        asked = seeded(f"memory {task} {folder} queries", world).sample(range(DOCUMENTS), QUERIES)
        documents = [{"id": f"d{n}", "title": facts.pairs[n][0], "text": facts.text(n)} for n in range(DOCUMENTS)]
        _lines(place / task / corpus / "corpus.jsonl", documents)
        here = place / task / folder
        _lines(here / "queries.jsonl", [{"id": f"q{n}", "text": facts.question(one)} for n, one in enumerate(asked)])
        (here / "qrels.tsv").write_text("".join(f"q{number}\td{answer}\t1\n" for number, answer in enumerate(asked)))
        if listed:
            pools = [[f"d{(answer + step) % DOCUMENTS}" for step in range(POOL)] for answer in asked]
            scenes = [{"scene_id": f"q{n}", "candidate_doc_ids": sorted(pool)} for n, pool in enumerate(pools)]
            _lines(here / "candidates.jsonl", scenes)


def _products(place: Path, world: str) -> None:
    rng = seeded("MCMR", world)
    scenes = several(rng, PRODUCTS)
    for number, scene in enumerate(scenes):
        save(place / "images", f"product{number}.png", scene.draw())
    products = [
        {
            "candidate_id": f"B{number:04}",
            "title": f"Picture {number}",
            "price": 5 + number,
            "images": [{"url": f"https://pictures.invalid/product{number}.png"}],
        }
        for number in range(PRODUCTS)
    ]
    asked = rng.sample(range(PRODUCTS), QUERIES)
    told = [describe(scenes[answer]) for answer in asked]
    wishes = [{"qid": f"m{n}", "query": told[n], "pos_ids": [f"B{answer:04}"]} for n, answer in enumerate(asked)]
    _lines(place / "candidates.jsonl", products)
    _lines(place / "query.jsonl", wishes)


def _lines(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _table(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), file)

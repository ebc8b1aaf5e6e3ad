"""Train the bundled model `mini` from nothing, on worlds that the sample's generators draw with other seeds.

    OMP_NUM_THREADS=1 python scripts/train_mini.py --out FOLDER

Two processes with one thread each take the same steps and share their gradients, so that training gives the same
weights every time on one machine. A step is a batch of one task, with a contrastive loss over the queries' own pools,
or, more often at the beginning, a look at words on pages and at coloured shapes, whose cells should look like the
embeddings of the words for them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import mini_data
import mini_model
import numpy as np
import torch
from torch import Tensor, distributed, multiprocessing
from torch.nn import functional as F  # noqa: N812 - its usual name

from rzen_eval import load_model
from rzen_eval.sample.shapes import COLORS, SHAPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.models.families.qwen2_vl import Qwen2VL

SEED = 7
PROCESSES = 2
STEPS = 6500
WORLDS = 150
"""World n is made with the seed "train n"; the sample's seed has no such name."""
VISITS = 87
"""Steps that a process spends in a world before it goes on to its next."""
RATE, WARM_UP, DECAY = 1.5e-3, 100, 0.02
TEMPERATURE = 0.05
SHARPNESS = 16.0
"""Of cosines between states and embeddings of words."""
BUDGET = 2400
"""Tokens of a batch, roughly."""
WHOLE = 0.75
"""Share of the steps after which pages are always whole; before, mostly their upper parts."""
GROUPS = {
    "I-CLS": 1.2, "I-QA": 3.0, "I-RET": 2.4, "I-VG": 0.8, "V-CLS": 0.8, "V-QA": 3.0, "V-RET": 1.0, "V-MRET": 1.0,
    "ViDoRe-V1": 1.6, "ViDoRe-V2": 1.0, "VisRAG": 0.8, "VisDoc-OOD": 0.8,
}  # fmt: skip
"""How often a group's tasks come."""
HARD = {
    "CIRR": 2,
    "FashionIQ": 4,
    "ObjectNet": 2,
    "ImageNet-R": 2,
    "Visual7W-Pointing": 2,
    "Wiki-SS-NQ": 2,
    "MVBench": 2,
}
"""How often a task comes beside its group's others, if not as often."""
DENSE = ((0.10, 0.40, 0.25), (0.45, 0.18, 0.05), (1.0, 0.06, 0.02))
"""Until which share of all steps, what share of them looks at cells and what share at texts alone."""


class Trainer:
    """One of the processes."""

    def __init__(self, rank: int, arguments: argparse.Namespace) -> None:
        from transformers import AutoTokenizer, Qwen2VLForConditionalGeneration

        self.rank, self.arguments = rank, arguments
        start = arguments.out / "start"
        self.tokens = AutoTokenizer.from_pretrained(start)
        self.reader: Qwen2VL = load_model("mini", f"checkpoint={start}", "device=cpu", f"cache_dir={arguments.cache}")
        self.network = Qwen2VLForConditionalGeneration.from_pretrained(start, dtype=torch.float32)
        self.forward = mini_model.Forward(self.network.model)
        self.forbidden = mini_data.sample_digests(self.reader, arguments.cache)
        words = {word.lower(): self._first(word) for word in mini_data.named_words()}
        self.lexicon = frozenset(words.values())
        self.spelled = dict(zip(words, range(len(words)), strict=True))
        self.word_ids = torch.tensor(list(words.values()))
        kinds = [(color, shape) for color in COLORS for shape in SHAPES]
        self.kinds = {kind: index for index, kind in enumerate(kinds)}
        self.kind_ids = torch.tensor([[self._first(word) for word in kind] for kind in kinds])
        matrices = [weight for weight in self.network.parameters() if weight.ndim > 1]
        table = self.network.model.language_model.embed_tokens.weight
        decayed = [weight for weight in matrices if weight is not table]
        others = [table, *(weight for weight in self.network.parameters() if weight.ndim <= 1)]
        self.optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}], RATE, (0.9, 0.98)
        )
        self.seen: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.lessons: dict[str, list[mini_data.Lesson]] = {}

    def _first(self, word: str) -> int:
        first: int = self.tokens.encode(f" {word}", add_special_tokens=False)[0]
        return first

    def run(self) -> None:
        """Take all steps."""
        steps, begun = self.arguments.steps, time.monotonic()
        parameters = list(self.network.parameters())
        for step in range(steps):
            if step % VISITS == 0:
                self._enter((step // VISITS * PROCESSES + self.rank) % WORLDS)
            part = step / steps
            rate = RATE * min(1, (step + 1) / WARM_UP) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * part)))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            loss = self._step(step, part)
            self.optimizer.zero_grad()
            loss.backward()
            _share(parameters)
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            self.optimizer.step()
            if (step + 1) % 50 == 0 and self.rank == 0:
                self._report(step + 1, time.monotonic() - begun)
        if self.rank == 0:
            self.network.half()
            self.network.config.dtype = self.network.config.text_config.dtype = torch.float16
            mini_model.save(self.network, self.tokens, self.arguments.out / "checkpoint")

    def _enter(self, number: int) -> None:
        found = mini_data.world(self.arguments.worlds, number, self.arguments.cache)
        self.lessons = defaultdict(list)
        for task, data in found:
            lesson = mini_data.Lesson(task, data, self.reader, self._encode, self.forbidden, self.lexicon)
            self.lessons[task.group].append(lesson)

    def _encode(self, text: str) -> Sequence[int]:
        ids: list[int] = self.tokens.encode(text, add_special_tokens=False)
        return ids

    def _step(self, step: int, part: float) -> Tensor:
        """The loss of a batch. All processes take the same kind of step, each with examples of its own."""
        common, own = np.random.default_rng([SEED, step]), np.random.default_rng([SEED, step, self.rank])
        cells, said = next(shares for until, *shares in DENSE if part < until)
        kind = common.random()
        with torch.autocast("cpu", torch.bfloat16):
            if kind < cells:
                return self._cells(int(common.integers(3)), Random(int(own.integers(1 << 62))))
            weights = np.array(list(GROUPS.values()))
            group = str(common.choice(list(GROUPS), p=weights / weights.sum()))
            if kind < cells + said:
                return self._said(own)
            rows = None if part > WHOLE or common.random() < part / WHOLE / 3 else int(common.integers(4, 9))
            batch = None
            while batch is None:
                lessons = [one for one in self.lessons[group] for _ in range(HARD.get(one.task.name, 1))]
                batch = lessons[int(own.integers(len(lessons)))].batch(own, BUDGET, rows)
            return self._contrast(batch, group, part)

    def _contrast(self, batch: mini_data.Batch, group: str, part: float) -> Tensor:
        """Right candidates against the others of a query's pool, right queries against others, and words meant."""
        everything = [*batch.queries, *batch.candidates]
        vectors = self.forward.embed([one.plan for one in everything], [one.pixels for one in everything])
        queries, candidates = vectors[: len(batch.queries)], vectors[len(batch.queries) :]
        right, known = torch.from_numpy(batch.right), torch.from_numpy(batch.known)
        scores = (queries @ candidates.T / TEMPERATURE).masked_fill(~known, -1e4)
        loss = _ranked(scores, right)
        there = right.any(0)
        if there.sum() > 1:
            loss = loss + 0.5 * _ranked(scores.T[there], right.T[there])
        meant = torch.zeros(len(batch.queries), len(self.forward.words))
        for row, ids in enumerate(batch.meant):
            meant[row, list(ids)] = 1
        if meant.any():
            fade = 1.0 if part < 0.6 else max(0.1, 1 - 2.5 * (part - 0.6))
            best = right.float().argmax(1)
            loss = loss + fade * (self._words(queries, meant) + self._words(candidates[best], meant))
        hits = right[torch.arange(len(queries)), scores.argmax(1)].float().mean()
        self.seen[group].append((loss.item(), hits.item()))
        return loss

    def _said(self, rng: np.random.Generator) -> Tensor:
        """Texts of several tasks should point to the words that tell them apart."""
        lessons = [lesson for group in self.lessons.values() for lesson in group]
        texts = [one for index in rng.permutation(len(lessons))[:12] for one in lessons[index].said(rng, 8)]
        vectors = self.forward.embed([ready.plan for ready, _ in texts], [() for _ in texts])
        meant = torch.zeros(len(texts), len(self.forward.words))
        for row, (_, ids) in enumerate(texts):
            meant[row, list(ids)] = 1
        loss = self._words(vectors, meant)
        self.seen["texts"].append((loss.item(), 0.0))
        return loss

    def _words(self, vectors: Tensor, meant: Tensor) -> Tensor:
        """How little vectors point to the embeddings of the words that are meant: to each, and to their sum."""
        told = meant.any(1)
        vectors, meant = vectors[told], meant[told]
        table = F.normalize(self.forward.words, dim=-1)
        chances = F.log_softmax(vectors @ table.T * SHARPNESS, -1)
        each = -((chances * meant).sum(1) / meant.sum(1)).mean()
        with torch.no_grad():
            whole = F.normalize(meant @ (table - table.mean(0)).float(), dim=-1)
        return 0.5 * each + (1 - (vectors * whole).sum(1)).mean()

    def _cells(self, kind: int, rng: Random) -> Tensor:
        """Cells where a word begins should look like its embedding, and cells of shapes like colour plus shape."""
        table = F.normalize(self.forward.words.detach(), dim=-1)
        if kind:
            places, known = mini_data.printed(rng, 12, rng.choice((5, 8))), self.spelled
            wanted = table[self.word_ids]
        else:
            places, known = mini_data.drawn(rng, 96), self.kinds
            wanted = F.normalize(table[self.kind_ids].sum(1), dim=-1)
        cells = self.forward.cells(places.pictures)
        seen = torch.stack([cells[picture][cell] for picture, cell in places.where])
        answers = torch.tensor([known[what] for what in places.what])
        scores = F.normalize(seen.float(), dim=-1) @ wanted.T * SHARPNESS
        loss = F.cross_entropy(scores, answers)
        hits = (scores.argmax(1) == answers).float().mean()
        self.seen["words" if kind else "shapes"].append((loss.item(), hits.item()))
        return loss

    def _report(self, step: int, seconds: float) -> None:
        means = {name: np.mean(values, axis=0).round(3).tolist() for name, values in sorted(self.seen.items())}
        line = json.dumps({"step": step, "seconds": round(seconds), "loss and hit@1": means})
        print(line, flush=True)
        with (self.arguments.out / "log.jsonl").open("a") as log:
            log.write(line + "\n")
        self.seen.clear()


def _ranked(scores: Tensor, right: Tensor) -> Tensor:
    """Minus the log of the share of what is right, by row."""
    whole = torch.logsumexp(scores, 1)
    return (whole - torch.logsumexp(scores.masked_fill(~right, -1e4), 1)).mean()


def _share(parameters: Sequence[Any]) -> None:
    """Give every process the mean of all gradients."""
    flat = torch.cat([(torch.zeros_like(one) if one.grad is None else one.grad).flatten() for one in parameters])
    distributed.all_reduce(flat)
    flat /= PROCESSES
    for one, grad in zip(parameters, flat.split([one.numel() for one in parameters]), strict=True):
        one.grad = grad.view_as(one)


def start(arguments: argparse.Namespace) -> None:
    """Write the tokenizer and random weights to begin with."""
    from transformers import Qwen2VLForConditionalGeneration

    prompt = "system\nYou are a helpful assistant.\nuser\nassistant\n"
    tokens = mini_model.tokenizer(mini_data.texts(mini_data.world(arguments.worlds, 0, arguments.cache), [prompt]))
    torch.manual_seed(SEED)
    network = Qwen2VLForConditionalGeneration(mini_model.config(tokens))
    mini_model.save(network, tokens, arguments.out / "start")


def work(rank: int, arguments: argparse.Namespace) -> None:
    """One process."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{arguments.out}/meet", rank=rank, world_size=PROCESSES)
    Trainer(rank, arguments).run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint and the log")
    parser.add_argument("--worlds", type=Path, help="folder of what is learned from, made where it is missing")
    parser.add_argument("--cache", type=Path, help="cache folder of the harness")
    parser.add_argument("--steps", type=int, default=STEPS, help="fewer than %(default)s are a trial")
    arguments = parser.parse_args()
    arguments.out = arguments.out.absolute()
    arguments.worlds = arguments.worlds or arguments.out / "worlds"
    arguments.cache = arguments.cache or arguments.out / "cache"
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "meet").unlink(missing_ok=True)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    start(arguments)
    multiprocessing.spawn(work, (arguments,), nprocs=PROCESSES)


if __name__ == "__main__":
    main()

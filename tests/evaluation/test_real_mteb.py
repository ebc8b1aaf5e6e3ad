"""Scores of ViDoRe V3 against mteb itself, run on a repository that is made here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rzen_eval import load_task
from rzen_eval.config.compose import load
from tests.toys import page
from tests.vidore3 import LANGUAGES, REPO, REPO_WITH_TEXT, Table, write

mteb = pytest.importorskip("mteb")
pytestmark = pytest.mark.filterwarnings("default")
PAGES, ASKED = 14, 4


class Encoder:
    """What mteb takes for a model: the same table, in the order of its queries and pages."""

    mteb_model_meta = None

    def __init__(self, queries: Mapping[str, Any], candidates: Any) -> None:
        self.queries, self.candidates = queries, candidates
        self.columns: dict[str, set[str]] = {}

    def encode(self, inputs: Any, *, hf_subset: str, prompt_type: Any = None, **_settings: Any) -> Any:
        import torch

        self.columns[prompt_type.value] = set(inputs.dataset.column_names)
        vectors = self.queries[hf_subset] if prompt_type.value == "query" else self.candidates
        tensors = [torch.from_numpy(part) for part in vectors]
        return (
            torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True) if tensors[0].ndim == 2 else torch.stack(tensors)
        )

    def similarity(self, queries: Any, candidates: Any) -> Any:
        import torch

        if queries.ndim == 3:
            return torch.einsum("qnd,cmd->qcnm", queries, candidates).amax(dim=3).sum(dim=2)
        return mteb.similarity_functions.cos_sim(queries, candidates)

    def similarity_pairwise(self, queries: Any, candidates: Any) -> Any:
        raise NotImplementedError


def tables(kind: str) -> tuple[dict[str, Any], Any]:
    """Vectors of the questions of each language, and of the pages; coarse values, so that many scores are equal."""
    rng = np.random.default_rng(7)

    def drawn(n: int) -> Any:
        if kind == "late interaction":
            return [(rng.integers(-3, 4, size=(rng.integers(1, 6), 6)) / 4).astype(np.float32) for _ in range(n)]
        return (rng.choice([-0.5, 0.0, 0.5, 1.0], size=(n, 5)) + 0.25).astype(np.float32)

    return {language: drawn(ASKED) for language in LANGUAGES}, drawn(PAGES)


@pytest.mark.parametrize("kind", ["one vector", "late interaction"])
@pytest.mark.parametrize("with_text", [False, True], ids=["images", "images and text"])
def test_mteb_itself_gives_the_same_figures_in_every_language(tmp_path: Path, kind: str, with_text: bool):
    rng = np.random.default_rng(3)
    queries = {language: {f"{language}-{n}": f"{language} {n}?" for n in range(ASKED)} for language in LANGUAGES}
    judged = [
        (query, f"page-{number}", int(rng.integers(1, 4)))
        for asked in queries.values()
        for query in asked
        for number in rng.permutation(PAGES)[: rng.integers(1, 5)]
    ]
    pages = {f"page-{number}": page(10 * number) for number in range(PAGES)}
    texts = [f"Page {number}" * (number % 3) for number in range(PAGES)] if with_text else None
    write(tmp_path, pages, queries, judged, texts=texts, corpora=LANGUAGES)
    asked, candidates = tables(kind)
    encoder = Encoder(asked, candidates)
    name = "Vidore3HrRetrieval" + ".v2" * with_text
    theirs = their_scores(name, tmp_path / (REPO_WITH_TEXT if with_text else REPO), encoder)
    assert ("text" in encoder.columns["document"]) == with_text
    suite = "vidore_v3_1/vidore3_1" if with_text else "vidore_v3/vidore3"
    for language in LANGUAGES:
        task = load_task(f"{suite}_hr_{language}", "data=mirror", f"data.root={tmp_path}")
        result = Table(asked[language], candidates).scored(task).result
        ours = result.metrics | result.official
        for metric in ("ndcg_linear", "map", "recall", "precision", "mrr", "hit"):
            family = {"ndcg_linear": "ndcg", "hit": "hit_rate"}.get(metric, metric)
            for k in (1, 5, 10):
                assert round(ours[f"{metric}@{k}"], 5) == round(theirs[language][f"{family}_at_{k}"], 5), (metric, k)


def their_scores(name: str, repository: Path, encoder: Encoder) -> Mapping[str, Any]:
    (found,) = (task for task in mteb.get_tasks(tasks=[name]) if task.metadata.name == name)
    found.metadata = found.metadata.model_copy(update={"dataset": {"path": str(repository), "revision": "made up"}})
    assert found.metadata.prompt == {"query": "Find a screenshot that is relevant to the user's question."}
    scores: Mapping[str, Any] = found.evaluate(encoder, "test", encode_kwargs={"batch_size": 4})
    return scores


def test_repositories_revisions_and_languages_are_those_that_mteb_reads():
    for task in load(["task=[vidore_v3,vidore_v3_1]"]).tasks.values():
        name, _, language = task.name.partition("/")
        (theirs,) = (found for found in mteb.get_tasks(tasks=[name]) if found.metadata.name == name)
        assert theirs.metadata.dataset == {"path": task.dataset.repo, "revision": task.dataset.revision}
        assert task.dataset.language == language
        assert language in theirs.metadata.eval_langs
        assert theirs.metadata.main_score == "ndcg_at_10"
        counted = theirs.metadata.descriptive_stats["test"]["hf_subset_descriptive_stats"][language]
        assert task.n_queries + (task.n_candidates or 0) == counted["num_samples"]

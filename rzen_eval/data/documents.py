"""Visual documents in the media repositories: folders of rows and of pages, named as people who read them report.

Both archives hold once more what the row repositories have, so no task needs them; what lies there is used.
"""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROWS = "visdoc-tasks/data"
PAGES = "visdoc-tasks/images"
_V1 = {
    "arxivqa_test_subsampled_beir": "arxivqa",
    "docvqa_test_subsampled_beir": "docvqa",
    "infovqa_test_subsampled_beir": "infovqa",
    "tabfquad_test_subsampled_beir": "tabfquad",
    "tatdqa_test_beir": "tatdqa",
    "shiftproject_test_beir": "shiftproject",
    "syntheticDocQA_artificial_intelligence_test_beir": "syntheticDocQA_artificial_intelligence",
    "syntheticDocQA_energy_test_beir": "syntheticDocQA_energy",
    "syntheticDocQA_government_reports_test_beir": "syntheticDocQA_government_reports",
    "syntheticDocQA_healthcare_industry_test_beir": "syntheticDocQA_healthcare_industry",
}
_V2 = ("biomedical_lectures_v2", "economics_reports_v2", "esg_reports_v2")
_VISRAG = ("ArxivQA", "ChartQA", "MP-DocVQA", "SlideVQA", "InfoVQA", "PlotQA")
VISRAG = "openbmb/VisRAG-Ret-Test-"
PAGE_FOLDERS: Mapping[str, str] = {
    **{f"vidore/{repo}": f"ViDoRe_{name}" for repo, name in _V1.items()},
    **{f"vidore/{name}": f"{name}_multilingual" for name in _V2},
    "vidore/esg_reports_human_labeled_v2": "esg_reports_human_labeled_v2",
    **{f"{VISRAG}{name}": f"VisRAG_{name}" for name in _VISRAG},
    "VLM2Vec/ViDoSeek": "ViDoSeek-doc",
    "VLM2Vec/ViDoSeek-page": "ViDoSeek-page",
    "VLM2Vec/ViDoSeek-page-fixed": "ViDoSeek-page",
    "VLM2Vec/MMLongBench-doc": "MMLongBench-doc",
    "VLM2Vec/MMLongBench-page": "MMLongBench-page",
    "VLM2Vec/MMLongBench-page-fixed": "MMLongBench-page",
}
"""Folder of a repository's pages below `visdoc-tasks/images`."""
PAGE_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    **{f"{name}_multilingual": (f"ViDoRe_{name}_multilingual", name, f"ViDoRe_{name}") for name in _V2},
    "esg_reports_human_labeled_v2": ("ViDoRe_esg_reports_human_labeled_v2",),
    "ViDoSeek-doc": ("ViDoSeek-page",),
    "MMLongBench-doc": ("MMLongBench-page",),
}
"""Other names of these folders; the pages of `-doc` are those of `-page`."""
RENAMED: Mapping[str, str] = {"VLM2Vec/MMLongBench-page": "MMLongBench"}
"""Folders of `visdoc-tasks/data` that are not called like the repository."""
LAID_OVER: Mapping[str, str] = {
    "VLM2Vec/ViDoSeek-page-fixed": "ViDoSeek-page",
    "VLM2Vec/MMLongBench-page-fixed": "MMLongBench",
}
"""Repositories that set-up scripts download over a folder of `visdoc-tasks/data`, whose page labels are the faulty
ones."""
ROW_FOLDERS = tuple(
    dict.fromkeys(RENAMED.get(repo, repo.rpartition("/")[2]) for repo in PAGE_FOLDERS if repo not in LAID_OVER)
)
TEXTS = ("BRIGHT", "R2MED", "FollowIR", "InfoSearch", "LongEmbed", "MultiConIR_v2", "NanoBEIR")
"""Folders of MMEB-V3's text tasks."""
MEMORY_PLACES: Mapping[str, str] = {
    "KnowMeBench": "Episodic",
    "REALTALK": "Dialogue",
    "PeerQA": "Semantic",
    "DeepPlanning": "Procedural",
}
"""Folders of MMEB-V3's memory tasks, and those that people put them in; the archive has them beside one another."""
MEMORIES = (*MEMORY_PLACES, *MEMORY_PLACES.values(), "task_instructions.json")
KEPT = 50
"""Letters of a long name that the official evaluator keeps in a VisRAG page's file name."""


def page_files(repo: str, page_ids: Sequence[str]) -> list[str]:
    """Where pages lie in the canonical tree, as the official evaluator names their files.

    Args:
        repo: the row repository of the task.
        page_ids: ids in the corpus; those of VisRAG are names of files.
    """
    folder = f"{PAGES}/{PAGE_FOLDERS.get(repo, repo.rpartition('/')[2])}"
    name = _hashed if repo.startswith(VISRAG) else "{}.png".format
    return [f"{folder}/{name(page_id)}" for page_id in page_ids]


def _hashed(page_id: str) -> str:
    # Source: `corpus_prepare` in `src/data/eval_dataset/visrag_dataset.py` of VLM2Vec at 6e1e1d4.
    suffix = PurePosixPath(page_id).suffix
    stem = page_id.removesuffix(suffix) if suffix else page_id
    return f"{stem[:KEPT]}_{hashlib.md5(page_id.encode(), usedforsecurity=False).hexdigest()[:8]}{suffix}"

"""Visual documents from the archives of the media repository: rows without pictures, pages in files."""

import json
from pathlib import Path

import datasets
import pytest

from rzen_eval import load_data, load_task
from rzen_eval.cli.main import main
from rzen_eval.config import compose
from rzen_eval.data.archives import DOCUMENTS, REPO
from rzen_eval.data.documents import PAGE_FOLDERS, page_files
from rzen_eval.errors import DataError
from tests.layouts import picture, tar_of

LONG = "a_very_long_chart_image_name_that_goes_on_and_on_and_on_0001_final_version.png"
TABLES = {
    "arxivqa_test_subsampled_beir": ("ViDoRe_arxivqa", "test", {"1": "1.png", "2": "2.png"}),
    "esg_reports_human_labeled_v2": ("esg_reports_human_labeled_v2", "test", {"7": "7.png", "8": "8.png"}),
    "ViDoSeek": ("ViDoSeek-page", "test", {"a_1": "a_1.png"}),
    "VisRAG-Ret-Test-ChartQA": (
        "VisRAG_ChartQA",
        "train",
        {LONG: f"{LONG[:50]}_21f3a222.png", "two_col_00007.jpg": "two_col_00007_ccda4052.jpg"},
    ),
}
"""By folder of the rows: that of the pages, the split, and each page's file."""
TASKS = (
    "task=[visdoc/vidore_arxivqa,visdoc/vidore_esg_reports_human_labeled_v2,visdoc/vidoseek_doc,visdoc/visrag_chartqa]"
)


def rows(folder: Path, pages: list[str], split: str = "test") -> None:
    """A document task's repository, as the archive has it: its corpus names pages and shows none."""
    tables = {
        "queries": [{"query-id": f"q{page}", "query": f"which page is {page}?"} for page in pages],
        "corpus": [{"corpus-id": page} for page in pages],
        "qrels": [{"query-id": f"q{page}", "corpus-id": page, "score": 1} for page in pages],
    }
    for config, table in tables.items():
        (folder / config).mkdir(parents=True)
        file = folder / config / f"{split}-00000-of-00001.parquet"
        datasets.Dataset.from_list(table).to_parquet(file)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A mirror that holds both archives and nothing else."""
    for name, (_, split, pages) in TABLES.items():
        rows(tmp_path / "made" / name, list(pages), split)
    data = {
        file.relative_to(tmp_path / "made").as_posix(): file.read_bytes()
        for file in (tmp_path / "made").rglob("*.parquet")
    }
    kind = {".jpg": "JPEG", ".png": "PNG"}
    images = {
        f"{folder}/{file}": picture(file, kind=kind[file[-4:]])
        for folder, _, pages in TABLES.values()
        for file in pages.values()
    }
    tree = tmp_path / "root" / REPO
    (tree / "visdoc-tasks").mkdir(parents=True)
    for archive, inside, files in zip(DOCUMENTS, ("data", "./images"), (data, images), strict=True):
        (tree / archive.parts[0]).write_bytes(tar_of({f"{inside}/{name}": files[name] for name in files}))
    return tmp_path / "root"


def test_both_archives_are_unpacked_verified_and_run(
    root: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = [TASKS, f"data.root={root}", f"cache_dir={cache}", "runtime.workers=0"]
    assert [main(["data", verb, *words]) for verb in ("unpack", "verify")] == [0, 0]
    printed = capsys.readouterr().out
    assert "visdoc-tasks.data: 12 files in" in printed
    assert "visdoc-tasks.images: 7 files in" in printed
    assert "4 of 4 tasks are complete" in printed
    assert f"  media in {REPO}/visdoc-tasks/images/ViDoSeek-page" in printed
    assert main([*words, f"results_dir={tmp_path / 'results'}"]) == 0
    result = json.loads((tmp_path / "results/mini/visrag_chartqa.json").read_text())
    place = f"{REPO}/visdoc-tasks/images/VisRAG_ChartQA"
    assert result["provenance"]["dataset"]["media"]["place"] == place
    assert f"visrag_chartqa: the rows carry no pictures, pages are the files in {place}" in result["warnings"]


def test_a_page_that_the_archive_lacks_fails_its_task_and_is_told_by_the_issue_that_knows_it(
    root: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    task = "task=visdoc/vidore_esg_reports_human_labeled_v2"
    words = [task, f"data.root={root}", f"cache_dir={cache}", "runtime.workers=0"]
    assert main(["data", "unpack", *words]) == 0
    lost = root / REPO / "visdoc-tasks/images/esg_reports_human_labeled_v2/8.png"
    lost.unlink()
    capsys.readouterr()
    assert main(["data", "verify", *words]) == 1
    printed = capsys.readouterr().out
    hole = "#188: visdoc-tasks.images has 230 pages of 1538; the row repository has them all"
    assert f"  candidate '8': no file at {lost}" in printed
    assert f"mend with: rzen-eval data fetch {task}" in printed
    assert f"  {hole}" in printed
    main(["data", "doctor", *words])
    printed = capsys.readouterr().out
    assert "| 1 of 2  |" in printed
    assert hole in printed
    assert main([*words, f"results_dir={tmp_path / 'results'}"]) == 1
    assert f"no file at {lost}" in capsys.readouterr().err
    assert not list((tmp_path / "results").rglob("vidore_esg*.json"))


def test_rows_without_pictures_and_pages_nowhere_are_refused(root: Path, cache: Path):
    rows(root / "vidore/arxivqa_test_subsampled_beir", ["1"])
    words = ["visdoc/vidore_arxivqa", "data=mirror", f"data.root={root}", f"cache_dir={cache}"]
    with pytest.raises(DataError, match=r"vidore_arxivqa: .*corpus: no column 'image'; found corpus-id"):
        load_data(load_task(*words))


def test_corrected_labels_count_where_a_set_up_script_has_downloaded_them_over_the_archives(root: Path, cache: Path):
    folder = root / REPO / "visdoc-tasks/data/ViDoSeek-page"
    rows(folder, ["a_1"])
    (root / REPO / "visdoc-tasks/images/ViDoSeek-page").mkdir(parents=True)
    (root / REPO / "visdoc-tasks/images/ViDoSeek-page/a_1.png").write_bytes(picture("a"))

    def readable(task: str) -> bool:
        try:
            load_data(load_task(f"visdoc/{task}", "data=mirror", f"data.root={root}", f"cache_dir={cache}"))
        except DataError:
            return False
        return True

    assert (readable("vidoseek_page"), readable("vidoseek_page_v2_0")) == (False, True)
    notes = folder / ".cache/huggingface/download"
    for number, file in enumerate(sorted(folder.rglob("*.parquet"))):
        assert number == 0 or (readable("vidoseek_page"), readable("vidoseek_page_v2_0")) == (False, False)
        note = notes / f"{file.relative_to(folder)}.metadata"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(f"{'e' * 40}\netag\n1.0\n")
    assert (readable("vidoseek_page"), readable("vidoseek_page_v2_0")) == (True, False)


def test_every_document_task_of_the_benchmark_has_its_folder_of_pages():
    tasks = compose.load(["task=[visdoc,visdoc_v2_0,variants]", "data=hub"]).tasks.values()
    repos = {task.dataset.repo for task in tasks if task.recipe == "visdoc"}
    assert repos == set(PAGE_FOLDERS)


def test_pages_of_visrag_have_the_official_evaluators_short_names():
    assert page_files("openbmb/VisRAG-Ret-Test-ChartQA", [LONG, "two_col_00007.jpg"]) == [
        "visdoc-tasks/images/VisRAG_ChartQA/a_very_long_chart_image_name_that_goes_on_and_on_a_21f3a222.png",
        "visdoc-tasks/images/VisRAG_ChartQA/two_col_00007_ccda4052.jpg",
    ]

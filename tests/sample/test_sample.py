"""The sample data has the shape it declares, and a person who looks at its pages can answer its questions."""

import hashlib
import os
import re
import subprocess
import sys
from io import BytesIO
from itertools import combinations
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageChops, ImageStat

from rzen_eval import sample
from rzen_eval.sample import matches, questions, vidore_v3, visdoc
from rzen_eval.sample.files import encode
from rzen_eval.sample.papers import Paper
from rzen_eval.sample.specs import SPECS

COUNTS = {repo: spec.count for spec in SPECS for repo in spec.repositories}
VISRAG = [repo for repo in COUNTS if repo.startswith("openbmb/")]
FOUR = ["vidore/biomedical_lectures_v2", "vidore/economics_reports_v2", "vidore/esg_reports_v2"]
FAMILIES = [
    ("VLM2Vec/ViDoSeek", "VLM2Vec/ViDoSeek-page-fixed", "VLM2Vec/ViDoSeek-page"),
    ("VLM2Vec/MMLongBench-doc", "VLM2Vec/MMLongBench-page-fixed", "VLM2Vec/MMLongBench-page"),
]


@pytest.fixture
def root(sample_root):
    return sample_root


@pytest.fixture(scope="session", params=[*SPECS, *(one.spec for one in vidore_v3.SETS)], ids=lambda spec: spec.seed)
def drawn(request):
    corpus = visdoc.corpus(request.param)
    return corpus, [visdoc.draw(page) for page in corpus.pages]


def rows(root, repo, config):
    [path] = (root / repo / config).glob("*.parquet")
    return pq.read_table(path).to_pylist()


def grades(root, repo):
    judged = {}
    for row in rows(root, repo, "qrels"):
        judged.setdefault(row["query-id"], {})[row["corpus-id"]] = row["score"]
    return judged


def tree(root):
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def vocabulary(canvas):
    return set(re.findall(r"\w+", " ".join(item.text for item in canvas.printed).casefold()))


def apart(one, other):
    return one.right <= other.left or other.right <= one.left or one.bottom <= other.top or other.bottom <= one.top


def test_every_repository_holds_what_is_declared_and_no_other_is_written(root):
    written = {f"{path.parent.parent.name}/{path.parent.name}" for path in root.glob("*/*/README.md")}
    assert written == {repo for repo, _ in sample.COUNTS}
    for repo, count in COUNTS.items():
        queries = rows(root, repo, "queries")
        assert (len(queries), len(rows(root, repo, "corpus"))) == (count.n_queries, count.n_candidates), repo
        for language, number in (count.n_queries_by_language or {}).items():
            assert sum(row["language"] == language for row in queries) == number, repo


def test_sizes_stay_within_what_a_first_run_should_cost(root):
    assert sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) < 25e6
    for count in COUNTS.values():
        assert 20 <= count.n_candidates <= 60
        assert all(10 <= number <= 20 for number in (count.n_queries_by_language or {"": count.n_queries}).values())


def test_another_process_writes_the_same_bytes(root, tmp_path):
    code = (
        "import sys; from pathlib import Path; from rzen_eval.sample import visdoc;"
        "visdoc.SPECS = [spec for spec in visdoc.SPECS if spec.seed in sys.argv[2:]]; visdoc.write(Path(sys.argv[1]))"
    )
    other = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path), VISRAG[0], FOUR[0]], check=True, env=other)
    first = tree(root)
    again = tree(tmp_path)
    assert len(again) == 8
    assert again == {path: first[path] for path in again}


@pytest.mark.parametrize("repo", COUNTS)
def test_ids_are_unique_every_query_has_a_positive_and_every_judgement_points_to_a_page(root, repo):
    queries = [row["query-id"] for row in rows(root, repo, "queries")]
    pages = [row["corpus-id"] for row in rows(root, repo, "corpus")]
    judged = grades(root, repo)
    assert len(set(queries)) == len(queries)
    assert len(set(pages)) == len(pages)
    assert set(judged) == set(queries)
    assert {page for graded in judged.values() for page in graded} <= set(pages)
    assert all(grade > 0 for graded in judged.values() for grade in graded.values())
    assert len(rows(root, repo, "qrels")) == sum(map(len, judged.values()))


@pytest.mark.parametrize("repo", COUNTS)
def test_no_two_pages_of_a_corpus_look_the_same(root, repo):
    files = [row["image"]["bytes"] for row in rows(root, repo, "corpus")]
    assert len(set(files)) == len(files)


def test_datasets_reads_the_tables_with_the_types_of_the_benchmark(root, tmp_path):
    from datasets import Value, load_dataset

    for repo, split, kind in [("vidore/docvqa_test_subsampled_beir", "test", "int64"), (VISRAG[0], "train", "string")]:
        for config in ("queries", "qrels", "corpus"):
            table = load_dataset(str(root / repo), config, split=split, cache_dir=str(tmp_path))
            ids = {name for name in table.column_names if name.endswith("-id")}
            assert ids
            assert all(table.features[name] == Value(kind) for name in ids)
        assert isinstance(table[0]["image"], Image.Image)


@pytest.mark.parametrize("repo", VISRAG)
def test_image_names_serve_as_ids_where_the_benchmark_has_them_and_some_are_long(root, repo):
    names = [row["corpus-id"] for row in rows(root, repo, "corpus")]
    assert all(re.fullmatch(r"[a-z0-9_-]+\.(png|jpe?g)", name) for name in names)
    assert 0 < sum(len(name) > 80 for name in names) < len(names)
    assert rows(root, repo, "queries")[12]["query-id"] == "query-12.json"


@pytest.mark.parametrize("repo", FOUR)
def test_every_question_is_asked_in_four_languages_with_the_same_judgements(root, repo):
    judged = grades(root, repo)
    queries = rows(root, repo, "queries")
    by_language = {
        language: [(row["query"], judged[row["query-id"]]) for row in queries if row["language"] == language]
        for language in ("english", "french", "spanish", "german")
    }
    for versions in zip(*by_language.values(), strict=True):
        assert len({text for text, _ in versions}) == 4
        assert all(answer == versions[0][1] for _, answer in versions)
        assert len(versions[0][1]) > 1
        assert set(versions[0][1].values()) == {1}


def test_questions_labelled_by_people_are_english_and_graded(root):
    repo = "vidore/esg_reports_human_labeled_v2"
    assert {row["language"] for row in rows(root, repo, "queries")} == {"english"}
    assert all(set(answer.values()) == {1, 2} for answer in grades(root, repo).values())


@pytest.mark.parametrize(("doc", "fixed", "broken"), FAMILIES)
def test_a_document_is_worth_two_and_its_reference_page_three(root, doc, fixed, broken):
    reference = grades(root, fixed)
    for query, answer in grades(root, doc).items():
        pages = sorted(answer)
        assert pages == list(range(pages[0], pages[-1] + 1))
        assert {page for page in pages if answer[page] == 3} == set(reference[query])
        assert set(answer.values()) == {2, 3}
    assert all(set(answer.values()) == {1} for answer in reference.values())
    assert rows(root, doc, "corpus") == rows(root, fixed, "corpus") == rows(root, broken, "corpus")


@pytest.mark.parametrize(("doc", "fixed", "broken"), FAMILIES)
def test_page_labels_before_the_correction_are_off_by_one(root, doc, fixed, broken):
    shifted = {query: {page + 1: 1 for page in answer} for query, answer in grades(root, fixed).items()}
    assert grades(root, broken) == shifted
    documents = grades(root, doc)
    assert all(set(answer) <= set(documents[query]) for query, answer in shifted.items())


def test_some_questions_about_long_documents_have_two_reference_pages(root):
    assert {len(answer) for answer in grades(root, "VLM2Vec/MMLongBench-page-fixed").values()} == {1, 2}


def test_the_words_of_a_question_stand_together_on_the_right_pages_only(drawn):
    corpus, canvases = drawn
    printed = [vocabulary(canvas) for canvas in canvases]
    for question in corpus.questions:
        words = set(re.findall(r"\w+", " ".join(question.words).casefold()))
        assert [index for index, page in enumerate(printed) if words <= page] == list(question.place.reference)
        for text in question.text.values():
            assert words <= set(re.findall(r"\w+", text.casefold()))


def test_no_text_is_cut_off_or_covers_another(drawn):
    for canvas in drawn[1]:
        for item in canvas.printed:
            left, top, right, bottom = item.box
            assert left >= 4, item
            assert top >= 2, item
            assert right <= canvas.box.right - 4, item
            assert bottom <= canvas.box.bottom - 2, item
        for one, other in combinations(canvas.printed, 2):
            assert apart(one.box.inside(1.5), other.box.inside(1.5)), (one, other)


def test_french_letters_carry_their_accents_although_the_font_has_none():
    canvas = visdoc.Canvas((112, 56))
    canvas.text(10, 28, "é", 20)
    plain = visdoc.Canvas((112, 56))
    plain.text(10, 28, "e", 20)
    assert canvas.image.tobytes() != plain.image.tobytes()


def test_pages_are_whole_cells_of_28_pixels(drawn):
    assert all(length % 28 == 0 for canvas in drawn[1] for length in canvas.image.size)


def test_a_page_keeps_its_colours_when_it_is_stored_with_fewer(drawn):
    image = drawn[1][1].image
    stored = Image.open(BytesIO(encode(image))).convert("RGB")
    assert max(ImageStat.Stat(ImageChops.difference(image, stored)).mean) < 2


def test_the_version_depends_on_the_source_of_the_sample_package():
    assert re.fullmatch(r"[0-9a-f]{12}", sample.VERSION)
    folder = Path(sample.__file__).parent
    assert sample._version() == sample.VERSION
    assert {"specs.py", "fields.py", "pages.py"} <= {path.name for path in folder.glob("*.py")}


@pytest.mark.parametrize("task", ["DocVQA", "InfographicsVQA", "ChartQA", "TextVQA"])
def test_an_answer_on_a_small_document_begins_at_a_cell_and_stays_in_its_row(task: str):
    rng = Random(0)
    for _ in range(50):
        case = questions.TASKS[task][0][0](rng)
        assert isinstance(case.picture, Paper)
        canvas = case.picture.printed()
        assert max(one.box.right for one in canvas.printed) < canvas.image.width
        [place] = [one.box for one in canvas.printed if one.text.lower() == case.answer.lower()]
        assert place.left % 28 == 0
        assert place.top // 28 == place.bottom // 28


def test_the_names_in_a_title_begin_at_a_cell():
    for row in matches.MAKERS["Wiki-SS-NQ"](Random(0), 24):
        picture = row.candidates[0].picture
        assert isinstance(picture, Paper)
        animal, _, town = picture.printed().printed[:3]
        assert row.query.text == f"what is known about the {animal.text.lower()} of {town.text}?"
        assert (animal.box.left % 28, town.box.left % 28) == (0, 0)

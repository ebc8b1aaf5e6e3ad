"""The report as its readers meet it: opened from disk in a browser."""

import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.published import Reference
from rzen_eval.core import Item, Result, Run, TaskData
from rzen_eval.results.report import page as document
from rzen_eval.results.report.judged_run import Judged, judge
from rzen_eval.results.report.query_browser import browse
from rzen_eval.results.report.task_page import TaskPage
from rzen_eval.results.statistics.bootstrap import resampled
from rzen_eval.results.store import ModelResults
from rzen_eval.results.tables import rows
from tests.results.test_store import result
from tests.runs import manifest_of

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, which the extra [dev] has")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium on PATH, such as Debian's package chromium")

N = 8000
HOSTILE = "</script><img src=x onerror=\"document.title='broken into'\">{{ 7 * 7 }}"
FOLDER = Path("results")


def many() -> TaskData:
    """Query i is answered by candidate i % 60; the first twelve candidates have a picture."""
    shades = [Image.new("RGB", (64, 48), (20 * i, 90, 200 - 10 * i)) for i in range(12)]
    answers = [Item(text=f"answer {i}", images=shades[i : i + 1]) for i in range(60)]
    return TaskData(
        query_ids=[str(i) for i in range(N)],
        queries=[Item(text=f"query {i}" if i else HOSTILE, instruction="Find it:") for i in range(N)],
        candidate_ids=[f"c{i}" for i in range(60)],
        candidates=answers,
        qrels={str(i): {f"c{i % 60}": 1.0} for i in range(N)},
    )


def run(every: int, place: int) -> Run:
    """Right where the query's number is divisible by `every`, else right at `place`, after two that tie at times."""
    ranking, scores = {}, {}
    for i in range(N):
        names = [f"c{(i + step) % 60}" for step in range(1, 8)]
        right = 0 if i % every == 0 else place - 1
        ranking[str(i)] = [*names[:right], f"c{i % 60}", *names[right:]]
        scores[str(i)] = [0.9, 0.9 if i % 10 == 1 else 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]
    return Run(ranking, scores)


def page(data: TaskData, results: list[Result], runs: list[Run]) -> TaskPage:
    judged = {place: judge(one, ranked, data) for place, (one, ranked) in enumerate(zip(results, runs, strict=True))}
    found = {place: one for place, one in judged.items() if isinstance(one, Judged)}
    assert len(found) == len(runs)
    return TaskPage(
        results, [], [resampled(one.values, "many") for one in found.values()], browse(data, found, 40, 96)
    )  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of two models on two tasks alike, 8,000 queries each."""
    # Right are 4000 of 8000, and the 2667 multiples of 3.
    fields: dict[str, Any] = {"metric": "hit@1", "n_queries": N, "n_candidates": 60, "n_ties": 800}
    results = [result("many", 0.5, **fields), result("many", 2667 / N, **fields)]
    made = page(many(), results, [run(2, 2), run(3, 4)])
    overview = document.Overview(
        models=[
            ModelResults(name, FOLDER, {"many": result})
            for name, result in zip(("even", "thirds"), results, strict=True)
        ],
        data_version="2.1", rows=[None, None], references=[], sections=[], manifest=manifest(), notes=["A note."],
        pictured=40, side=96,
    )  # fmt: skip
    place = tmp_path_factory.mktemp("page") / "report.html"
    place.write_text(document.render(overview, {"many": made, "other": made}))
    return place


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with warnings.catch_warnings(), playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Watched:
    """A page that notes whatever a reader should never meet."""

    def __init__(self, browser: Any, file: Path, place: str = "", **settings: Any) -> None:
        self.page = browser.new_context(**settings).new_page()
        self.page.set_default_timeout(60_000)
        self.faults: list[str] = []
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._requested)
        self.page.goto(f"file://{file}#/{place}")

    def _requested(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.faults.append(request.url)

    def listed(self) -> str:
        return self.page.locator(".tools [role=status]").inner_text()

    def filtered(self, key: str) -> str:
        self.page.locator(f"[data-filter={key}]").click()
        return self.listed()

    def chosen(self) -> str:
        return self.page.locator(".detail h3").first.inner_text()


@pytest.fixture
def opened(browser: Any, file: Path) -> Iterator[Any]:
    """Open the report; whatever was opened met no fault."""
    pages: list[Watched] = []

    def at(place: str = "", **settings: Any) -> Watched:
        pages.append(Watched(browser, file, place, **settings))
        return pages[-1]

    yield at
    for one in pages:
        assert one.faults == []
        one.page.context.close()


def test_the_overview_leads_to_the_tasks_and_back(opened: Any):
    one = opened()
    assert one.page.locator("h1").inner_text().startswith("even and thirds")
    one.page.locator("#task-table a").first.click()
    one.page.wait_for_selector(".query")
    assert "Only even wrong" in one.page.locator("#task").inner_text()
    one.page.locator("#next").click()
    one.page.wait_for_url("**#/other")
    one.page.wait_for_selector(".query")
    one.page.keyboard.press("Escape")
    one.page.wait_for_selector("#task-table", state="visible")
    assert one.page.locator("#task-table").is_visible()


def test_filters_find_as_many_queries_as_there_are(opened: Any):
    one = opened("many")
    one.page.wait_for_selector(".query")
    assert one.listed() == "8,000 of 8,000 queries"
    # Odd and no multiple of 3; odd multiples of 3; even and no multiple of 3; odd, at place 2; every tenth.
    found = {key: one.filtered(key).split(" ")[0] for key in ("both", "first", "second", "near", "ties")}
    assert found == {"both": "2,667", "first": "1,333", "second": "2,666", "near": "4,000", "ties": "800"}


def test_of_8000_queries_only_those_in_sight_are_there(opened: Any):
    one = opened("many")
    one.page.wait_for_selector(".query")
    assert one.page.locator(".query").count() < 60
    one.page.locator("[aria-label=Order]").select_option("data")
    one.page.locator(".list").evaluate("list => { list.scrollTop = list.scrollHeight; }")
    one.page.get_by_text("query 7999").wait_for()
    assert one.page.locator(".query").count() < 60


def test_keys_move_search_and_leave(opened: Any):
    one = opened("many")
    one.page.wait_for_selector(".query")
    one.page.locator("[aria-label=Order]").select_option("data")
    one.page.locator(".list").focus()
    for key in "jjjk":
        one.page.keyboard.press(key)
    assert one.chosen() == "Query 2"
    assert one.page.url.endswith("#/many/2")
    one.page.keyboard.press("/")
    one.page.keyboard.type("query 4321")
    assert one.listed() == "1 of 8,000 queries"
    assert one.chosen() == "Query 4321"
    one.page.keyboard.press("Escape")
    assert one.listed() == "8,000 of 8,000 queries"
    one.page.keyboard.press("Escape")
    one.page.wait_for_selector("#overview", state="visible")  # the page follows the address in an event of its own
    assert one.page.locator("#overview").is_visible()


def test_a_query_has_an_address(opened: Any):
    assert opened("many/4321").page.locator(".said").first.inner_text() == "query 4321"


def test_a_query_that_is_linked_is_seen_at_once_on_a_phone_and_on_a_desk(opened: Any):
    phone = opened("many/4321", viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    phone.page.wait_for_selector(".detail .said")
    assert phone.page.locator(".detail").bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
    desk = opened("many/4321", viewport={"width": 1280, "height": 900})
    desk.page.wait_for_selector(".detail .said")
    box = desk.page.locator(".browser").bounding_box()
    assert 0 <= box["y"] < 100
    assert box["y"] + box["height"] <= 900
    # The keys that change the query bring it back into sight.
    desk.page.evaluate("scrollTo(0, 0)")
    desk.page.keyboard.press("j")
    box = desk.page.locator(".browser").bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 900


def test_the_list_says_what_its_signs_mean_and_what_tells_queries_apart(opened: Any):
    one = opened("many")
    one.page.wait_for_selector(".query")
    assert "✗ 8 it is at place 8" in one.page.locator("#task").inner_text()
    one.page.locator("[aria-label=Order]").select_option("data")
    assert one.page.locator(".query small").nth(3).inner_text() == "3 → answer 3"
    assert one.page.locator(".query .mark").first.get_attribute("aria-label").startswith("even: right answer ")


def test_a_tie_stands_on_neither_side_of_zero(browser: Any, file: Path):
    page = Watched(browser, file, "many").page
    chart = page.locator("svg[aria-label^='Distribution of margins']")
    # Of `even` those that end in 1, of `thirds` those of these that are multiples of 3.
    assert ["800 at zero" in one or "266 at zero" in one for one in chart.get_attribute("aria-label").split("; ")] == [
        True, True,
    ]  # fmt: skip
    step = 480 / 25
    places = [float(one.get_attribute("x")) // step for one in chart.locator("rect").all()]
    assert places.count(12) == 2


def test_the_right_answer_and_the_first_five_are_shown_with_scores(opened: Any):
    one = opened("many/61")
    tops = one.page.locator(".top")
    assert tops.nth(0).locator("li").count() == 5
    assert tops.nth(0).locator("li").nth(1).inner_text().split() == ["2", "0.9000", "✓", "right", "answer", "1"]
    assert "right answer at place 4, margin −0.3000" in one.page.locator(".tops").inner_text()


def test_pictures_are_shown_and_enlarged(opened: Any):
    one = opened("many")
    one.page.wait_for_selector(".query")
    assert one.filtered("pictures") == "1,608 of 8,000 queries"
    picture = one.page.locator(".shot img").first
    assert picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 64
    picture.click()
    assert one.page.locator("#enlarged").is_visible()
    one.page.keyboard.press("Escape")
    assert not one.page.locator("#enlarged").is_visible()
    assert one.page.locator(".query").first.is_visible()


def test_what_data_say_is_text_and_never_code(opened: Any):
    one = opened("many/0")
    assert one.page.locator(".said").first.inner_text() == HOSTILE
    assert one.page.title() == "many · even and thirds"


def test_a_phone_shows_all_of_it_without_sideways_scrolling(opened: Any):
    one = opened("many", viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    one.page.wait_for_selector(".query")
    assert one.page.evaluate("document.documentElement.scrollWidth") == 360
    assert not one.page.locator(".detail").is_visible()
    one.page.locator(".query").first.tap()
    assert one.page.locator(".detail").bounding_box()["width"] == 360
    one.page.locator(".close").click()
    one.page.wait_for_selector(".detail", state="hidden")
    assert not one.page.locator(".detail").is_visible()


def test_dark_is_the_readers_choice_or_the_systems(opened: Any):
    paper = "getComputedStyle(document.body).backgroundColor"
    assert opened(color_scheme="light").page.evaluate(paper) == "rgb(255, 255, 255)"
    dark = opened(color_scheme="dark")
    assert dark.page.evaluate(paper) == "rgb(20, 23, 27)"
    dark.page.locator("#theme").click()
    assert dark.page.evaluate(paper) == "rgb(255, 255, 255)"


def test_the_table_of_tasks_is_sorted_and_searched(opened: Any):
    one = opened()
    names = one.page.locator("#task-table tbody tr:visible th")
    one.page.get_by_role("button", name="Task", exact=True).click()
    assert names.all_inner_texts() == ["many", "many"]
    one.page.keyboard.press("/")
    one.page.keyboard.type("nothing")
    assert names.count() == 0


def test_a_published_average_stands_beside_whole_ones_only():
    made_of = manifest_of({"image": {"I-CLS": ["toy"]}, "video": {"V-CLS": ["b"]}})
    one = result("toy", 0.5, metric="hit@1")
    published = Reference(model="a paper's", data_version="2.1", source="a paper", tasks={"toy": 60.0, "b": 80.0})
    overview = document.Overview(
        models=[ModelResults("mine", FOLDER, {"toy": one})], data_version="2.1",
        rows=rows.scored("mine", [one], "results", made_of, "2.1"), references=[rows.published(published, made_of)],
        sections=[], manifest=made_of, notes=[], pictured=0, side=96,
    )  # fmt: skip
    text = document.render(overview, {"toy": TaskPage([one], [], [None])})
    # Overall is over one of two tasks; Image and its group are whole.
    assert text.count("<b>50.00</b> (1 of 2)") == 1
    assert [text.count(f"a paper&#39;s, published: </span>{mean}") for mean in ("70.00", "60.00")] == [0, 2]

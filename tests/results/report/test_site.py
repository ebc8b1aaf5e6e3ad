"""A site of three models, opened from disk in a browser."""

import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest

from rzen_eval.cli.main import main
from tests.runs import write

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAGE = Path(__file__).parents[3] / "docs/site.md"
MIRROR = {"dataset": {"source": "mirror"}}
TASKS = {"vidore_arxivqa": 2, "visrag_chartqa": 3, "imagenet_1k": 4}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """The site that the page of the documentation has made: two models of the benchmark, and one of the sample."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("alpha", "beta <b>", "made_up")):
        for task, right in TASKS.items():
            source = {"dataset": {"source": "sample"}} if name == "made_up" else MIRROR
            values = [1.0] * (right + number) + [0.0] * (10 - right - number)
            write(Path("results") / name, task, values, provenance=source)
    (command,) = re.findall(r"<!-- run by .*?-->\n```bash\nrzen-eval (.*?)\n```", PAGE.read_text(), re.DOTALL)
    assert main(command.split("#")[0].split()) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "wrote public/index.html: alpha, beta <b>, made_up"
    return tmp_path / "public"


def test_the_sample_stands_apart_and_everything_is_within_the_folder(site: Path):
    text = (site / "index.html").read_text()
    benchmark, sample = text.split("The made-up sample</h2>")
    assert "made_up" in sample
    assert "made_up</a></th><td>" not in benchmark.split("Scores</h2>")[1]
    assert "alpha</a></th><td>" not in sample
    links = re.findall(r'(?:href|src)="([^"]+)"', text)
    assert sorted({link for link in links if link.startswith("reports/")}) == [
        "reports/alpha.html", "reports/beta_b.html", "reports/made_up.html",
    ]  # fmt: skip
    assert all((site / link).is_file() for link in links if not link.startswith("#"))
    assert not re.search(r"https?://", text)
    assert "beta &lt;b&gt;" in text


def test_a_browser_goes_to_each_report_and_back_and_asks_for_nothing_else(site: Path):
    playwright: Any = pytest.importorskip("playwright.sync_api", reason="needs playwright, which the extra [dev] has")
    if CHROMIUM is None:
        pytest.skip("needs a Chromium on PATH, such as Debian's package chromium")
    faults: list[str] = []
    with warnings.catch_warnings(), playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark").new_page()
        page.on("console", lambda message: faults.append(message.text))
        page.on("requestfailed", lambda request: faults.append(request.url))
        index = f"file://{site}/index.html"
        page.goto(index)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        for place in range(3):
            page.locator("section").first.locator("tbody a").nth(place).click()
            assert page.title().endswith("on MMEB-V2")
            page.get_by_text("All models").click()
            assert page.url == index
        browser.close()
    assert faults == []


def test_published_rows_are_there_where_asked_for(site: Path, capsys: pytest.CaptureFixture[str]):
    assert "GME-2B" not in (site / "index.html").read_text()
    assert main(["report", "results", "--site", "again", "--references", "GME-2B"]) == 0
    text = Path("again/index.html").read_text()
    assert text.count("GME-2B</th>") > 1
    assert "they are of the benchmark" in text
    assert main(["report", "results", "--site", "again", "--output", "x.html"]) == 2
    assert "--site DIR writes a folder" in capsys.readouterr().err


@pytest.mark.usefixtures("site")
def test_a_folder_within_another_is_no_second_model(capsys: pytest.CaptureFixture[str]):
    assert main(["report", "results", "results/alpha", "./results", "--site", "again"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "wrote again/index.html: alpha, beta <b>, made_up"

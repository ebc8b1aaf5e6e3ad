"""Models behind /v1/embeddings, against a server on loopback that answers as vLLM does, and fails as servers do."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rzen_eval import Item, load_model
from rzen_eval.cli.main import main
from rzen_eval.errors import ConfigError, DataError, ModelError
from rzen_eval.models.external.openai import OpenAI
from rzen_eval.results import store
from tests.loopback_api import Server, like_vllm, serving
from tests.models.external.test_api import cut, says, slow

RED = Image.new("RGB", (40, 30), "red")
PAGE = Path(__file__).parents[3] / "docs/your-model/endpoint.md"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(like_vllm) as state:
        yield state


def model(server: Server, *overrides: str, **settings: object) -> OpenAI:
    root = server.url.removesuffix("/embed")
    made = load_model("openai", f"endpoint={root}", "remote=qwen/embed", "longest_wait=0.2", *overrides, **settings)
    assert isinstance(made, OpenAI)
    return made


def unit(*rows: list[float]) -> np.ndarray:
    return np.array([np.array(row) / np.linalg.norm(row) for row in rows], dtype=np.float32)


def test_texts_travel_in_batches_and_pictures_as_messages_and_come_back_in_order(server: Server):
    items = [Item(text="a" * n) for n in range(1, 6)]
    items.insert(2, Item(text="bb", images=[RED, RED], instruction="Find:"))
    found = model(server, batch_size=2).embed(items, "query")
    expected = unit([1, 0, 1, 0], [2, 0, 1, 0], [8, 2, 1, 0], [3, 0, 1, 0], [4, 0, 1, 0], [5, 0, 1, 0])
    assert np.abs(found - expected).max() < 1e-6
    assert set(server.paths) == {"/v1/embeddings"}
    assert sorted(len(body.get("input", [])) for body in server.bodies) == [0, 1, 2, 2]
    (turns,) = [body["messages"] for body in server.bodies if "messages" in body]
    assert [part["type"] for part in turns[0]["content"]] == ["image_url", "image_url", "text"]
    assert turns[0]["content"][0]["image_url"]["url"].startswith("data:image/jpeg;base64,")
    assert turns[0]["content"][2]["text"] == "Find: bb"
    assert server.keys == {None: 4}


def test_many_requests_are_on_their_way_at_once_and_no_more_than_asked_for(server: Server):
    items = [Item(text=f"{n}", images=[RED]) for n in range(12)]
    found = model(server, concurrency=3).embed(items, "candidate")
    assert server.most_at_once == 3
    assert found.shape == (12, 4)


@pytest.mark.parametrize(
    "wrongs", [[cut], [says(503)], [says(429, Retry_After="0.05")], [says(200, "<html>")], [cut, says(500)]]
)
def test_what_passes_is_asked_again(server: Server, wrongs: list):
    server.wrongs = list(wrongs)
    found = model(server).embed([Item(text="abc")], "query")
    assert np.abs(found - unit([3, 0, 1, 0])).max() < 1e-6
    assert len(server.bodies) == 1 + len(wrongs)


def test_no_answer_in_time_is_said_after_all_attempts(server: Server):
    server.wrongs = [slow] * 2
    with pytest.raises(ModelError, match=r"embed at 127.0.0.1: no answer in time, 2 times in a row"):
        model(server, timeout=0.1, attempts=2).embed([Item(text="abc")], "query")


def test_of_a_batch_that_is_refused_the_item_that_is_at_fault_is_named(server: Server):
    items = [Item(text="good"), Item(text="forbidden words"), Item(text="fine")]
    with pytest.raises(
        DataError, match=r"^'forbidden words': embed at 127.0.0.1 refuses it with status 400 .*too long"
    ):
        model(server).embed(items, "query")


def test_a_model_that_the_server_does_not_have_is_named_in_its_words(server: Server):
    with pytest.raises(ModelError, match=r"status 404 .*The model `other` does not exist"):
        model(server, remote="other").embed([Item(text="a")], "query")


@pytest.mark.parametrize(("answer", "said"), [
    ('{"data": [{"index": 0, "embedding": [1, 2]}]}', r"indices \[0\] for 2 items"),
    ('{"data": [{"index": 0, "embedding": [1, 2]}, {"index": 0, "embedding": [1, 2]}]}', r"indices \[0, 0\] for 2"),
    ('{"data": [{"index": 0, "embedding": [1, 2]}, {"index": 1, "embedding": [1]}]}', "1 numbers, expected 2"),
    ('{"data": [{"index": 0, "embedding": [1, NaN]}, {"index": 1, "embedding": [1, 2]}]}', "finite"),
    ('{"data": []}', "data"),
])  # fmt: skip
def test_an_answer_that_holds_no_vector_for_each_text_is_refused(server: Server, answer: str, said: str):
    server.wrongs = [says(200, answer)] * 8
    with pytest.raises(ModelError, match=said):
        model(server).embed([Item(text="a"), Item(text="b")], "query")


def test_dimensions_are_asked_for_and_expected(server: Server):
    found = model(server, dimensions=3).embed([Item(text="abc"), Item(text="d", images=[RED])], "query")
    assert found.shape == (2, 3)
    assert {body["dimensions"] for body in server.bodies} == {3}


def test_the_instruction_goes_where_the_model_wants_it(server: Server):
    told = {"instruction.query": "system", "instruction.candidate": "none", "texts": "messages"}
    asked = model(server, **told)
    item = Item(text="a cat", instruction="Find:")
    assert asked.body(item, "query")["messages"] == [
        {"role": "system", "content": [{"type": "text", "text": "Find:"}]},
        {"role": "user", "content": [{"type": "text", "text": "a cat"}]},
    ]
    assert [turn["role"] for turn in asked.body(item, "candidate")["messages"]] == ["user"]
    with pytest.raises(ConfigError, match="needs form: vllm and texts: messages"):
        model(server, **{"instruction.query": "system"})


def test_sglang_gets_a_text_and_a_picture_in_one_input(server: Server):
    asked = model(server, form="sglang")
    (sent,) = asked.body(Item(text="x", images=[RED]), "query")["input"]
    assert sorted(sent) == ["image", "text"]
    assert np.abs(asked.embed([Item(text="xy", images=[RED])], "query") - unit([2, 1, 1, 0])).max() < 1e-6
    with pytest.raises(DataError, match=r"2 pictures in one item, and an input of SGLang's holds one"):
        asked.embed([Item(images=[RED, RED])], "query")


def test_a_key_is_sent_where_one_is_named_and_never_without_encryption(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_KEY", "sk-12345")
    model(server, key_variable="SOME_KEY", confirmed=True).embed([Item(text="a")], "query")
    assert server.keys == {"Bearer sk-12345": 1}
    with pytest.raises(ConfigError, match=r"endpoint: expected https://HOST/PATH"):
        load_model("openai", "endpoint=http://gpu7:8000", "remote=x", key_variable="SOME_KEY")
    load_model("openai", "endpoint=http://gpu7:8000", "remote=x")


def test_what_would_be_sent_is_said_before_a_service_with_a_key_is_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SOME_KEY", "sk-12345")
    items = [*[Item(text="word " * 8)] * 70, Item(images=[RED])]
    with pytest.raises(
        ModelError, match=r"embed: 4 requests with 1 pictures and about 700 tokens of text, .*confirmed"
    ):
        model(server, key_variable="SOME_KEY").embed(items, "query")
    assert server.bodies == []


@pytest.mark.parametrize(("given", "address"), [
    ("http://h:8000", "http://h:8000/v1/embeddings"),
    ("http://h:8000/", "http://h:8000/v1/embeddings"),
    ("https://api.example.com/v1", "https://api.example.com/v1/embeddings"),
    ("https://h/x/embeddings", "https://h/x/embeddings"),
])  # fmt: skip
def test_the_rest_of_an_address_is_added(given: str, address: str):
    assert load_model("openai", f"endpoint={given}", "remote=x").spec.address == address


def test_the_command_of_the_page_scores_a_task_through_the_server(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (command,) = re.findall(r"<!-- run by .*?-->\n```bash\nrzen-eval (.*?)\n```", PAGE.read_text(), re.DOTALL)
    root = server.url.removesuffix("/embed")
    words = command.replace("\\\n", " ").replace("http://127.0.0.1:8000", root).split()
    monkeypatch.chdir(tmp_path)
    server.wrongs = [cut, says(503), says(429, Retry_After="0.05")]
    assert main([*words, "limit=3", "model.longest_wait=0.2"]) == 0
    assert "vidore_arxivqa" in capsys.readouterr().out
    result = store.read(tmp_path / "results" / "embed" / "vidore_arxivqa.json")
    assert (result.n_queries, result.provenance["model"]["remote"]) == (3, "qwen/embed")

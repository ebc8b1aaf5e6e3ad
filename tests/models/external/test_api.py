"""Models behind an HTTP API, against a server on loopback that is busy, slow, broken and nosy."""

import base64
import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rzen_eval import Item, load_model
from rzen_eval.config.compose import load
from rzen_eval.core import Side
from rzen_eval.engine.embed import embed
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.plan import TaskSide
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.errors import ConfigError, DataError, ModelError
from rzen_eval.models.external.api import Api
from tests.loopback_api import Answer, Server, right, serving

KEY = "sk-very-secret-42"


def says(status: int, body: str = "", **headers: str) -> Callable[[Server], Answer]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _state: (status, named, body.encode())


def cut(_state: Server) -> None:
    return None


def slow(_state: Server) -> Answer:
    time.sleep(0.6)
    return 200, {}, b"{}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("TEST_KEY", KEY)
    with serving() as state:
        yield state


def model(server: Server, *overrides: str, name: str = "seed_1_6_0615") -> Api:
    settings = {
        "endpoint": server.url, "key_variable": "TEST_KEY", "dim": "null", "confirmed": "true", "timeout": "30",
        "longest_wait": "0.3",
    }  # fmt: skip
    return load_model(name, *(f"{key}={value}" for key, value in settings.items()), *overrides)


def unit(*numbers: float) -> list[float]:
    return (np.array(numbers) / np.linalg.norm(numbers)).tolist()


def test_one_item_a_request_in_the_order_of_the_items_and_so_many_at_once(server: Server):
    items = [Item(text="x" * n) for n in range(1, 21)]
    vectors = model(server, "concurrency=3").embed(items, "query")
    assert vectors == pytest.approx(np.array([unit(n, 0, 1, 0) for n in range(1, 21)]))
    assert vectors.dtype == np.float32
    assert len(server.bodies) == 20
    assert server.most_at_once == 3


def test_what_is_sent(server: Server):
    picture = Image.new("RGB", (9000, 4), "red")
    item = Item(text="a boat", images=[picture], instruction="Find it:")
    model(server).embed([item], "query")
    sent = server.bodies[0]
    assert sent["model"] == "doubao-embedding-vision-250615"
    assert sent["input"][1] == {"type": "text", "text": "Find it: a boat"}
    address = sent["input"][0]["image_url"]["url"]
    assert Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/jpeg;base64,")))).size == (6000, 10)
    assert server.keys == {f"Bearer {KEY}": 1}
    later = model(server, name="seed_1_6_1215")
    assert later.body(item, Side.QUERY)["instruction"] == "Target_modality:Text.\n Instruction:Find it:\n Query:"
    assert later.body(item, Side.QUERY)["input"][1]["text"] == "a boat"
    said = later.body(Item(frames=[picture] * 3, instruction="See."), Side.CANDIDATE)
    assert said["instruction"] == "Instruction: Compress the image into one word.\n Query:"
    assert [part["type"] for part in said["input"]] == ["image_url"] * 3


def test_fewer_dimensions_are_the_first_ones_made_unit_again(server: Server):
    assert model(server, "dim=2").embed([Item(text="xxx")], "query")[0].tolist() == [1.0, 0.0]
    with pytest.raises(ModelError, match=r"under data\.embedding, found 4 numbers, expected 5, in"):
        model(server, "dim=5").embed([Item(text="xxx")], "query")


def test_what_passes_is_tried_again_until_there_is_an_answer(server: Server):
    server.wrongs = [says(429), says(500), says(503), cut, slow, says(200, "<html>"), says(502)]
    vectors = model(server, "timeout=0.4", "attempts=30").embed([Item(text="xx")], "query")
    assert vectors[0].tolist() == pytest.approx(unit(2, 0, 1, 0))
    assert server.wrongs == []
    assert len(server.bodies) >= 8


@pytest.mark.parametrize("as_date", [False, True])
def test_the_server_says_how_long_to_wait_and_no_request_begins_before(server: Server, as_date: bool):
    def busy(_state: Server) -> Answer:
        until = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        return 429, {"Retry-After": until if as_date else "0.4"}, b""

    server.wrongs = [busy]
    model(server, "longest_wait=5").embed([Item(text="xx")], "query")
    # A date has no fractions of a second.
    assert server.times[1] - server.times[0] > (0.9 if as_date else 0.4)


def test_a_wait_that_is_too_long_ends_the_run(server: Server):
    server.wrongs = [says(429, Retry_After="3600")]
    with pytest.raises(ModelError, match=r"asks to wait 3600 s, and model\.longest_wait is 0\.3; run the same command"):
        model(server).embed([Item(text="xx")], "query")


def test_after_all_attempts_the_run_ends_with_what_the_server_said(server: Server):
    server.wrongs = [says(503, "we are full")] * 3
    with pytest.raises(ModelError, match=r"127\.0\.0\.1: status 503 \(we are full\), 3 times in a row"):
        model(server, "attempts=3").embed([Item(text="xx")], "query")


def test_requests_a_minute_are_spread_over_it(server: Server):
    opened, began = model(server, "requests_per_minute=600"), time.monotonic()
    opened.embed([Item(text="x" * n) for n in range(1, 6)], "query")
    assert max(server.times) - began > 4 * 60 / 600


@pytest.mark.parametrize("status", [400, 401, 403, 404, 302])
def test_what_never_passes_is_not_tried_again_and_the_key_is_nowhere(
    server: Server, status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    server.wrongs = [says(status, f"bad key {KEY}\nsee Bearer {KEY}", Location="http://127.0.0.1:1/")]
    opened = model(server)
    with caplog.at_level(logging.DEBUG), pytest.raises((ModelError, DataError)) as caught:
        opened.embed([Item(text="a boat", instruction="Find:")], "query")
    assert len(server.bodies) == 1
    assert f"status {status}" in str(caught.value)
    assert "bad key *** see Bearer ***" in str(caught.value)
    assert isinstance(caught.value, DataError) is (status == 400)
    everything = [str(caught.value), repr(caught.value.__cause__), caplog.text, *capfd.readouterr()]
    everything += [json.dumps(opened.provenance()), repr(opened.spec), str(opened.spec.model_dump())]
    assert not [said for said in everything if KEY in said]


def test_an_answer_that_is_no_vector_is_shown_without_the_key(server: Server):
    server.wrongs = [says(200, json.dumps({"error": f"who is {KEY}?"}))]
    with pytest.raises(ModelError, match=r"expected one vector .* found data: missing.*who is \*\*\*"):
        model(server).embed([Item(text="xx")], "query")


def test_a_run_that_was_stopped_goes_on_from_what_is_kept(server: Server, tmp_path: Path):
    items = [Item(text="x" * n) for n in range(1, 41)]

    def run() -> Any:
        return embed(
            opened, TaskSide("", Side.QUERY, items, [str(n) for n in range(40)]), loader=Loader(0),
            tokens_per_batch=opened.tokens_per_batch, store=VectorStore(tmp_path),
        )  # fmt: skip

    opened = model(server, "concurrency=1", "attempts=1")
    server.wrongs = [right] * 15 + [says(503)]
    with pytest.raises(ModelError, match="status 503"):
        run()
    paid = len(server.bodies)
    found = run()
    assert found.vectors == pytest.approx(np.array([unit(n, 0, 1, 0) for n in range(1, 41)]))
    assert 16 <= paid <= 17, "the next one may be under way"
    assert len(server.bodies) - paid == found.spent.items == 25, "what was kept was not asked for again"


def test_nothing_is_sent_before_a_confirmation_that_says_what_it_costs(server: Server, tmp_path: Path):
    price = "price={text: 0.7, picture: 1.8, tokens_per_picture: 1000, currency: CNY}"
    items = [Item(text="x" * 400), Item(images=[Image.new("RGB", (20, 20))])]
    said = r"2 requests with 1 pictures and about 100 tokens of text"
    with pytest.raises(ModelError, match=said + r", about 0\.00 CNY; give model\.confirmed=true"):
        model(server, "confirmed=false", price).embed(items, "query")
    opened = model(server, "confirmed=false")
    budget, store = opened.tokens_per_batch, VectorStore(tmp_path)
    with pytest.raises(ModelError, match=said + r", at a price that is not declared"):
        embed(
            opened, TaskSide("", Side.QUERY, items, ["a", "b"]), loader=Loader(0), tokens_per_batch=budget, store=store
        )
    assert server.bodies == []


@pytest.mark.parametrize(("said", "sent"), [("y\n", 1), ("\n", 0), ("no\n", 0)])
def test_at_a_terminal_the_user_is_asked(server: Server, monkeypatch: pytest.MonkeyPatch, said: str, sent: int):
    terminal = io.StringIO(said)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    opened = model(server, "confirmed=false")
    if sent:
        opened.embed([Item(text="xx")], "query")
    else:
        with pytest.raises(ModelError, match="nothing was sent"):
            opened.embed([Item(text="xx")], "query")
    assert len(server.bodies) == sent


def test_without_a_key_or_with_one_in_the_address_nothing_is_opened(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TEST_KEY")
    with pytest.raises(ModelError, match="environment variable TEST_KEY holds no key"):
        model(server)
    for address in ("http://example.org/embed", "https://user:s3cret@example.org/", "https://example.org/?key=s3cret"):
        with pytest.raises(ConfigError, match=r"expected https://HOST/PATH, without a user or a query, found") as said:
            load(["model=seed_1_6_0615", f'model.endpoint="{address}"'])
        assert "example.org" in str(said.value)
        assert "s3cret" not in str(said.value)


def test_settings_of_speed_and_price_leave_kept_vectors_what_they_are(server: Server):
    assert model(server).provenance() == model(server, "concurrency=9", "timeout=1", "attempts=2").provenance()
    assert model(server).provenance() != model(server, "dim=3").provenance()


def vector(embedding: object) -> Callable[[Server], Answer]:
    return says(200, json.dumps({"data": {"embedding": embedding}}))


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (says(200, "[]"), "the file: "),
        (says(200, '{"data": []}'), "data.*: "),
        (says(200, '{"data": [{"embedding": [1]}, {"embedding": [2]}]}'), "data.*at most 1 item"),
        (vector([]), "data.*at least 1 item"),
        (vector("1 2 3"), "data.*list"),
        (vector([1, "two"]), "data.*number"),
        (vector([[1, 2], [3, 4]]), "data.*number"),
        (vector([1, float("nan")]), "data.*finite number"),
        (vector([0, 0, 0]), "a vector of no length"),
        (vector([1e300, 1]), "numbers beyond 1e18"),
        (vector(f"who is {KEY}"), r"data.*who is \*\*\*"),
    ],
)
def test_an_answer_that_is_no_one_vector_is_one_line(server: Server, answer: Callable[[Server], Answer], found: str):
    server.wrongs = [answer]
    with pytest.raises(
        ModelError, match=f"expected one vector of finite numbers under data.embedding, found {found}"
    ) as e:
        model(server).embed([Item(text="xx")], "query")
    assert str(e.value).isprintable()
    assert KEY not in str(e.value)


def test_vectors_that_change_their_length_are_refused(server: Server):
    opened = model(server, "concurrency=1")
    opened.embed([Item(text="xx")], "query")
    server.wrongs = [vector([1, 2, 3])]
    with pytest.raises(ModelError, match="found 3 numbers, expected 4"):
        opened.embed([Item(text="xxx")], "query")


@pytest.mark.parametrize("key", ["sk-\u00e9", "two words", "two\nlines", "bell\x07"])
def test_a_key_that_cannot_be_one_is_named_by_its_variable_alone(
    server: Server, key: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TEST_KEY", key)
    with pytest.raises(ModelError, match="what the environment variable TEST_KEY holds is no key") as caught:
        model(server)
    assert key not in str(caught.value)


def test_an_answer_is_read_up_to_so_many_bytes(server: Server):
    server.wrongs = [says(200, "x" * 5000)]
    with pytest.raises(ModelError, match=r"answers with more than 4,000 bytes \(model\.largest_answer\)"):
        model(server, "largest_answer=4000").embed([Item(text="xx")], "query")


def test_an_answer_that_trickles_is_given_up(server: Server):
    server.wrongs = [lambda _state: (200, {}, [b" "] * 50)] * 2
    began = time.monotonic()
    with pytest.raises(ModelError, match=r"no end of its answer in 0\.3 s \(model\.total_timeout\), 2 times in a row"):
        model(server, "total_timeout=0.3", "attempts=2").embed([Item(text="xx")], "query")
    assert time.monotonic() - began < 4

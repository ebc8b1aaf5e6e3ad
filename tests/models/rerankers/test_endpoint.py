"""Rerankers behind /v1/rerank, against a server on loopback that answers as vLLM does, and fails as servers do."""

import json
from collections.abc import Iterator

import pytest
from PIL import Image

from rzen_eval import Item, load_reranker
from rzen_eval.errors import DataError, ModelError
from rzen_eval.models.rerankers.endpoint import RerankEndpoint
from tests.loopback_api import Server, reranking, serving
from tests.models.external.test_api import says

RED = Image.new("RGB", (40, 30), "red")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(reranking) as state:
        yield state


def judge(server: Server, *settings: str) -> RerankEndpoint:
    root = server.url.removesuffix("/embed")
    made = load_reranker("endpoint", f"endpoint={root}", "remote=qwen/judge", "longest_wait=0.2", *settings)
    assert isinstance(made, RerankEndpoint)
    return made


def test_candidates_travel_some_at_once_and_scores_come_back_in_their_order(server: Server):
    candidates = [Item(text="abcd"), Item(text="ab"), Item(text="z"), Item(images=[RED], text="a"), Item(images=[RED])]
    scores = judge(server, "documents=2").score(Item(text="abcd"), candidates)
    assert scores.tolist() == [1, 0.5, 0, 1.25, 1]
    assert server.paths == ["/v1/rerank"] * 3
    assert sorted(len(body["documents"]) for body in server.bodies) == [1, 2, 2]
    assert {body["model"] for body in server.bodies} == {"qwen/judge"}
    assert server.keys == {None: 3}
    [pictured] = [body["documents"] for body in server.bodies if len(body["documents"]) == 1]
    assert pictured[0]["content"][0]["image_url"]["url"].startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize(("slot", "query"), [("user", "Find: ab"), ("none", "ab")])
def test_the_instruction_goes_before_the_text_of_the_query_or_nowhere(server: Server, slot: str, query: str):
    judge(server, f"instruction={slot}").score(Item(text="ab", instruction="Find:"), [Item(text="b")])
    assert server.bodies[0]["query"] == query
    assert server.bodies[0]["documents"] == ["b"]


def test_a_query_that_is_refused_is_named(server: Server):
    with pytest.raises(DataError, match=r"'what!' with 2 candidates: judge at 127.0.0.1 refuses it with status 400"):
        judge(server).score(Item(text="what!"), [Item(text="a"), Item(text="b")])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            {"results": [{"index": 0, "relevance_score": 0.5}]},
            r"each of 2 documents under results, found indices \[0\]",
        ),
        (
            {"results": [{"index": 0, "relevance_score": None}]},
            r"found results.0.relevance_score: expected a valid number",
        ),
        ({"data": []}, r"found results: missing"),
    ],
)
def test_an_answer_without_a_score_for_each_is_refused(server: Server, answer: object, said: str):
    server.wrongs = [says(200, json.dumps(answer))]
    with pytest.raises(ModelError, match=said):
        judge(server).score(Item(text="a"), [Item(text="a"), Item(text="b")])


def test_a_server_with_a_key_is_asked_only_by_who_said_so(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OUR_KEY", "secret")
    paid = judge(server, "key_variable=OUR_KEY")
    with pytest.raises(ModelError, match=r"judge: 2 pairs would be sent .*; give reranker.confirmed=true"):
        paid.confirm([Item(), Item()])
    judge(server, "key_variable=OUR_KEY", "confirmed=true").confirm([Item()])
    assert "secret" not in json.dumps(paid.provenance())

"""The server: right answers, refusals that say why and repeat nothing, many clients at once."""

import asyncio
import json
import subprocess
import sys

import limen
import pytest

pytest.importorskip("fastapi", reason="no fastapi")
pytest.importorskip("httpx2", reason="no httpx2")

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def app(example, classifier, monkeypatch):
    monkeypatch.setenv("LIMEN_FILE", str(classifier))
    return example("server/app.py").app


@pytest.fixture
def client(app):
    from fastapi.testclient import TestClient

    with TestClient(app) as opened:
        yield opened


@pytest.fixture(scope="module")
def model(classifier):
    with limen.load(classifier) as opened:
        yield opened


@pytest.mark.parametrize(
    "text", ["happy bright day", "정말 행복해요 🙂", "", "a\0b", "day " * 5_000]
)
def test_answers_are_those_of_the_model(client, model, text):
    answer = client.post("/decide", json={"text": text})
    assert answer.status_code == 200
    assert answer.json() == model(text).to_dict()


def test_a_text_longer_than_the_model_takes_is_marked(client):
    assert client.post("/decide", json={"text": "happy day " * 100}).json()["truncated"]


@pytest.mark.parametrize(
    ("body", "place", "said"),
    [
        ('{"text": 1}', ["body", "text"], "string"),
        ('{"text": null}', ["body", "text"], "string"),
        ('{"words": "secret day"}', ["body", "text"], "required"),
        ('["secret day"]', ["body"], "dictionary"),
        ('{"text": "secret \\ud800"}', ["body", "text"], "unicode"),
        ('{"text": "secret', ["body", 9], "JSON"),
        ("", ["body"], "required"),
        (json.dumps({"text": "secret" * 4_000}), ["body", "text"], "at most 20000 characters"),
    ],
)
def test_bad_input_is_refused_with_the_reason_and_not_repeated(client, body, place, said):
    answer = client.post("/decide", content=body, headers=JSON)
    assert answer.status_code == 422
    (detail,) = answer.json()["detail"]
    assert detail["loc"] == place
    assert said in detail["msg"]
    assert "secret" not in answer.text


def test_the_longest_text_that_is_taken(client):
    assert client.post("/decide", json={"text": "a" * 20_000}).status_code == 200
    assert client.post("/decide", json={"text": "a" * 20_001}).status_code == 422


@pytest.mark.parametrize("body", [b"\xff", b"[" * 100_000])
def test_bytes_that_are_no_json_are_refused(client, body):
    answer = client.post("/decide", content=body, headers=JSON)
    assert 400 <= answer.status_code < 500


def test_health_names_the_labels(client, model):
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {"labels": [*model.labels]}


def test_the_model_is_closed_with_the_server(app):
    from fastapi.testclient import TestClient

    with TestClient(app):
        model = app.state.model
    with pytest.raises(limen.EngineError, match="closed"):
        model("day")


def test_a_server_without_its_file_does_not_start(app, monkeypatch, tmp_path):
    from fastapi.testclient import TestClient

    monkeypatch.setenv("LIMEN_FILE", str(tmp_path / "nothing.onnx"))
    with pytest.raises(limen.InputError, match="nothing there"), TestClient(app):
        pass


def test_many_at_once_each_get_their_own_answer(app, model):
    from httpx2 import ASGITransport, AsyncClient

    texts = [f"happy day {number % 150}" for number in range(300)]

    async def all_at_once():
        transport = ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            asked = (client.post("/decide", json={"text": text}) for text in texts)
            return [answer.json() for answer in await asyncio.gather(*asked)]

    assert asyncio.run(all_at_once()) == [found.to_dict() for found in model.predict(texts)]


def test_load_measures_a_running_server(examples, classifier, tmp_path):
    """It compares every answer with that of predict itself, and fails where one differs."""
    pytest.importorskip("uvicorn", reason="no uvicorn")
    texts = tmp_path / "texts.txt"
    texts.write_text("happy day\n\n정말 행복해요 🙂\n" + "day " * 9_000, encoding="utf-8")
    options = ["--rounds", "2", "--connections", "3"]
    done = subprocess.run(
        [sys.executable, examples / "server" / "load.py", classifier, texts, *options],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 rounds of 3 texts, 3 connections\n")
    assert "of predict" in done.stdout


def test_load_stops_at_a_wrong_answer(example, classifier, tmp_path, monkeypatch):
    pytest.importorskip("uvicorn", reason="no uvicorn")
    load = example("server/load.py")
    right = load.exchange

    async def wrong(reader, writer, text):
        return {**await right(reader, writer, text), "labels": ["other"]}

    texts = tmp_path / "texts.txt"
    texts.write_text("happy day\n", encoding="utf-8")
    monkeypatch.setattr(load, "exchange", wrong)
    monkeypatch.setattr(sys, "argv", ["load.py", str(classifier), str(texts)])
    with pytest.raises(SystemExit, match="decided otherwise"):
        load.main()


def test_load_says_why_a_server_does_not_start(example, tmp_path):
    pytest.importorskip("uvicorn", reason="no uvicorn")
    load = example("server/load.py")
    with pytest.raises(SystemExit, match="nothing there"), load.served(tmp_path / "nothing.onnx"):
        pass

"""The window: what is typed is decided while it is typed, and nothing makes it wait."""

import sys
import threading
import time

import limen
import pytest

BLOCKED_S = 0.1
"""A window that stands still for a tenth of a second is felt
(https://www.nngroup.com/articles/response-times-3-important-limits/).
"""


@pytest.fixture
def gate(monkeypatch):
    """Deciding waits to be let go; texts that were begun."""
    go, begun, real = threading.Event(), [], limen.Model.__call__

    def waiting(model, text):
        begun.append(text)
        assert go.wait(60)
        return real(model, text)

    monkeypatch.setattr(limen.Model, "__call__", waiting)
    yield go, begun
    go.set()


def test_labels_and_scores_are_those_of_the_model(opened, classifier):
    screen = opened(classifier).ready()
    screen.type("happy bright day")
    with limen.load(classifier) as model:
        found = model("happy bright day")
    assert screen.settled().drawn("number") == [f"{score:.2f}" for score in found.scores.values()]
    assert screen.said == ", ".join(found.labels)
    assert screen.drawn("name") == [*found.scores]


def test_bars_are_as_long_as_scores_and_thresholds_are_marked(opened, classifier):
    screen = opened(classifier).ready()
    screen.type("happy")
    rows = screen.settled().window.rows
    with limen.load(classifier) as model:
        scores, thresholds = model("happy").scores, model.operating_point.thresholds
    bars = [rows.coords(item) for item in rows.find_withtag("bar")]
    marks = [rows.coords(item)[0] for item in rows.find_withtag("threshold")]
    left = bars[0][0]
    width = (bars[0][2] - left) / scores[model.labels[0]]
    for bar, mark, score, threshold in zip(bars, marks, scores.values(), thresholds, strict=True):
        assert bar[2] - left == pytest.approx(score * width, abs=0.5)
        assert mark - left == pytest.approx(threshold * width, abs=0.5)


def test_erasing_the_sentence_empties_the_bars(opened, classifier):
    screen = opened(classifier).ready()
    screen.type("day")
    assert screen.settled().drawn("number")
    screen.type("\b\b\b")
    assert screen.text == ""
    assert screen.drawn("number") == []
    assert (screen.said, screen.note) == ("", "type a sentence")


def test_typing_goes_on_while_a_text_is_computed(opened, classifier, gate):
    go, begun = gate
    screen = opened(classifier).ready()
    screen.type("h")
    screen.until(lambda: begun == ["h"])
    screen.type("appy bright")
    assert screen.text == "happy bright"
    screen.until(lambda: screen.note == "deciding …")
    go.set()
    with limen.load(classifier) as model:
        wanted = ", ".join(model("happy bright").labels)
    screen.until(lambda: screen.said == wanted and screen.note == "")
    assert begun[:2] == ["h", "happy bright"], "only the newest text waits"


def test_what_is_erased_while_it_is_computed_is_not_shown(opened, classifier, gate):
    go, begun = gate
    screen = opened(classifier).ready()
    screen.type("h")
    screen.until(lambda: begun == ["h"])
    screen.type("\b")
    go.set()
    assert screen.settled().drawn("number") == []
    assert screen.note == "type a sentence"


def test_the_window_never_stands_still_while_texts_are_computed(opened, classifier, monkeypatch):
    real = limen.Model.__call__

    def slow(model, text):
        deadline = time.monotonic() + 0.7
        while time.monotonic() < deadline:
            found = real(model, text * 50)
        return found

    monkeypatch.setattr(limen.Model, "__call__", slow)
    screen = opened(classifier).ready()
    longest = []
    # A machine with other work may take the processor away for as long; a window that waits for
    # its texts stands still every time.
    while not longest or (min(longest) >= BLOCKED_S and len(longest) < 4):
        screen.turn()
        screen.longest = 0.0
        screen.type("happy day ")
        assert screen.window.polling
        longest.append(screen.settled().longest)
    assert min(longest) < BLOCKED_S


def test_closing_does_not_wait_for_a_text(opened, classifier, gate):
    go, begun = gate
    screen = opened(classifier).ready()
    screen.type("h")
    screen.until(lambda: begun == ["h"])
    screen.root.after(0, screen.root.destroy)
    screen.root.mainloop()
    assert not screen.exists
    assert not go.is_set()
    go.set()
    screen.window.decider.close()
    assert "decider" not in [thread.name for thread in threading.enumerate()]


def test_closing_while_the_file_is_loaded(opened, classifier):
    screen = opened(classifier)
    screen.root.destroy()
    screen.window.decider.close()
    assert not screen.exists


@pytest.mark.parametrize("content", [b"", b"not a classifier", None])
def test_a_bad_file_is_said_and_typing_goes_on(opened, tmp_path, content):
    file = tmp_path / "broken.onnx"
    if content is not None:
        file.write_bytes(content)
    screen = opened(file)
    screen.until(lambda: "broken.onnx" in screen.note and "loading" not in screen.note)
    screen.focused().type("day")
    assert screen.text == "day"
    assert not screen.window.polling


def test_a_text_that_fails_is_said_and_the_next_one_is_decided(opened, classifier, monkeypatch):
    real = limen.Model.__call__

    def failing(model, text):
        if text == "x":
            raise limen.EngineError("onnxruntime failed on a text of 3 tokens")
        return real(model, text)

    monkeypatch.setattr(limen.Model, "__call__", failing)
    screen = opened(classifier).ready()
    screen.type("x")
    screen.until(lambda: "onnxruntime failed" in screen.note)
    assert screen.drawn("number") == []
    screen.type("\bday")
    assert screen.settled().drawn("number")
    assert screen.note == ""


def test_a_text_that_loses_a_part_is_marked(opened, classifier):
    screen = opened(classifier).ready()
    screen.window.field.insert("1.0", "happy day " * 40)
    screen.until(lambda: "a part is left out" in screen.note)


def test_a_small_window_shows_the_labels_with_the_largest_scores(opened, classifier):
    screen = opened(classifier).ready()
    screen.type("happy bright")
    screen.settled().root.geometry(f"500x{screen.root.winfo_height() - 40}")
    screen.until(lambda: 0 < len(screen.drawn("name")) < 4)
    with limen.load(classifier) as model:
        scores = model("happy bright").scores
    best = sorted(scores, key=lambda name: -scores[name])
    assert screen.drawn("name") == best[: len(screen.drawn("name"))]


def test_say_prints_the_decision_without_a_window(desktop, classifier, capsys, monkeypatch):
    app = desktop("app")
    monkeypatch.setattr(sys, "argv", ["app.py", str(classifier), "--say", "happy bright day"])
    assert app.main() == 0
    with limen.load(classifier) as model:
        assert capsys.readouterr().out == f"{model('happy bright day')}\n"

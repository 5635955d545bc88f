"""What a person at a terminal sees of a long job."""

from limen import progress
from limen.progress import OnTerminal, Silent


def test_steps_stand_below_each_other_and_counts_over_each_other(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    told = OnTerminal()
    told.step("reading")
    for seconds, what in ((1.0, "1,000 texts"), (1.1, "left out"), (1.5, "9 texts")):
        now[0] = seconds
        told.count(what)
    told.step("done")
    told.step("again")
    assert capsys.readouterr().err.split("\n") == [
        "[  0.0 s] reading",
        "[  1.0 s] 1,000 texts\r[  1.5 s] 9 texts    \r[  1.5 s] done   ",
        "[  1.5 s] again",
        "",
    ]


def test_silence(capsys):
    Silent().step("reading")
    Silent().count("9 texts")
    assert capsys.readouterr() == ("", "")

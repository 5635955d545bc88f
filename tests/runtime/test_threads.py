"""How many threads limen takes: what affinity and the container's quota leave."""

import os

import pytest
from limen import threads
from limen.errors import InputError
from limen.threads import available_cores, thread_count

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.fixture
def no_quota(monkeypatch, tmp_path):
    """No file says anything about a quota."""
    for name in ("_QUOTA_V2", "_QUOTA_V1", "_PERIOD_V1"):
        monkeypatch.setattr(threads, name, tmp_path / name)
    return tmp_path


@pytest.fixture
def eight_cores(monkeypatch, no_quota):
    """Affinity leaves eight cores; gives the folder of the quota files."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    return no_quota


@pytest.mark.parametrize("asked", [1, 2, 64])
def test_the_callers_number_is_taken(asked):
    assert thread_count(asked) == asked


@pytest.mark.parametrize("asked", [0, -1, -64])
def test_less_than_one_is_refused(asked):
    with pytest.raises(InputError, match=f"threads={asked}; expected 1 or more"):
        thread_count(asked)


def test_none_follows_the_cores_at_hand():
    assert thread_count(None) == available_cores()
    assert 1 <= available_cores() <= CORES


def test_without_a_quota_affinity_decides(no_quota):
    assert available_cores() == CORES


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("50000 100000\n", 1),
        ("1000 100000\n", 1),
        ("3200000 100000\n", 8),
        ("25000 10000", 3),
        ("", 8),
        ("max", 8),
        ("nonsense here", 8),
    ],
)
def test_quota_of_cgroup_v2(eight_cores, text, cores):
    (eight_cores / "_QUOTA_V2").write_text(text)
    assert available_cores() == cores


@pytest.mark.parametrize(
    ("quota", "period", "cores"),
    [("-1\n", "100000\n", 8), ("300000\n", "100000\n", 3), ("50000", "100000", 1), ("x", "1", 8)],
)
def test_quota_of_cgroup_v1(eight_cores, quota, period, cores):
    (eight_cores / "_QUOTA_V1").write_text(quota)
    (eight_cores / "_PERIOD_V1").write_text(period)
    assert available_cores() == cores


def test_v2_goes_before_v1(eight_cores):
    (eight_cores / "_QUOTA_V2").write_text("200000 100000")
    (eight_cores / "_QUOTA_V1").write_text("700000")
    (eight_cores / "_PERIOD_V1").write_text("100000")
    assert available_cores() == 2


def test_a_period_that_is_missing_is_no_quota(eight_cores):
    (eight_cores / "_QUOTA_V1").write_text("300000")
    assert available_cores() == 8


def test_without_affinity_the_machines_cores_count(no_quota, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_affinity_is_followed(fresh):
    script = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from limen.threads import thread_count; print(thread_count(None))"
    )
    assert fresh("-c", script).stdout.split() == [b"1"]

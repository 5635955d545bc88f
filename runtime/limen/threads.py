"""How many threads this process may keep busy: its CPU affinity and its container's quota, not the
host's cores.
"""

import math
import os
from dataclasses import dataclass
from pathlib import Path

from limen.errors import InputError

_QUOTA_V2 = Path("/sys/fs/cgroup/cpu.max")
_QUOTA_V1 = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
_PERIOD_V1 = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us")


@dataclass(frozen=True)
class ThreadSource:
    """How many threads to use, and where the number comes from.

    Attributes:
        threads: to use.
        why: for a person.
        cores: of the machine; None where that is not known.
        affinity: cores that this process may run on; None where the system does not say.
        quota: cores that the container's quota leaves; None for no quota.
    """

    threads: int
    why: str
    cores: int | None
    affinity: int | None
    quota: float | None


def thread_source(asked: int | None) -> ThreadSource:
    """Return what `thread_count` returns, with its reason; errors as there."""
    threads = thread_count(asked)
    cores, affinity, quota = os.cpu_count(), _affinity(), quota_cores()
    if asked is not None:
        why = "asked for"
    elif quota is not None and threads < (affinity or cores or 1):
        why = f"the container's quota is {quota:g} cores"
    elif affinity is not None:
        why = f"CPU affinity leaves {affinity} of {cores or affinity} cores"
    else:
        why = f"the machine has {cores or 1} cores"
    return ThreadSource(threads, why, cores, affinity, quota)


def thread_count(asked: int | None) -> int:
    """Return the number of threads to use.

    Args:
        asked: the caller's own number, at least 1; None to follow affinity and quota.

    Raises:
        InputError: `asked` is below 1.
    """
    if asked is None:
        return available_cores()
    if not isinstance(asked, int) or asked < 1:
        raise InputError(f"threads={asked}; expected 1 or more")
    return asked


def available_cores() -> int:
    """Return the cores that affinity and the cgroup quota (v1 or v2) leave to this process, at
    least 1.
    """
    affinity = _affinity() or os.cpu_count() or 1
    quota = quota_cores()
    return max(1, affinity if quota is None else min(affinity, math.ceil(quota)))


def _affinity() -> int | None:
    # sched_getaffinity is missing on macOS and Windows.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def quota_cores() -> float | None:
    """Quota over period (https://docs.kernel.org/admin-guide/cgroup-v2.html, `cpu.max`); None for
    no quota.
    """
    try:
        if _QUOTA_V2.exists():
            quota, period = _QUOTA_V2.read_text().split()
        elif _QUOTA_V1.exists():
            quota, period = _QUOTA_V1.read_text().strip(), _PERIOD_V1.read_text().strip()
        else:
            return None
        if quota in ("max", "-1"):
            return None
        return int(quota) / int(period)
    except (OSError, ValueError):
        return None

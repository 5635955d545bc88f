"""How many threads this process may keep busy: its CPU affinity and its container's quota, not the
host's cores.
"""

import math
import os
from pathlib import Path

from limen.errors import InputError

_QUOTA_V2 = Path("/sys/fs/cgroup/cpu.max")
_QUOTA_V1 = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
_PERIOD_V1 = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us")


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
    # sched_getaffinity is missing on macOS and Windows.
    affinity = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    quota = quota_cores()
    return max(1, affinity if quota is None else min(affinity, math.ceil(quota)))


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

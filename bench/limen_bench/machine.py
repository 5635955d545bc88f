"""What a measurement ran on, so that it can be judged and repeated: processor, cores that may be
used, load, memory, operating system, and settings that change how many threads libraries start.

Nothing here names the machine, its user or a folder. Whatever cannot be read is None.
"""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from limen.threads import available_cores, quota_cores

_FEATURES = frozenset(
    """
    sse4_1 avx avx2 fma f16c avx_vnni avx_vnni_int8 avx512f avx512bw avx512vl avx512vnni avx512_vnni
    avx512_bf16 avx512_fp16 amx_tile amx_int8 amx_bf16 amx_fp16
    asimd neon asimdhp asimddp i8mm svei8mm bf16 sve sve2 sme sme2
    """.split()
)
"""Instructions that onnxruntime, torch, OpenVINO and numpy choose kernels by, as the kernel spells
them (arch/x86/include/asm/cpufeatures.h; docs.kernel.org/arch/arm64/elf_hwcaps.html)."""
_VARIABLES = re.compile(
    r"(CUDA|OMP|GOMP|KMP|MKL|OPENBLAS|GOTO|BLIS|VECLIB|NUMEXPR|RAYON|ORT|ONEDNN|DNNL|TBB)_\w+"
    r"|TOKENIZERS_PARALLELISM|ONNXRUNTIME_\w+|OV_\w+|TORCH_NUM_THREADS|MALLOC_\w+"
)
_CORE_0 = Path("sys/devices/system/cpu/cpu0")
_PLAIN_VALUE = re.compile(r"[\w.,:+=\- {}]*")


def describe_machine(root: Path = Path("/")) -> dict[str, Any]:
    """Describe the machine as it is now; ready for JSON.

    Args:
        root: where `proc` and `sys` are; for tests.

    Returns:
        `cpu` (model), `features` (sorted), `cores` (usable by this process), `cores_host`,
        `affinity`, `quota` (cores, fractional), `governor`, `frequency_mhz` (`now`, `max`),
        `load` (`1m`, `5m`, `15m`), `caches_bytes` (`L1d`, `L2`, ... as one core sees them),
        `gpus` (name, memory and driver of each, as nvidia-smi says; None without it),
        `memory_gb` (10^9 bytes), `hypervisor` (whether the CPU says that it is virtual), `os`,
        `kernel`, `machine`, `python`, `environment` (variables that are set). None where unknown.
    """
    cpu = _cpu_info(root)
    flags = (cpu.get("flags") or cpu.get("Features") or "").split()
    return {
        "cpu": cpu.get("model name") or cpu.get("Model") or platform.processor() or None,
        "features": sorted(_FEATURES.intersection(flags)) if flags else None,
        "cores": available_cores(),
        "cores_host": os.cpu_count(),
        "affinity": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "quota": quota_cores(),
        "governor": _text(root / _CORE_0 / "cpufreq/scaling_governor"),
        "frequency_mhz": _frequency(root, cpu),
        "load": _load(),
        "caches_bytes": _caches(root),
        "gpus": _gpus(),
        "memory_gb": _memory_gb(root),
        "hypervisor": "hypervisor" in flags if flags else None,
        "os": _system_name(),
        "kernel": platform.release() or None,
        "machine": platform.machine() or None,
        "python": platform.python_version(),
        "environment": thread_variables(os.environ),
    }


def describe_machine_lines(machine: Mapping[str, Any]) -> list[str]:
    """Say the essentials in a few lines, for a terminal.

    Args:
        machine: what `describe_machine` gave, here or on another machine.
    """

    def known(name: str) -> str:
        value = machine.get(name)
        return "unknown" if value in (None, "") else str(value)

    load, memory = machine.get("load") or {}, machine.get("memory_gb")
    virtual = ", virtual" if machine.get("hypervisor") else ""
    quota = machine.get("quota")
    lines = [
        f"CPU        {known('cpu')}{virtual}",
        f"           {' '.join(machine.get('features') or ['features unknown'])}",
        f"cores      {known('cores')} usable of {known('cores_host')}"
        + (f", quota {quota:g}" if quota is not None else "")
        + f"; governor {known('governor')}; load {load.get('1m', 'unknown')}",
        f"memory     {'unknown' if memory is None else f'{memory:.1f} GB'}",
        *(f"GPU        {gpu}" for gpu in machine.get("gpus") or []),
        f"system     {known('os')}, kernel {known('kernel')}, Python {known('python')}",
    ]
    environment = machine.get("environment") or {}
    if environment:
        settings = " ".join(f"{name}={value}" for name, value in environment.items())
        lines.append(f"set        {settings}")
    return lines


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of those distributions that are installed, in the order given."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def thread_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that change threads or kernels, sorted; a value that could be a path or
    a name is replaced by `(set)`.
    """
    return {
        name: value if _PLAIN_VALUE.fullmatch(value) and len(value) <= 80 else "(set)"
        for name, value in sorted(environment.items())
        if _VARIABLES.fullmatch(name)
    }


def _cpu_info(root: Path) -> dict[str, str]:
    """Fields of the first processor of /proc/cpuinfo; empty elsewhere."""
    fields: dict[str, str] = {}
    for line in (_text(root / "proc/cpuinfo") or "").splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    return fields


def _gpus() -> list[str] | None:
    """Ask the driver's own tool; without it there is no GPU that a provider could start."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return None
    asked = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        found = subprocess.run(  # noqa: S603  (the driver's tool, with fixed arguments)
            [command, *asked], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return [line.strip() for line in found.stdout.splitlines() if line.strip()] or None


def _frequency(root: Path, cpu: Mapping[str, str]) -> dict[str, float | None]:
    highest = _text(root / _CORE_0 / "cpufreq/cpuinfo_max_freq")
    return {
        "now": _number(cpu.get("cpu MHz")),
        "max": None if (khz := _number(highest)) is None else khz / 1000,
    }


def _load() -> dict[str, float] | None:
    """Load averages; high at the start means that something else was running."""
    try:
        one, five, fifteen = os.getloadavg()
    except (AttributeError, OSError):  # Windows has none
        return None
    return {"1m": round(one, 2), "5m": round(five, 2), "15m": round(fifteen, 2)}


def _caches(root: Path) -> dict[str, int] | None:
    """Sizes as Documentation/ABI/testing/sysfs-devices-system-cpu gives them: `2048K`, `32M`."""
    units = {"K": 2**10, "M": 2**20, "G": 2**30}
    found: dict[str, int] = {}
    for folder in sorted((root / _CORE_0 / "cache").glob("index*")):
        level, kind, size = (_text(folder / name) for name in ("level", "type", "size"))
        if level and kind and size and size[:-1].isdigit() and size[-1] in units:
            suffix = {"Data": "d", "Instruction": "i"}.get(kind, "")
            found[f"L{level}{suffix}"] = int(size[:-1]) * units[size[-1]]
    return found or None


def _memory_gb(root: Path) -> float | None:
    found = re.search(r"^MemTotal:\s+(\d+) kB", _text(root / "proc/meminfo") or "", re.MULTILINE)
    if found:
        return round(int(found[1]) * 1024 / 1e9, 1)
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return None


def _system_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        mac = platform.mac_ver()[0]
        return f"macOS {mac}" if mac else f"{platform.system()} {platform.version()}".strip()


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None

"""The processor: its name, and how it multiplies 8-bit numbers."""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

_CPU_INFO = Path("/proc/cpuinfo")

Products: TypeAlias = Literal["exact", "saturating", "unknown"]
"""How 8-bit products are summed: exactly in 32 bits, or in pairs of 16 bits that can saturate."""

_X86_SHOWN = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8")
_ARM_SHOWN = ("asimddp", "i8mm")
_EXACT = ("avx_vnni", "avx512_vnni", "amx_int8", *_ARM_SHOWN)
"""Instructions that sum 8-bit products in 32 bits (docs/self_test.md)."""


@dataclass(frozen=True)
class Processor:
    """What Linux says of the processor; elsewhere only its name is known.

    Attributes:
        name: model name.
        features: those that matter for 8-bit products, in the order in which they appeared.
        products: how 8-bit products are summed.
    """

    name: str
    features: tuple[str, ...]
    products: Products


def read_processor() -> Processor:
    """Read /proc/cpuinfo; Python's own knowledge where there is none."""
    try:
        text = _CPU_INFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    fields = _first_of_each(text)
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    features = tuple(name for name in (*_X86_SHOWN, *_ARM_SHOWN) if name in flags)
    products: Products = "unknown"
    if any(name in flags for name in _EXACT):
        products = "exact"
    elif "sse2" in flags:
        products = "saturating"
    name = fields.get("model name") or platform.processor() or platform.machine()
    return Processor(name or "an unknown processor", features, products)


def _first_of_each(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if value.strip():
            fields.setdefault(key.strip(), value.strip())
    return fields

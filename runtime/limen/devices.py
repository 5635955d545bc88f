"""Where a graph can run: names of devices, onnxruntime's providers for them, and which of them a
file takes.

Nothing here imports onnxruntime; what it offers is asked for by the caller, and only where a device
other than the CPU is in question.
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from limen.errors import InputError
from limen.format import ExecutionBlock, Precision

Device: TypeAlias = Literal["cpu", "cuda", "openvino"]
DEVICES: tuple[Device, ...] = get_args(Device)
CPU_PROVIDER = "CPUExecutionProvider"
PROVIDERS: dict[Device, str] = {
    "cpu": CPU_PROVIDER,
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
_WHEELS: dict[Device, str] = {
    "cpu": "onnxruntime",
    "cuda": '"onnxruntime-gpu[cuda,cudnn]"',
    "openvino": "onnxruntime-openvino",
}
_FOR_CUDA = "limen export CHECKPOINT -o FILE.onnx --device cuda"
_FOR_CPU = "limen export CHECKPOINT -o FILE.onnx"
_SCALED_WHILE_RUNNING: tuple[Precision, ...] = ("int8", "int8-float-rows", "int8-mixed")
_ATTENTION_KERNELS = 1 + 2 + 4 + 16 + 32 + 64
"""Those that CUDA's attention may use: flash, memory-efficient, TensorRT's fused, plain products,
TensorRT's flash and cross; all that onnxruntime takes by itself but cuDNN's, 8 (AttentionBackend,
onnxruntime/contrib_ops/cpu/bert/attention_common.h). Naming any also lets short texts have kernels
that are else kept for long ones."""

Offered: TypeAlias = Callable[[], Sequence[str]]
"""Asks onnxruntime for the providers that it was built with."""


@dataclass(frozen=True)
class Choice:
    """Where to open a file.

    Attributes:
        devices: at least one, in the order in which to try them; more than one only under `auto`.
        why: why the first is not the device that the file was made for; empty where it is, or where
            the caller named it.
    """

    devices: tuple[Device, ...]
    why: str = ""


def choose(name: str, execution: ExecutionBlock, asked: str, offered: Offered) -> Choice:
    """Choose the devices on which to open a file.

    Args:
        name: the file's name, for messages.
        execution: what the file was made for.
        asked: `auto` or a device.
        offered: called only where the CPU alone does not answer.

    Raises:
        InputError: no such device, one that does not fit the file, or one that cannot be had.
    """
    if asked == "auto":
        return _automatic(name, execution, offered)
    if asked not in DEVICES:
        known = ", ".join(repr(device) for device in ("auto", *DEVICES))
        raise InputError(f"device={asked!r}; expected one of {known}")
    reason = unfit(execution, asked)
    if not reason and asked != "cpu":
        reason = _missing(asked, offered())
    if reason:
        raise InputError(f"{name}: device={asked!r}: {reason}")
    return Choice((asked,))


def unfit(execution: ExecutionBlock, device: Device) -> str:
    """Say why a file should not run on a device, and what to do instead; empty where it may.

    That dynamic int8 is about 20 times slower than fp32 on CUDA, and fp16 about 10 times slower
    than fp32 on the CPU, is because neither has kernels for it: values are converted there and back
    around every operator.
    """
    if execution.precision == "fp16" and device != "cuda":
        return (
            "the file is fp16, made for cuda; elsewhere every operator converts its values, about "
            "10 times slower than fp32 on the CPU; export the model for the CPU as well: "
            f"{_FOR_CPU}"
        )
    if execution.precision.startswith("int8") and device == "cuda":
        return (
            f"the file is {execution.precision}, made for the CPU; on CUDA dynamic int8 is about "
            "20 times slower than fp32; load it with device='cpu', or export the model for it: "
            f"{_FOR_CUDA}"
        )
    if execution.precision in _SCALED_WHILE_RUNNING and device == "openvino":
        return (
            f"the file is {execution.precision}, whose activations are scaled while a text runs; "
            "OpenVINO's provider has no operator for that; load it with device='cpu', or export "
            f"the model in fp32 or int8-static: {_FOR_CPU} --precision fp32"
        )
    return ""


def check_operators(name: str, operators: AbstractSet[str], device: Device) -> None:
    """Refuse what a provider is known to compute wrongly, whether golden texts are run or not:
    OpenVINO's leaves out the activation of a FusedGemm (onnxruntime-openvino 1.24.1).

    Args:
        name: the file's name, for messages.
        operators: of its graph, `domain.Name`.
        device: where it would be opened.

    Raises:
        InputError: as above.
    """
    if device == "openvino" and "com.microsoft.FusedGemm" in operators:
        raise InputError(
            f"{name}: device='openvino': the graph has a FusedGemm, whose activation OpenVINO's "
            "provider leaves out; export the model again, or load it with device='cpu'"
        )


def wheel_command(device: Device) -> str:
    """Return the command that exchanges the installed wheel of onnxruntime for one that has the
    device; all of them own the same module. The libraries of CUDA and cuDNN come with the extras.
    """
    return f"pip uninstall -y onnxruntime && pip install {_WHEELS[device]}"


def provider_settings(
    device: Device, kernel_threads: int = 1
) -> list[str | tuple[str, dict[str, str]]]:
    """Return what a session is opened with, in onnxruntime's order of preference.

    OpenVINO has threads of its own, one for every core unless it is told otherwise
    (https://onnxruntime.ai/docs/execution-providers/OpenVINO-ExecutionProvider.html).

    TensorFloat-32 keeps 10 bits of a float's 23: fp32 would then not be what the golden texts were
    computed with
    (https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html#use_tf32).

    cuDNN's attention, which onnxruntime prefers on Hopper and newer where no kernels are named,
    builds a plan for every number of texts and tokens in every thread that runs one: 80 to 140 ms
    for each on an H200 (docs/gpu.md; onnxruntime/contrib_ops/cuda/bert/cudnn_fmha).
    """
    if device == "cpu":
        return [CPU_PROVIDER]
    if device == "cuda":
        chosen = {"use_tf32": "0", "sdpa_kernel": str(_ATTENTION_KERNELS)}
        return [(PROVIDERS[device], chosen), CPU_PROVIDER]
    return [(PROVIDERS[device], {"num_of_threads": str(kernel_threads)}), CPU_PROVIDER]


def _automatic(name: str, execution: ExecutionBlock, offered: Offered) -> Choice:
    own = execution.device
    if own == "cpu":
        return Choice(("cpu",))
    missing = _missing(own, offered())
    off_cpu = unfit(execution, "cpu")
    if not missing:
        return Choice((own,) if off_cpu else (own, "cpu"))
    if off_cpu:
        raise InputError(f"{name}: {missing}; {off_cpu}")
    return Choice(("cpu",), f"made for {own}: {missing}")


def _missing(device: Device, offered: Sequence[str]) -> str:
    """Say why a device cannot be had, with the repair command; empty where it can."""
    if PROVIDERS[device] in offered:
        return ""
    return (
        f"the installed onnxruntime offers {', '.join(offered) or 'nothing'}, and no "
        f"{PROVIDERS[device]}; install the wheel that has it: {wheel_command(device)}"
    )

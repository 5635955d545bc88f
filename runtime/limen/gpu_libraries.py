"""The libraries of CUDA and cuDNN, where pip installed them."""

import threading
from types import ModuleType
from typing import Any

_LOADER = "preload_dlls"
_LOADING = threading.Lock()


def load_gpu_libraries(onnxruntime: ModuleType) -> str:
    """Load what the CUDA provider links to, before a session asks for it.

    `pip install "onnxruntime-gpu[cuda,cudnn]"` puts these libraries into site-packages, where the
    system's loader does not look; onnxruntime finds them there only when it is told to
    (https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html#preload-dlls).
    Where they lie elsewhere, it takes what the system's loader finds.

    Args:
        onnxruntime: the imported module; one older than 1.21 loads nothing ahead.

    Returns:
        What onnxruntime says of libraries that it did not find; empty for nothing.
    """
    loader: Any = getattr(onnxruntime, _LOADER, None)
    if loader is None:
        return ""
    said: list[str] = []
    names = vars(onnxruntime)
    with _LOADING:
        # It prints what fails to standard output, which is the host's. A name in its module comes
        # before the built-in one, for no other module.
        names["print"] = lambda *words, **_: said.append(" ".join(map(str, words)))
        try:
            loader()
        except Exception as error:
            # Whether the provider starts without them is seen when the session opens.
            said.append(str(error))
        finally:
            del names["print"]
    return "; ".join(" ".join(one.split()) for one in said)

"""limen decides where numpy, onnxruntime and tokenizers are all that is installed beside it: not
what these name as their own needs (docs/embedding.md).
"""

import json
import sys
from importlib.metadata import packages_distributions

FOUR = {"limen", "numpy", "onnxruntime", "tokenizers"}
PROGRAM = """
import json, sys
absent = set(json.loads(sys.argv[2]))
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
import limen
model = limen.load(sys.argv[1])
together = [one.labels for one in model.predict(["angry", "happy day"])]
assert together == [model(text).labels for text in ("angry", "happy day")]
print("decided")
"""


def test_nothing_else_is_imported(fresh, path):
    absent = sorted({*packages_distributions()} - FOUR - {*sys.stdlib_module_names})
    assert {"packaging", "google", "huggingface_hub"} & {*absent}
    done = fresh("-c", PROGRAM, path, json.dumps(absent))
    assert (done.stdout.strip(), done.stderr) == (b"decided", b"")

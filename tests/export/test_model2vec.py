"""Folders as Model2Vec saves them, made here by hand; where the library is installed, it decides
what is right.
"""

import json
import warnings
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
from limen.corpus import sentences
from limen.errors import ExportError
from limen.format import Windows
from limen.opening import load, open_model
from limen_export import ExportSettings, export
from limen_export.settings import NamedTexts
from limen_export.sources import model2vec
from limen_export.sources.recognising import SourceWishes, recognise
from safetensors.numpy import load_file, save_file

made_here = SimpleNamespace(**run_path(str(Path(__file__).with_name("static_folders.py"))))
WIDTH, LABELS, made = made_here.WIDTH, made_here.LABELS, made_here.made
TEXTS = (
    *("the day was good", "", "   ", "xyzzy plugh", "오늘 정말 행복", "good " * 200),
    *("very bad day! [CLS] [PAD]", "xyzzy good", "😀", "[END] good"),
)


KINDS = {
    "plain": {},
    "normalised": {"normalize": True},
    "weighted": {"normalize": True, "weighted": True},
    "shared rows": {"weighted": True, "mapped": True},
    "16 bits": {"dtype": np.float16},
    "no layer hidden": {"hidden": ()},
    "two layers": {"hidden": (8, 6)},
    "17 wide": {"normalize": True, "width": 17},
    "50 wide": {"width": 50, "hidden": (30, 7), "mapped": True},
    "multi-class": {"activation": "softmax", "normalize": True},
    "short": {"max_length": 5},
    "unigram": {"tokenizer": "unigram"},
    "no unknown token": {"tokenizer": "bytes", "weighted": True},
}


@pytest.fixture
def folder(tmp_path):
    return made(tmp_path / "static")


def source_of(folder, **wishes):
    return model2vec.read(str(folder), SourceWishes(**wishes))


def corpus():
    return [row.text for language in ("en", "ko") for row in sentences(language, "test")][:300]


@pytest.mark.parametrize("kind", KINDS)
def test_file_gives_what_the_source_gives(kind, tmp_path, stamped):
    found = source_of(made(tmp_path / "static", **KINDS[kind]))
    multiclass = kind == "multi-class"
    assert found.labels == tuple(LABELS)
    assert (found.rule, found.link) == (
        ("multiclass", "softmax") if multiclass else ("multilabel", "sigmoid")
    )
    texts = [*TEXTS, *corpus()]
    logits = open_model(stamped(found, found.graph)).logits(texts)
    assert np.abs(logits).max() > 1
    assert np.abs(found.logits(texts) - logits).max() < 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_source_is_what_the_library_computes(kind, tmp_path):
    inference = pytest.importorskip("model2vec.inference")
    folder = made(tmp_path / "static", **KINDS[kind])
    pipeline = inference.StaticModelPipeline.from_pretrained(folder)
    # Model2Vec cuts a text in characters first; the file and its source cut it in tokens alone.
    longest = pipeline.model.max_length * pipeline.model.median_token_length
    texts = [text for text in (*TEXTS, *corpus()) if len(text) <= longest]
    expected = pipeline.head._logits(pipeline.model.encode(texts))
    rounding = 5e-3 if kind == "16 bits" else 1e-4
    assert np.abs(source_of(folder).logits(texts) - expected).max() < rounding


def test_a_text_without_a_known_token_gets_the_heads_own_logits(folder, stamped):
    found = source_of(folder)
    logits = open_model(stamped(found, found.graph)).logits(["", "xyzzy", "the"])
    tensors = load_file(folder / "head.safetensors")
    first, last = (tensors[f"head.{place}.bias"] for place in (0, 1))
    expected = tensors["head.1.weight"] @ np.maximum(first, 0) + last
    assert np.abs(logits[:2] - expected).max() < 1e-5
    assert np.abs(logits[2] - expected).max() > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_many_texts_get_the_bits_that_each_gets_alone(kind, tmp_path, stamped):
    """Most texts of the corpus hold no word that this vocabulary knows, and are alike."""
    found = source_of(made(tmp_path / "static", **KINDS[kind]))
    file = stamped(found, found.graph)
    assert file.metadata.execution.shape == "joined"
    known = [f"the {word} {'very ' * more}day" for word in "abcdefgh" for more in range(20)]
    texts = [*corpus(), *TEXTS, *known, *corpus()[::-1]]
    one = open_model(file)
    alone = np.concatenate([one.logits([text]) for text in texts])
    for threads in (1, 2):
        model = open_model(file, threads=threads)
        for size in (20, 50, 130, len(texts), len(texts)):
            assert np.array_equal(model.logits(texts[-size:]), alone[-size:])
        assert max(size for size in run_sizes(model, known) if size is not None) > 16


def run_sizes(model, texts):
    """How many texts each run of a bulk call holds, once its sizes have been looked at."""
    engine, sizes = model._inference.engine, []
    for _ in range(2):
        model.predict(texts)
    rows = engine.rows
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            engine, "rows", lambda feeds, texts=None: sizes.append(texts) or rows(feeds, texts)
        )
        model.predict(texts)
    return sizes


def test_one_text_stays_on_one_kernel_thread(folder, tmp_path, untimed):
    """Several would add rows to one sum at once."""
    report = export(str(folder), tmp_path / "made.onnx", ExportSettings(precision="fp32"))
    model = load(report.path, kernel_threads=2)
    assert "one thread" in model.kernel_threads.why
    assert np.array_equal(model.logits([TEXTS[0]])[0], load(report.path).logits([TEXTS[0]])[0])


def test_windows(folder, stamped):
    found = source_of(folder, windows=Windows(2), max_tokens=5)
    texts = ["the day was good and very bad not good", "the day", ""]
    logits = open_model(stamped(found, found.graph)).logits(texts)
    assert np.abs(found.logits(texts) - logits).max() < 1e-4


def test_rows_in_8_bits(folder, tmp_path, untimed, easy):
    settings = ExportSettings(precision="int8", texts=NamedTexts("mine", (*corpus(),)), gate=easy)
    report = export(str(folder), tmp_path / "made.onnx", settings)
    assert not [notice for notice in report.notices if "attention" in notice]
    exact, model = source_of(folder).logits(TEXTS), load(report.path)
    assert np.abs(model.logits(TEXTS) - exact).max() < 0.3
    known = [f"the {word} {'very ' * more}day" for word in "abcdefgh" for more in range(5)]
    alone = np.concatenate([model.logits([text]) for text in known])
    assert run_sizes(model, known) == [len(known)]
    assert np.array_equal(model.logits(known), alone)


def test_vocabulary_can_be_trimmed(folder, tmp_path, untimed):
    kept = NamedTexts("kept", ("the day was good", "오늘 정말 행복", "", "not very bad ."))
    settings = ExportSettings(precision="fp32", keep_vocabulary=kept)
    report = export(str(folder), tmp_path / "made.onnx", settings)
    expected = source_of(folder).logits(kept.texts)
    assert np.abs(load(report.path).logits(kept.texts) - expected).max() < 1e-4


def changed_config(folder, **entries):
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["head_config"] |= entries
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def cut_rows(folder):
    tensors = load_file(folder / "model.safetensors")
    save_file({"embeddings": tensors["embeddings"][:10]}, folder / "model.safetensors")


def narrow_rows(folder):
    rows = load_file(folder / "model.safetensors")["embeddings"][:, :9]
    save_file({"embeddings": np.ascontiguousarray(rows)}, folder / "model.safetensors")


def bad_mapping(folder):
    tensors = load_file(folder / "model.safetensors")
    tensors["mapping"] = np.full(len(tensors["embeddings"]), 10_000, np.int64)
    save_file(tensors, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (cut_rows, "10 embedding rows"),
        (narrow_rows, "rows of 9 numbers, and a head that takes 16"),
        (bad_mapping, "names row 10,000"),
        (lambda folder: (folder / "head.safetensors").unlink(), "without a head"),
        (lambda folder: (folder / "head.safetensors").write_bytes(b"{"), "cannot be read"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "cannot be read"),
        (lambda folder: changed_config(folder, classes=["a"]), "1 label for 3 outputs"),
        (lambda folder: changed_config(folder, activation="identity"), "predicts numbers"),
        (lambda folder: changed_config(folder, n_layers=3), r"head\.2\.weight"),
        (lambda folder: changed_config(folder, n_layers=0), "without layers"),
    ],
)
def test_folders_that_are_refused(folder, spoil, says):
    spoil(folder)
    with pytest.raises(ExportError, match=says):
        source_of(folder)


def test_a_folder_of_another_kind(checkpoint, folder):
    assert recognise(str(folder)).kind == "model2vec"
    assert model2vec.recognise(str(checkpoint("bert"))) is None
    assert recognise(str(checkpoint("bert"))).kind == "checkpoint"
    with pytest.raises(ExportError, match="no Model2Vec folder"):
        source_of(checkpoint("bert"))


@pytest.fixture
def with_skops(folder):
    """Return (estimator, labels to fit) -> the folder with that head, as older versions save it."""
    skops = pytest.importorskip("skops.io")
    (folder / "head.safetensors").unlink()

    def fit(estimator, truth):
        generator = np.random.default_rng(1)
        rows = generator.normal(size=(len(truth), WIDTH)).astype(np.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator.fit(rows, truth)
        skops.dump(estimator, folder / "pipeline.skops")
        return folder, rows

    return fit


def _estimators():
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline

    words = np.array(LABELS)[np.arange(60) % 3]
    several = np.stack([np.arange(60) % place == 0 for place in (2, 3, 5)], axis=1).astype(int)
    network = {"hidden_layer_sizes": (7,), "max_iter": 30, "random_state": 0}
    return {
        "mlp": (make_pipeline(MLPClassifier(**network)), words, "multiclass", 3),
        "tanh": (MLPClassifier(**network, activation="tanh"), words, "multiclass", 3),
        "several": (make_pipeline(MLPClassifier(**network)), several, "multilabel", 3),
        "two": (MLPClassifier(**network), words == "joy", "multiclass", 1),
        "linear": (LogisticRegression(), words, "multiclass", 3),
    }


@pytest.mark.parametrize("kind", ["mlp", "tanh", "several", "two", "linear"])
def test_heads_of_older_versions(kind, with_skops, stamped):
    estimator, truth, rule, outputs = _estimators()[kind]
    folder, _ = with_skops(estimator, truth)
    found = source_of(folder)
    assert found.rule == rule
    texts = [*TEXTS, *corpus()[:50]]
    model = open_model(stamped(found, found.graph))
    logits = model.logits(texts)
    assert logits.shape[1] == outputs
    assert np.abs(found.logits(texts) - logits).max() < 1e-4
    zeros = estimator.predict_proba(np.zeros((1, WIDTH), np.float32))[0]
    scores = np.array(list(model("").scores.values()))
    assert np.abs(scores - zeros).max() < 1e-5


def test_a_head_of_another_kind(with_skops):
    from sklearn.naive_bayes import GaussianNB

    folder, _ = with_skops(GaussianNB(), np.arange(60) % 3)
    with pytest.raises(ExportError, match="GaussianNB"):
        source_of(folder)

"""Trimming the vocabulary of a classifier: same logits for texts of kept pieces, fewer rows."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from limen.errors import ExportError, InputError
from limen.token_encoder import TokenEncoder
from limen_export.settings import NamedTexts
from limen_export.vocabulary import keep_vocabulary, unchanged_texts
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer

NAMES = (
    "bert",
    "roberta",
    "xlm-roberta",
    "electra",
    "distilbert",
    "mpnet",
    "albert",
    "deberta-v2",
    "modernbert",
)
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
CORPUS = NamedTexts("corpus.txt", ("the day was good", "not very bad. oo", "정말 행복 하루"))
MADE_OF_IT = ("bad day", "the was not good", "정말 good. very 하루", "")
PARITY = 1e-4


def logits_of(reference, texts):
    session = onnxruntime.InferenceSession(
        reference.graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    encode = TokenEncoder(reference.encoder).encode
    return np.concatenate([session.run(["logits"], encode(text).feeds)[0] for text in texts])


def table_of(graph):
    """The one initializer that a Gather reads by `input_ids`."""
    (name,) = (
        node.input[0]
        for node in graph.graph.node
        if node.op_type == "Gather" and node.input[1] == "input_ids"
    )
    (table,) = (one for one in graph.graph.initializer if one.name == name)
    return numpy_helper.to_array(table)


@pytest.fixture(scope="module", params=NAMES)
def trimmed(request, reference):
    """One family: its Reference, the trimmed one and the report."""
    source = reference(request.param)
    return source, *keep_vocabulary(source, CORPUS)


def test_all_families_are_listed(families):
    assert sorted(NAMES) == sorted(families)


def test_texts_of_kept_pieces_get_the_logits_of_the_source(trimmed):
    source, kept, _ = trimmed
    texts = (*CORPUS.texts, *MADE_OF_IT)
    assert unchanged_texts(source.encoder, kept.encoder, texts).all()
    found = logits_of(kept, texts)
    assert np.array_equal(found, logits_of(source, texts))
    np.testing.assert_allclose(found, source.logits(texts), rtol=0, atol=PARITY)


def test_rows_are_dropped_and_counted(trimmed):
    source, kept, report = trimmed
    before, after = table_of(source.graph), table_of(kept.graph)
    assert report.rows_before == len(before)
    assert report.rows_after == len(after) < len(before)
    assert report.bytes_saved == (len(before) - len(after)) * before.shape[1] * 4
    smaller = source.graph.ByteSize() - kept.graph.ByteSize()
    assert report.bytes_saved == pytest.approx(smaller, abs=16)


def test_only_tokenizer_table_and_notices_change(trimmed):
    source, kept, report = trimmed
    assert kept.logits is source.logits
    assert kept.notices[:-1] == source.notices
    assert f"{report.rows_after} of {report.rows_before} embedding rows" in kept.notices[-1]
    assert "corpus.txt" in kept.notices[-1]
    assert (
        replace(kept, graph=source.graph, encoder=source.encoder, notices=source.notices) == source
    )
    assert replace(kept.encoder, tokenizer_json="") == replace(source.encoder, tokenizer_json="")
    assert kept.graph.graph.node == source.graph.graph.node
    onnx.checker.check_model(kept.graph, full_check=True)


def test_report_says_what_became_of_the_corpus(trimmed):
    _, kept, report = trimmed
    assert (report.corpus, report.texts) == ("corpus.txt", 3)
    encode = TokenEncoder(kept.encoder).encode
    unknown = Tokenizer.from_str(kept.encoder.tokenizer_json).token_to_id(report.fallback)
    ids = np.concatenate([encode(text).feeds["input_ids"][0] for text in CORPUS.texts])
    assert report.unknown_share == float((ids == unknown).mean())


def test_other_texts_still_decide(trimmed):
    _, kept, _ = trimmed
    found = logits_of(kept, ("zebra 오늘 7!", "[UNK] <unk> ✨", "x" * 300))
    assert np.isfinite(found).all()


def test_a_corpus_of_everything_saves_nothing(reference):
    source = reference("bert")
    every = Tokenizer.from_str(source.encoder.tokenizer_json).get_vocab()
    words = [piece.removeprefix("##") for piece in every]
    texts = NamedTexts("all", (" ".join(words), *(f"a{word}" for word in words)))
    kept, report = keep_vocabulary(source, texts)
    assert (report.rows_before, report.rows_after, report.bytes_saved) == (83, 83, 0)
    assert np.array_equal(table_of(kept.graph), table_of(source.graph))
    assert Tokenizer.from_str(kept.encoder.tokenizer_json).get_vocab() == every


def test_trimming_again_changes_nothing(reference):
    once, first = keep_vocabulary(reference("xlm-roberta"), CORPUS)
    twice, second = keep_vocabulary(once, CORPUS)
    assert (second.rows_before, second.bytes_saved) == (first.rows_after, 0)
    assert twice.graph == once.graph
    assert twice.encoder == once.encoder


def test_pieces_beyond_the_longest_input_are_kept(reference):
    source = reference("bert")
    text = "the " * source.encoder.max_tokens + "zebra"
    kept, _ = keep_vocabulary(source, NamedTexts("long", (text,)))
    assert unchanged_texts(source.encoder, kept.encoder, ("zebra",)).all()


def test_padding_rows_of_the_table_are_dropped(reference):
    """A table may have more rows than the tokenizer has ids."""
    source = reference("bert")
    graph = onnx.ModelProto()
    graph.CopyFrom(source.graph)
    table = table_of(graph)
    (stored,) = (one for one in graph.graph.initializer if "word_embeddings" in one.name)
    larger = np.concatenate([table, np.zeros((45, table.shape[1]), np.float32)])
    stored.CopyFrom(numpy_helper.from_array(larger, stored.name))
    _, usual = keep_vocabulary(source, CORPUS)
    kept, report = keep_vocabulary(replace(source, graph=graph), CORPUS)
    assert report.rows_before == len(larger)
    assert report.rows_after == usual.rows_after
    assert np.array_equal(logits_of(kept, CORPUS.texts), logits_of(source, CORPUS.texts))


@pytest.mark.parametrize("texts", [(), ("",), ("[CLS] [SEP]", "  "), ("✨",)])
def test_a_corpus_without_a_piece_is_refused(reference, texts):
    with pytest.raises(InputError, match=r"^empty\.txt: .*no (text|piece)"):
        keep_vocabulary(reference("bert"), NamedTexts("empty.txt", texts))


def test_lone_surrogates_are_refused_by_place_and_not_shown(reference):
    texts = NamedTexts("corpus.txt", ("the day", "secret \ud800"))
    with pytest.raises(InputError, match=r"^corpus\.txt: text 1 \(8 characters\)") as caught:
        keep_vocabulary(reference("bert"), texts)
    assert "secret" not in str(caught.value)


def test_the_reference_given_is_not_changed(reference):
    source = reference("albert")
    before = source.graph.SerializeToString(), source.encoder
    keep_vocabulary(source, CORPUS)
    assert (source.graph.SerializeToString(), source.encoder) == before


# Graphs by hand: how token ids may be read.


def by_hand(source, nodes, tables=("table",), rows=83):
    """The tiny BERT with a graph of these nodes; every table has rows of its own numbers."""
    numbers = np.arange(rows * 2, dtype=np.float32).reshape(rows, 2)
    graph = helper.make_graph(
        [helper.make_node(kind, reads, [made], **more) for kind, reads, made, more in nodes],
        "by hand",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(numbers, table) for table in tables],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return replace(source, graph=model)


GATHER = ("Gather", ["table", "input_ids"], "logits", {})


@pytest.mark.parametrize(
    "nodes",
    [
        [GATHER],
        [
            ("Identity", ["input_ids"], "same", {}),
            ("Cast", ["same"], "ids", {"to": TensorProto.INT32}),
            ("Shape", ["ids"], "shape", {}),
            ("Gather", ["table", "ids"], "logits", {"axis": 0}),
        ],
        [
            ("Gather", ["table", "input_ids"], "one", {}),
            ("Gather", ["table", "input_ids"], "two", {}),
            ("Add", ["one", "two"], "logits", {}),
        ],
    ],
    ids=["plain", "through Identity and Cast", "twice"],
)
def test_ids_are_followed_to_their_table(reference, nodes):
    source = by_hand(reference("bert"), nodes)
    kept, report = keep_vocabulary(source, CORPUS)
    assert report.rows_after < report.rows_before == 83
    assert np.array_equal(logits_of(kept, CORPUS.texts[:1]), logits_of(source, CORPUS.texts[:1]))


def test_a_second_table_is_trimmed_as_well(reference):
    nodes = [
        ("Gather", ["table", "input_ids"], "one", {}),
        ("Gather", ["other", "input_ids"], "two", {}),
        ("Add", ["one", "two"], "logits", {}),
    ]
    source = by_hand(reference("bert"), nodes, ("table", "other"))
    kept, report = keep_vocabulary(source, CORPUS)
    assert report.bytes_saved == 2 * (83 - report.rows_after) * 2 * 4
    assert np.array_equal(logits_of(kept, CORPUS.texts[:1]), logits_of(source, CORPUS.texts[:1]))


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            [GATHER, ("Equal", ["input_ids", "input_ids"], "mask", {})],
            r"reads token ids elsewhere .*\(Equal\)",
        ),
        (
            [GATHER, ("Cast", ["input_ids"], "number", {"to": TensorProto.FLOAT})],
            r"reads token ids elsewhere .*\(Cast\)",
        ),
        (
            [("Gather", ["table", "input_ids"], "logits", {"axis": 1})],
            r"reads token ids elsewhere .*\(Gather\)",
        ),
        (
            [GATHER, ("MatMul", ["table", "logits"], "tied", {})],
            "embedding table is read by MatMul as well",
        ),
        (
            [
                ("Neg", ["table"], "computed", {}),
                ("Gather", ["computed", "input_ids"], "logits", {}),
            ],
            "embedding table 'computed' is computed in the graph",
        ),
        ([("Shape", ["input_ids"], "logits", {})], "no embedding table that is read by input_ids"),
    ],
    ids=["compared", "as numbers", "columns", "tied", "computed", "none"],
)
def test_other_readers_of_ids_and_table_are_refused(reference, nodes, message):
    with pytest.raises(ExportError, match=message):
        keep_vocabulary(by_hand(reference("bert"), nodes), CORPUS)


@pytest.mark.parametrize("read", ["input_ids", "table"])
def test_readers_in_a_subgraph_are_refused(reference, read):
    inner = helper.make_graph(
        [helper.make_node("Identity", [read], ["inside"])],
        "inner",
        [],
        [helper.make_tensor_value_info("inside", TensorProto.FLOAT, None)],
    )
    nodes = [GATHER, ("If", ["logits"], "chosen", {"then_branch": inner, "else_branch": inner})]
    with pytest.raises(ExportError, match=r"subgraph|read by If as well"):
        keep_vocabulary(by_hand(reference("bert"), nodes), CORPUS)


def test_fewer_rows_than_ids_are_refused(reference):
    source = by_hand(reference("bert"), [GATHER], rows=60)
    with pytest.raises(ExportError, match=r"ids up to \d+, its graph 60 embedding rows"):
        keep_vocabulary(source, NamedTexts("all", ("day, 9!?",)))

"""Splits: every label in its share, no text in two parts, the same for every order of the data."""

import csv
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limen.errors import InputError

pytest.importorskip("imblearn")
pytest.importorskip("accelerate")

from limen_export.training.crossings import crossings
from limen_export.training.examples import Examples
from limen_export.training.splitting import SplitSettings, split

FREE = settings(deadline=None, max_examples=60)
NAMES = ("train", "dev", "test")


def examples(rows, labels, task="multilabel", name="some"):
    """From (text, names of labels)."""
    truth = np.zeros((len(rows), len(labels)), dtype=np.bool_)
    for row, (_, own) in enumerate(rows):
        truth[row, [labels.index(label) for label in own]] = True
    return Examples(name, tuple(text for text, _ in rows), truth, tuple(labels), task)


def numbered(count, label):
    """Texts that are no near-duplicates of each other: words of a row of letters."""
    letters = np.random.default_rng(count + ord(label)).integers(97, 123, (count, 40))
    return [(label + bytes(row.tolist()).decode(), [label]) for row in letters]


def parts(made):
    return {name: getattr(made, name) for name in NAMES}


def contents(made):
    """What is in each part, whatever its order: texts with the names of their labels."""
    return {
        name: sorted(
            (text, tuple(label for label, on in zip(part.labels, row, strict=True) if on))
            for text, row in zip(part.texts, part.truth, strict=True)
        )
        for name, part in parts(made).items()
    }


LABELS = ("a", "b", "c", "d", "e")
ROWS = st.lists(
    st.tuples(st.text("xyz ", min_size=1, max_size=4), st.sets(st.sampled_from(LABELS))),
    min_size=12,
    max_size=60,
)


def used(rows):
    labels = sorted({label for _, own in rows for label in own})
    return examples([(text, sorted(own)) for text, own in rows], labels or ["a"])


def tried(data, **wishes):
    """The split, None where texts are too few or too alike for one."""
    try:
        return split(data, SplitSettings(**{"dev": 0.2, "test": 0.2, **wishes}))
    except InputError as error:
        if "leave none for" not in str(error):
            raise
        return None


@FREE
@given(ROWS, st.booleans(), st.integers(0, 3))
def test_parts_hold_each_text_once_and_share_none(rows, together, seed):
    data = used(rows)
    made = tried(data, near_duplicates_together=together, seed=seed)
    if made is None:
        return
    assert sorted(text for part in parts(made).values() for text in part.texts) == sorted(
        data.texts
    )
    keys = [set(part.keys.tolist()) for part in parts(made).values()]
    assert not keys[0] & keys[1] | keys[0] & keys[2] | keys[1] & keys[2]
    assert made.train.support.all() or not data.support.all()


@FREE
@given(ROWS, st.booleans(), st.randoms())
def test_a_split_does_not_depend_on_the_order_of_texts_or_labels(rows, together, random):
    shuffled = [*rows]
    random.shuffle(shuffled)
    first = tried(used(rows), near_duplicates_together=together)
    other = used(shuffled)
    order = random.sample(range(len(other.labels)), len(other.labels))
    turned = Examples(
        other.name,
        other.texts,
        other.truth[:, order],
        tuple(other.labels[place] for place in order),
        other.task,
    )
    second = tried(turned, near_duplicates_together=together)
    assert (first is None) == (second is None)
    if first is not None:
        sort = {name: [(t, tuple(sorted(o))) for t, o in c] for name, c in contents(second).items()}
        assert {name: sorted(rows) for name, rows in sort.items()} == contents(first)


@FREE
@given(st.lists(st.integers(1, 30), min_size=2, max_size=6), st.integers(0, 3))
def test_classes_are_shared_out_exactly_and_rare_ones_reach_every_part(sizes, seed):
    labels = [chr(ord("a") + place) for place in range(len(sizes))]
    rows = [row for size, label in zip(sizes, labels, strict=True) for row in numbered(size, label)]
    made = tried(examples(rows, labels, "multiclass"), seed=seed)
    if made is None:
        return
    for place, size in enumerate(sizes):
        found = {name: int(part.support[place]) for name, part in parts(made).items()}
        assert found["train"] >= 1
        assert found["test"] >= (size > 1)
        assert found["dev"] >= (size > 2)
        if size >= 5:
            assert abs(found["dev"] - 0.2 * size) <= 1
            assert abs(found["test"] - 0.2 * size) <= 1


def test_seeds_give_unlike_splits_and_the_same_seed_the_same():
    data = examples(numbered(60, "a") + numbered(40, "b"), "ab", "multiclass")
    one, same, other = (split(data, SplitSettings(seed=seed)) for seed in (1, 1, 2))
    assert contents(one) == contents(same) != contents(other)
    assert [len(part) for part in parts(one).values()] == [80, 10, 10]


def test_texts_stay_in_the_order_of_the_data():
    data = examples(numbered(60, "a") + numbered(40, "b"), "ab", "multiclass")
    for part in parts(split(data)).values():
        places = [data.texts.index(text) for text in part.texts]
        assert places == sorted(places)


def test_a_label_whose_texts_are_drawn_elsewhere_by_rarer_ones_is_still_trained_on():
    """Two texts of `l`, each with a rarer label whose other text may come first."""
    for seed in range(20):
        rows = [*numbered(30, "z"), ("one", "lm"), ("two", "lk"), ("three", "m"), ("four", "k")]
        made = split(examples(rows, "klmz"), SplitSettings(seed=seed))
        assert made.train.support.all()


def test_equal_texts_stay_together_whatever_their_labels():
    rows = numbered(50, "a") + numbered(50, "b")
    twins = [(normalize("NFD", "é정말"), ["a"]), (" é정말\n", ["b"]), ("é정말", ["b"])]
    made = split(
        examples(rows + twins, "ab", "multiclass"), SplitSettings(near_duplicates_together=False)
    )
    found = [
        sum("정말" in normalize("NFC", text) for text in p.texts) for p in parts(made).values()
    ]
    assert sorted(found) == [0, 0, 3]


BEGINNING = "please tell me how long a transfer to another bank takes when I send it on a "


def test_near_duplicates_stay_together_or_are_told_of():
    near = [(BEGINNING + end, ["a"]) for end in ("Friday", "Monday", "Sunday", "holiday")]
    data = examples(numbered(20, "a") + numbered(20, "b") + near * 1, "ab", "multiclass")
    together = split(data, SplitSettings(dev=0.3, test=0.3))
    holding = [sum(t.startswith("please") for t in p.texts) for p in parts(together).values()]
    assert sorted(holding) == [0, 0, 4]
    assert any("4 of 44 texts stay together in 1 group" in told for told in together.notices)
    assert not any("have a near-duplicate" in told for told in together.notices)
    wishes = [SplitSettings(0.3, 0.3, seed, near_duplicates_together=False) for seed in range(5)]
    apart = [split(data, wish) for wish in wishes]
    assert any("have a near-duplicate in" in told for made in apart for told in made.notices)
    assert not any("transfer" in told for made in apart for told in made.notices)


def test_no_part_is_split_off_where_its_share_is_0():
    data = examples(numbered(30, "a") + numbered(30, "b"), "ab", "multiclass")
    made = split(data, SplitSettings(dev=0, test=0.5))
    assert [len(part) for part in parts(made).values()] == [30, 0, 30]
    assert [len(part) for part in parts(split(data, SplitSettings(0, 0))).values()] == [60, 0, 0]


def test_only_what_is_not_given_is_split_off():
    rows = numbered(60, "a") + numbered(40, "b")
    data, held = examples(rows[:-10], "ab", "multiclass"), examples(rows[-10:], "ab", "multiclass")
    made = split(data, test=held)
    assert made.test is held
    assert [len(made.train), len(made.dev)] == [81, 9]
    made = split(data, dev=held)
    assert made.dev is held
    assert [len(made.train), len(made.test)] == [81, 9]
    both = split(data, dev=held, test=examples(numbered(7, "a"), "ab", "multiclass"))
    assert len(both.train) == 90


def test_texts_of_given_parts_are_not_trained_on():
    rows = numbered(60, "a") + numbered(40, "b")
    data = examples(rows, "ab", "multiclass")
    dev, test = (examples(rows[at], "ab", "multiclass") for at in (slice(5, 15), slice(58, 65)))
    overlapping = examples(rows[5:15] + rows[58:60], "ab", "multiclass")
    made = split(data, dev=dev, test=test)
    assert [len(part) for part in parts(made).values()] == [83, 10, 7]
    assert made.notices[0] == "left out of train: 7 of 100 texts that are in test too"
    made = split(data, dev=overlapping, test=test)
    assert [len(part) for part in parts(made).values()] == [83, 10, 7]
    assert made.notices[0] == "left out of dev: 2 of 12 texts that are in test too"
    with pytest.raises(InputError, match="all 100 texts to be train are in some too"):
        split(data, test=data)


@pytest.mark.parametrize(
    ("labels", "task"), [("ba", "multiclass"), ("abc", "multiclass"), ("ab", "multilabel")]
)
def test_given_parts_of_other_labels_are_refused(labels, task):
    data = examples(numbered(9, "a") + numbered(9, "b"), "ab", "multiclass")
    with pytest.raises(InputError, match="expected the same labels in the same order"):
        split(data, test=examples(numbered(3, "a"), labels, task))


@pytest.mark.parametrize("shares", [(-0.1, 0.1), (0.5, 0.5), (float("nan"), 0.1), (0.1, 1.0)])
def test_shares_that_leave_nothing_are_refused(shares):
    with pytest.raises(InputError, match="expected"):
        SplitSettings(*shares)


def test_too_few_texts_are_refused():
    with pytest.raises(InputError, match=r"2 texts \(2 of them unlike\) leave none for dev"):
        split(examples([("one", "a"), ("two", "b")], "ab"))


def test_labels_that_cannot_be_judged_are_named():
    rows = [*numbered(30, "z"), *numbered(1, "a"), *numbered(2, "b")]
    told = split(examples(rows, "abz", "multiclass")).notices
    assert "2 labels without a text in dev: 'a', 'b'" in told
    assert "1 label without a text in test: 'a'" in told


# real data


def rows_of(lines, text, own, **dialect):
    return [
        (row[text], [f"{int(place):02}" for place in row[own].split(",")])
        for row in csv.reader(lines, delimiter="\t", **dialect)
    ]


@pytest.fixture(params=["goemotions", "kote"])
def emotions(request, shared):
    folder = shared / "data" / request.param
    if request.param == "kote":
        lines = (folder / "val.tsv").open(encoding="utf-8", newline="")
        rows = rows_of(lines, 1, 2)
    else:
        lines = (folder / "train_20k.tsv").open(encoding="utf-8", newline="")
        rows = rows_of(lines, 0, 1, quoting=csv.QUOTE_NONE)
    lines.close()
    return examples(rows, sorted({label for _, own in rows for label in own}))


def deviation(data, part):
    """Mean over labels of how far the share in a part is from the share in all, relatively."""
    share = data.support / len(data)
    return float(np.abs(part.support / len(part) / share - 1).mean())


def test_label_shares_are_kept_as_no_random_split_keeps_them(emotions):
    made = split(emotions)
    draw, size = np.random.default_rng(7), len(emotions) // 10
    random = [
        deviation(emotions, emotions.at(draw.permutation(len(emotions))[:size])) for _ in "x" * 50
    ]
    assert max(deviation(emotions, part) for part in (made.dev, made.test)) < 0.4 * min(random)
    for part in (made.dev, made.test):
        assert abs(len(part) / len(emotions) - 0.1) < 0.01
        assert part.support.all()
    assert not any(len(found.pairs) for found in crossings(parts(made)))

"""Features made up between those of neighbours."""

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE
from limen.errors import InputError
from limen_export.training.smoting import smote
from scipy import sparse

CLASSES = np.repeat([0, 1, 2, 3], [40, 12, 3, 1])
FORMS = {
    "array": np.asarray,
    "float32": lambda dense: dense.astype(np.float32),
    "csr_matrix": sparse.csr_matrix,
    "csr_array": sparse.csr_array,
}


def features_of(classes, seed=0):
    """Half of them 0."""
    draw = np.random.default_rng(seed)
    return draw.normal(classes[:, None], 1, (len(classes), 6)) * (
        draw.random((len(classes), 6)) < 0.5
    )


def dense(features):
    return features.toarray() if sparse.issparse(features) else features


@pytest.fixture(params=FORMS)
def form(request):
    return FORMS[request.param]


def test_classes_become_as_large_as_the_largest_and_nothing_given_changes(form):
    features = form(features_of(CLASSES))
    made = smote(features, CLASSES, 0)
    assert np.bincount(made.classes).tolist() == [40, 40, 40, 1]
    assert type(made.features) is type(features)
    assert made.features.dtype == features.dtype
    assert (dense(made.features)[: len(CLASSES)] == dense(features)).all()
    assert (made.classes[: len(CLASSES)] == CLASSES).all()


def test_what_is_made_lies_between_two_rows_of_its_class(form):
    features = features_of(CLASSES)
    made = smote(form(features), CLASSES, 0)
    new = zip(dense(made.features)[len(CLASSES) :], made.classes[len(CLASSES) :], strict=True)
    for row, own in new:
        known = features[own == CLASSES]
        ends = known[:, None, :], known[None, :, :]
        apart = np.linalg.norm(ends[0] - ends[1], axis=2)
        around = np.linalg.norm(row - ends[0], axis=2) + np.linalg.norm(row - ends[1], axis=2)
        assert np.abs(around - apart).min() < 1e-5


def test_where_every_class_has_neighbours_it_is_imbalanced_learns():
    classes = np.repeat([0, 1, 2], [20, 9, 7])
    features = features_of(classes)
    made = smote(features, classes, 4)
    theirs, their_classes = SMOTE(random_state=4).fit_resample(features, classes)
    assert (made.features == theirs).all()
    assert (made.classes == their_classes).all()


def test_classes_with_few_texts_are_said():
    assert smote(features_of(CLASSES), CLASSES, 0).notices == (
        "smote: 1 class has one text and stays as it is: there is no neighbour of its class",
        "smote: 1 class has 5 texts or fewer, so fewer than 5 neighbours to lie between",
    )
    classes = np.repeat([0, 1], [20, 9])
    assert smote(features_of(classes), classes, 0).notices == ()


@pytest.mark.parametrize("counts", [(7, 7), (1, 1)])
def test_equal_classes_are_left_alone(counts):
    classes = np.repeat([0, 1], counts)
    made = smote(features_of(classes), classes, 0)
    assert len(made.classes) == sum(counts)
    assert made.notices == ()


def test_the_seed_decides(form):
    features = form(features_of(CLASSES))
    first, again, other = (dense(smote(features, CLASSES, seed).features) for seed in (1, 1, 2))
    assert (first == again).all()
    assert not (first == other).all()


@pytest.mark.parametrize(
    ("features", "classes", "told"),
    [
        (np.zeros((3, 2)), np.array([0, 1]), "and 2 classes; expected"),
        (np.zeros(3), np.array([0, 1, 1]), "expected .texts, features."),
        (np.full((3, 2), np.nan), np.array([0, 1, 1]), "NaN or infinite"),
        (sparse.csr_array(np.full((3, 2), np.inf)), np.array([0, 1, 1]), "NaN or infinite"),
        (np.zeros((3, 2)), np.array([1, 1, 1]), "all 3 texts have the same label"),
    ],
)
def test_features_that_do_not_fit(features, classes, told):
    with pytest.raises(InputError, match=told):
        smote(features, classes, 0)

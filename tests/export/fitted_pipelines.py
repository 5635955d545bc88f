"""scikit-learn pipelines fitted on a set, and what they answer to texts."""

from collections import Counter
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
from limen_export import compose
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("every_source.py"))))


def fitted(on, *steps):
    """A pipeline, and the names of its outputs where it may give several labels."""
    if not on.several:
        return make_pipeline(*steps).fit(on.texts, [own[0] for own in on.labels]), None
    binarizer = MultiLabelBinarizer()
    truth = binarizer.fit_transform(on.labels)
    return make_pipeline(*steps).fit(on.texts, truth), tuple(binarizer.classes_)


def answers(pipeline, names, texts):
    """Its answers, from features that are made once."""
    rows, classifier = pipeline[:-1].transform(texts), pipeline[-1]
    found = classifier.predict(rows)
    if names is None:
        labels = [(str(label),) for label in found]
    else:
        labels = [tuple(np.array(names)[row > 0]) for row in found]
    decision = scores = None
    if hasattr(classifier, "decision_function"):
        decision = classifier.decision_function(rows)
    if hasattr(classifier, "predict_proba"):
        scores = classifier.predict_proba(rows)
        if isinstance(scores, list):
            scores = np.column_stack([part[:, 1] for part in scores])
    return made.Answer(labels, decision=decision, scores=scores)


def pipeline(*steps):
    """A row's source: it is handed to Python."""

    def make(place):
        found, names = fitted(place.on, *steps)
        return made.Given(lambda texts: answers(found, names, texts), source=found, labels=names)

    return make


def stored_pipeline(*steps):
    """A row's source: a file for the command."""

    def make(place):
        import skops.io

        found, names = fitted(place.on, *steps)
        skops.io.dump(found, place.folder / "model.skops")
        words = () if names is None else ("--classes", ",".join(names))
        return made.Given(
            lambda texts: answers(found, names, texts), (str(place.folder / "model.skops"), *words)
        )

    return make


def parts(rule, classifier, *, most=8, **more):
    """A row's source: pipelines that share nothing, each fitted on texts of its own, for the labels
    that are most frequent.
    """

    def make(place):
        counts = Counter(label for own in place.on.labels for label in own)
        names = tuple(label for label, _ in counts.most_common(most))
        whole = {}
        for at, label in enumerate(names):
            rows = [*zip(place.on.texts, place.on.labels, strict=True)]
            held = [row for turn, row in enumerate(rows) if label in row[1] or turn % 9 == at]
            truth = [label in own for _, own in held]
            own = make_pipeline(TfidfVectorizer(sublinear_tf=at % 2 == 0), classifier())
            whole[label] = own.fit([text for text, _ in held], truth)

        def answer(texts):
            if rule == "one_vs_rest":
                values = np.column_stack([own.decision_function(texts) for own in whole.values()])
                return made.Answer([(names[at],) for at in values.argmax(1)], values)
            yes = np.column_stack([own.predict(texts) for own in whole.values()])
            return made.Answer([tuple(np.array(names)[row]) for row in yes])

        return made.Given(answer, source=compose(whole, rule=rule, **more))

    return make

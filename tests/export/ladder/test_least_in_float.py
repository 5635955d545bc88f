"""The search for the fewest matrices in float, with made-up rungs."""

from dataclasses import dataclass, field
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.errors import ExportError
from limen.format import EncoderBlock
from limen.progress import Silent
from limen_export.ladder import climb
from limen_export.ladder.sensitivity import Sensitivity
from limen_export.settings import NamedTexts


@dataclass(frozen=True)
class Rung:
    """What a climb needs of a Candidate and its figures."""

    precision: str
    in_float: tuple = ()
    passes: bool = False
    why: str = "made up"

    @property
    def figures(self):
        return self


@dataclass
class Model:
    """A model whose mixed rung passes from `needed` matrices in float on."""

    needed: int
    gains: list
    built: list = field(default_factory=list)

    def climb(self, wanted="auto"):
        """Climb its ladder; everything that would build a graph is made up."""
        order = tuple(Sensitivity(f"m{place}", gain, 1) for place, gain in enumerate(self.gains))
        texts = NamedTexts("none", ("a",))
        judging = type("Judging", (), {"texts": texts, "expected": np.zeros((1, 1), np.float32)})
        source = type("Source", (), {"name": "model", "encoder": EncoderBlock("{}", 8)})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(climb.Ladder, "_by_sensitivity", lambda _: order)
            patch.setattr(climb.Ladder, "_judged", self.judged)
            patch.setattr(climb, "matrix_names", lambda _: tuple(self.gains))
            return climb.Ladder(None, source, None, judging, Silent()).climb(wanted)

    def judged(self, precision, in_float=()):
        if precision == "int8-mixed":
            self.built.append(len(in_float))
        enough = precision == "int8-mixed" and len(in_float) >= self.needed
        return Rung(precision, in_float, precision == "fp32" or enough)


@given(st.integers(1, 60), st.data())
def test_the_fewest_that_pass_are_found_in_few_trials(matrices, data):
    needed = data.draw(st.integers(1, matrices))
    model = Model(needed, [1.0] * matrices)
    found = model.climb()
    chosen = found.tried[found.chosen]
    assert (chosen.precision, chosen.passes) == ("int8-mixed", True)
    assert chosen.in_float == tuple(f"m{place}" for place in range(needed))
    assert found.matrices == matrices
    before = found.tried[found.chosen - 1]
    assert not before.passes
    assert len(before.in_float) == (needed - 1 if needed > 1 else 0)
    assert len(set(model.built)) == len(model.built) <= 2 * log2(matrices) + 2


@given(st.integers(1, 60))
def test_where_none_suffice_the_file_is_fp32(matrices):
    found = Model(matrices + 1, [1.0] * matrices).climb()
    assert [rung.precision for rung in found.tried] == [
        *("int8", "int8-float-rows", "int8-mixed", "fp32")
    ]
    assert len(found.tried[2].in_float) == matrices
    assert found.chosen == 3


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=20))
def test_matrices_that_gain_nothing_stay_in_int8(gains):
    model = Model(len(gains) + 1, gains)
    found = model.climb()
    gaining = [f"m{place}" for place, gain in enumerate(gains) if gain > 0]
    mixed = [rung for rung in found.tried if rung.precision == "int8-mixed"]
    assert all(set(rung.in_float) <= set(gaining) for rung in mixed)
    if not gaining:
        assert mixed == []
        (notice,) = found.notices
        assert notice.startswith("int8-mixed is left out: model: no matrix decides more like")


def test_a_named_mixed_rung_is_searched_or_refused():
    found = Model(3, [1.0] * 5).climb("int8-mixed")
    assert [rung.precision for rung in found.tried] == ["int8-mixed", "fp32"]
    assert len(found.tried[0].in_float) == 3
    with pytest.raises(ExportError, match="int8-mixed does not pass the quality gate"):
        Model(6, [1.0] * 5).climb("int8-mixed")

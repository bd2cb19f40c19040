"""The split: by patient, stable, stratified by group."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cof_viewer.domain.split import Split, split_patients


def test_shares_of_a_group_of_24() -> None:
    parts = Counter(split_patients({f"patient{i:03d}": "DCM" for i in range(24)}).values())
    assert parts == {Split.TRAIN: 14, Split.VALIDATION: 3, Split.TEST: 3, Split.ASSESSOR: 4}


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.sampled_from("ABC"), max_size=60), st.randoms())
def test_order_of_the_input_does_not_matter(group_of, rng) -> None:
    shuffled = list(group_of.items())
    rng.shuffle(shuffled)
    assert split_patients(dict(shuffled)) == split_patients(group_of)


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.sampled_from("AB"), max_size=60))
def test_a_group_is_split_without_regard_to_the_others(group_of) -> None:
    alone = {p: g for p, g in group_of.items() if g == "A"}
    together = split_patients(group_of)
    assert {p: together[p] for p in alone} == split_patients(alone)

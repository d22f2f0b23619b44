from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.corpus.setting import Setting
from musicgen.corpus.variants import MAX_NAMESAKES, OPENING_NOTES, families, opening

COBBLER = "T:The Kerry Cobbler\nM:6/8\nK:D\nA|d>ed fga|g>af ecA|d>ed fga|c>AA A2:|"


@pytest.mark.parametrize(
    "variant",
    [
        "T:Another name\nM:12/8\nK:D\nA|d>ed fga|g>af ecA|dDD|",
        "K:G\nd|g>ag bc'd'|c'>d'b afd|g>ag|",  # a fourth higher
        "K:D\nA,|D>ED FGA|G>AF ECA,|D>ED|",  # an octave lower
        "K:D\nd3/2e/d f2ga|gga/f/ ecA|d4|",  # other lengths, a repeated note, no upbeat
        'K:D\n(A|"D"~d>ed {g}f!trill!ga|"A7"g>af [K:G]ecA|d)',
        "K:D\nw:ABC DEF\n|:[A,A]|[Dd]>ed [Af]ga|g>af ecA|",
    ],
)
def test_variants_open_alike(variant: str) -> None:
    assert opening(variant) == opening(COBBLER) is not None


@pytest.mark.parametrize("other", ["K:D\nA|d>ed fge|g>af ecA|", "K:D\nA|D>ed fga|g>af ecA|"])
def test_other_notes_open_otherwise(other: str) -> None:
    assert opening(other) != opening(COBBLER)


def test_an_opening_is_in_diatonic_steps() -> None:
    assert opening("K:C\nCDEFGABcde|fff") == tuple(range(OPENING_NOTES))
    assert opening("K:C\nC,c'z2|") == (0, 21)


@pytest.mark.parametrize("abc", ["", "T:ABC\nK:C", "K:C\nz4|", 'K:C\n"Am"z4|{gag}z|!fermata!z'])
def test_a_tune_without_notes_has_no_opening(abc: str) -> None:
    assert opening(abc) is None


def test_chains_are_one_family() -> None:
    settings = [
        Setting("K:C\nCDEF GABc|", "one"),
        Setting("K:C\nCEGc eccc|", "two"),
        Setting("K:D\nDEFG ABcd|", "two"),  # opens like the first, named like the second
        Setting("K:C\nCCBA|"),
    ]
    assert families(settings) == [[0, 1, 2], [3]]


def test_a_title_of_many_says_nothing() -> None:
    scales = ["CDE", "CED", "DCE", "DEC", "ECD", "EDC", "CDF", "CFD", "DCF", "DFC", "FCD", "FDC"]
    openings = [f"K:C\n{a}{b}|" for a in scales for b in scales]
    alone = [Setting(text) for text in {opening(text): text for text in openings}.values()]
    assert len(families(alone)) == len(alone) > MAX_NAMESAKES
    named = [Setting(setting.text, "untitled") for setting in alone]
    assert len(families(named)) == len(alone)
    few = named[:MAX_NAMESAKES]
    assert len(families(few)) == 1


melodies = st.lists(st.sampled_from(["CEGc", "cBAG", "EDCD", "GFED", "z"]), max_size=3).map(
    lambda bars: "K:C\n" + "|".join(bars)
)
settings_lists = st.lists(
    st.builds(Setting, melodies, st.none() | st.sampled_from("abcdef")), max_size=MAX_NAMESAKES
)


@given(settings_lists)
def test_families_are_the_components_of_sharing(settings: list[Setting]) -> None:
    """Against the plainest way: spread from setting to setting until nothing changes."""
    sharing = defaultdict(set)
    for place, setting in enumerate(settings):
        for key in (opening(setting.text), setting.kin):
            if key is not None:
                sharing[key].add(place)
    expected = []
    for place in range(len(settings)):
        family = {place}
        while (wider := family.union(*(s for s in sharing.values() if s & family))) != family:
            family = wider
        if sorted(family) not in expected:
            expected.append(sorted(family))
    assert families(settings) == expected

"""What each character of a tune is, by our parse."""

from musicgen.interpret.characters import NAMES, kinds

TUNE = (
    '<start>\nT:A 3/4 tune|\nK:G\n|:"Am"A>B {c}d2- (3efg [CEG]2 z/|1 =c,4 !trill!d\'3/2 '
    "[K:D] e6:|2 \\\n~f8|]\n<end>\n"
)
EXPECTED = (
    "mmmmmmm/hhhhhhhhhhhhh/hhh/bboooonlnoooonloooonnnonnnnnlonlboonnnloooooooonnlllooooooonlbboo"
    "o/onlbb/mmmmm/"
)


def test_notes_lengths_and_bar_lines_are_told_apart() -> None:
    signs = {name: name[0] for name in NAMES}
    found = "".join(signs[NAMES[kind]] for kind in kinds(TUNE))
    shown = "".join("/" if c == "\n" else kind for c, kind in zip(TUNE, found, strict=True))
    assert shown == EXPECTED


def test_a_tune_that_is_cut_off_has_kinds_up_to_there() -> None:
    for end in range(len(TUNE)):
        assert len(kinds(TUNE[:end])) == end

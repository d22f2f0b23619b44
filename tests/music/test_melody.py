import pytest

from musicgen.music import parse
from musicgen.music.melody import melodies


def sung(music: str, key: str = "C") -> list[int]:
    """Pitches of the only voice."""
    (melody,) = melodies(parse(f"L:1/8\nK:{key}\n{music}|"))
    return melody.pitches


@pytest.mark.parametrize(
    ("music", "pitches"),
    [
        ("CDE", [60, 62, 64]),
        ("C z D x E", [60, 62, 64]),
        ("{FG}C {/a}D E", [60, 62, 64]),
        ("[CE] [DG,] [EC]", [64, 62, 64]),
        ("C-C D", [60, 62]),
        ("C-|C D", [60, 62]),
        ("C- z C D", [60, 60, 62]),
        ("[CE]-[CE] D", [64, 62]),
        ("[CE]-C D", [64, 60, 62]),
        ("|:CD|1 E:|2 C|]", [60, 62, 64, 60]),
    ],
)
def test_which_notes_a_melody_has(music: str, pitches: list[int]) -> None:
    assert sung(music) == pitches


def test_tied_lengths_are_joined() -> None:
    tune = parse("L:1/8\nK:C\nC2-C D3/2|")
    (melody,) = melodies(tune)
    assert [8 * length / tune.ticks for length in melody.lengths] == [3, 1.5]


@pytest.mark.parametrize(
    ("key", "music", "degrees", "in_key"),
    [
        ("G", "GFf^c=f", [0, 11, 11, 6, 10], [True, True, True, False, False]),
        ("Ador", "A^Fc", [0, 9, 3], [True, True, True]),
        ("Bb", "B=B", [0, 1], [True, False]),
        ("F#m", "FA^A", [0, 3, 4], [True, True, False]),
        ("D exp _b", "DB=B", [0, 8, 9], [True, True, False]),
        ("C transpose=2", "CE_E", [0, 4, 3], [True, True, False]),
        ("HP", "Ac=c", [-1, -1, -1], [True, True, False]),
        ("none", "C^C", [-1, -1], [True, False]),
    ],
)
def test_degrees_are_above_the_tonic(
    key: str, music: str, degrees: list[int], in_key: list[bool]
) -> None:
    (melody,) = melodies(parse(f"L:1/8\nK:{key}\n{music}|"))
    assert melody.degrees == degrees
    assert melody.in_key == in_key


def test_a_key_holds_from_where_it_stands() -> None:
    (melody,) = melodies(parse("L:1/8\nK:C\nCF|\nK:G\nGF|[K:Dm]D_B|"))
    assert melody.degrees == [0, 5, 0, 11, 0, 8]
    assert all(melody.in_key)


def test_each_voice_has_its_own() -> None:
    lines = melodies(parse("L:1/8\nK:C\nV:1\nCD|\nV:2\nzz|\nV:3\nEF|"))
    assert [melody.pitches for melody in lines] == [[60, 62], [64, 65]]
    assert melodies(parse("K:C\nz4|")) == []

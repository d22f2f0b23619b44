"""Tunebooks: where tunes begin and end, what holds for all of them, and what is no music."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.music import parse
from musicgen.music.book import Book, read_book

TUNE = "X:1\nT:One\nK:G\nGABc|\n"


def tunes(book: Book) -> list[str]:
    return [piece.text for piece in book.pieces]


def test_a_file_header_holds_for_each_tune_that_does_not_say_otherwise() -> None:
    header = "%abc-2.1\nM:3/4 % of all\nL:1/4\nC:Trad.\n%%scale 0.7\n\n"
    book = read_book(f"{header}{TUNE}\nX:2\nM:4/4\nK:C\nCDEF|\n\n{TUNE}")
    assert tunes(book) == [
        "X:1\nM:3/4\nL:1/4\nC:Trad.\nT:One\nK:G\nGABc|\n",
        "X:2\nL:1/4\nC:Trad.\nM:4/4\nK:C\nCDEF|\n",
        "X:1\nM:3/4\nL:1/4\nC:Trad.\nT:One\nK:G\nGABc|\n",
    ]
    assert [piece.line for piece in book.pieces] == [7, 12, 17]
    assert [parse(text).meter.text for text in tunes(book)] == ["3/4", "4/4", "3/4"]
    assert [parse(text).unit.denominator for text in tunes(book)] == [4, 4, 4]


def test_a_file_header_needs_no_blank_line_and_stands_at_the_beginning_alone() -> None:
    assert (
        tunes(read_book(f"L:1/4\n{TUNE}\nM:3/4\n\n{TUNE}"))
        == ["X:1\nL:1/4\nT:One\nK:G\nGABc|\n"] * 2
    )


HTML = """<!DOCTYPE html>
<html><head><style>
b { color: CDEFG|abc }
</style></head><body>
<h1>My <b>best</b> tunes</h1>
<pre>
X:1<br>
T:Mac &amp; Bead<br>
K:G
&quot;G&quot;GA B&gt;c|d&lt;e a<b>c|
</pre>
<script>
var a = b|c;
</script>
<p>Cabbage</p></body></html>
"""


def test_html_around_tunes_is_read_as_a_browser_shows_it() -> None:
    book = read_book(HTML)
    assert tunes(book) == ['X:1\nT:Mac & Bead\nK:G\n"G"GA B>c|d<e a<b>c|\n']
    assert book.pieces[0].line == 7


def test_letters_between_tunes_are_words() -> None:
    letter = "Dear all,\nhere is a tune that I had from Abe:\n"
    book = read_book(f"{letter}\n{TUNE}Cheers,\nTim\n-----\n\n{letter}X:2\nK:C\nC|\nThe end\n")
    assert tunes(book) == [TUNE, "X:2\nK:C\nC|\n"]
    assert book.prose == [
        (1, "Dear all,"),
        (2, "here is a tune that I had from Abe:"),
        (8, "Cheers,"),
        (9, "Tim"),
        (10, "-----"),
        (12, "Dear all,"),
        (13, "here is a tune that I had from Abe:"),
        (17, "The end"),
    ]


@pytest.mark.parametrize("name", ["text", "ps", "svg"])
@pytest.mark.parametrize("sign", ["%%", ""])
def test_blocks_of_text_are_words_whatever_they_hold(name: str, sign: str) -> None:
    block = f"%%begin{name}\n{sign}abc def|\n\n{sign}X\n%%end{name}\n"
    assert tunes(read_book(TUNE + block + "ABc|\n")) == [TUNE + "ABc|\n"]
    assert parse(TUNE + block + "ABc|\n").notes == 7
    unended = parse(TUNE + f"%%begin{name}\nabc def|\n")
    assert unended.notes == 4
    assert [p.message for p in unended.problems] == ["block of text that is never ended"]


CUT = "X:1\nT:a\nK:C\n\nCDEF|\n\nX:2\nT:b\n\nM:4/4\nL:1/8\n\nK:G\nGABc|\n\nX:3\nK:C\nC|\n\nC|\n"


def test_a_blank_line_that_ends_a_tune_before_its_first_note_is_told() -> None:
    book = read_book(CUT)
    assert book.cut == [4, 9]
    assert read_book("X:1\nT:no music\nK:C\n\nX:2\nK:C\nC|\n\nHello, friends\n").cut == []


def test_a_blank_line_may_be_read_over() -> None:
    assert tunes(read_book(CUT, over_blank_lines=True)) == [
        "X:1\nT:a\nK:C\nCDEF|\n",
        "X:2\nT:b\nM:4/4\nL:1/8\nK:G\nGABc|\n",
        "X:3\nK:C\nC|\nC|\n",
    ]
    headers = "[M:4/4]\n[K:C]\n\nC D|\n\n[M:3/4]\n[K:G]\n\nD E|\n"
    assert [len(p.lines) for p in read_book(headers, over_blank_lines=True).pieces] == [3, 3]


def test_headers_in_brackets_and_indented_fields_are_fields() -> None:
    book = read_book("[L:1/8][M:4/4]\n[K:CMaj]\nC 2 D E |\n\n   X:2\n\tT:b\n  K:G\n  GABc|\n")
    assert tunes(book) == ["L:1/8\nM:4/4\nK:CMaj\nC 2 D E |\n", "X:2\nT:b\nK:G\n  GABc|\n"]


@given(st.text(st.sampled_from('XKTM:\n |abC<>pre/%begintxd&;[]"')))
def test_any_text_is_a_book(text: str) -> None:
    for over in (False, True):
        for piece in read_book(text, over_blank_lines=over).pieces:
            parse(piece.text)


@pytest.mark.parametrize("unit", ["%%begintext\n", "X:1\n\n", "<b>", "<!--", "<script>", "K:C\n\n"])
def test_time_is_linear(unit: str) -> None:
    text = "<pre>\n" + unit * (100_000 // len(unit))
    start = time.process_time()
    read_book(text, over_blank_lines=True)
    assert time.process_time() - start < 5

"""A score for a page of HTML, such as a notebook's."""

import html

from musicgen.errors import MusicgenError
from musicgen.music.score.engrave import Engraver
from musicgen.music.score.mei import mei
from musicgen.music.tune import Tune


def score_html(tune: Tune) -> str:
    """The engraved score as inline SVG; where a tune can't be engraved, its text, escaped."""
    try:
        with Engraver() as engraver:
            return engraver.svg(mei(tune))
    except MusicgenError:
        return f"<pre>{html.escape(tune.text)}</pre>"

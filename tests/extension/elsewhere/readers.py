"""Tonic sol-fa: a tune in each line, such as `The Road: do re mi - sol la | do' do'`."""

from musicgen.config.registry import register
from musicgen.corpus.readers import TextReader
from musicgen.corpus.setting import Reading, Setting, kin_by_title
from musicgen.corpus.source import UnreadableError

SYLLABLES = dict(zip(("do", "re", "mi", "fa", "sol", "la", "ti"), "CDEFGAB", strict=True))


@register("reader", "solfa")
class Solfa(TextReader):
    """Tonic sol-fa, a tune in each line."""

    def read_text(self, text: str, *, over_blank_lines: bool = False) -> Reading:
        reading = Reading()
        for line in text.splitlines():
            title, colon, music = line.partition(":")
            if not colon:
                raise UnreadableError("a line has no title")
            abc = "".join(_in_abc(word) for word in music.split())
            tune = f"T:{title.strip()}\nM:4/4\nL:1/4\nK:C\n{abc}|]"
            reading.settings.append(Setting(tune, kin_by_title(tune)))
        return reading


def _in_abc(word: str) -> str:
    if word == "|":
        return word
    try:
        note = SYLLABLES[word.rstrip("'")]
    except KeyError:
        raise UnreadableError(f"{word} is no syllable") from None
    return note.lower() if word.endswith("'") else note

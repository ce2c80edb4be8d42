"""Words as search sees them, the same in both stores: how texts are folded, cut and indexed.

A text is a row of atoms: a word, or one character of a script that puts no spaces between words
(or one emoji). What stands between atoms does not count. A term that is looked for is a row of
atoms too, and is there where its atoms follow one another. An index only names candidates; what is
found is what `is_in` finds in the text itself, so that no two stores can disagree.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from msgspec import Struct

from models.records import Message

# Longer words are indexed by their beginning: nobody types the rest of a link or of a digest.
MAX_TOKEN = 40

# What is indexed besides words, behind characters for private use, which no word holds.
_SENDER, _ROOM, _SHOWING = "\ue000", "\ue001", "\ue002"

# Han, kana, bopomofo and hangul; Thai, Lao, Myanmar and Khmer; emoji and other pictures.
_UNSPACED = (
    "\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3041-\u309f\u30a1-\u30fa\u30fc-\u312f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u1100-\u11ff\uac00-\ud7a3"
    "\u0e01-\u0e3a\u0e40-\u0e5b\u0e81-\u0eff\u1000-\u1049\u1050-\u109f\u1780-\u17d3\u17d7-\u17e9"
    "\u2600-\u27bf\U0001f000-\U0001faff"
)

# Accents are not compared; the rest is invisible: soft hyphens, joiners, variation selectors.
_IGNORED = "\u0300-\u036f\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff"

# Marks belong to the letter before them: 2,000 of them, in ranges that Unicode adds to every year.
_MARKS = "".join(
    chr(number) for number in range(0x300, 0x20000) if unicodedata.category(chr(number))[0] == "M"
)

_WORD = re.compile(r"[a-z0-9]+", re.ASCII)
_ATOM = re.compile(f"[{_UNSPACED}]|(?:(?![{_UNSPACED}])(?:[^\\W_]|[{_MARKS}]))+")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_DROPPED = re.compile(f"[{_IGNORED}]+")
# What must be folded together, for it may become one character: hangul is also written in parts.
_CLUSTER = re.compile(f".[{_MARKS}{_IGNORED}\u1100-\u11ff\uff9e\uff9f]*", re.DOTALL)


class Term(Struct, frozen=True):
    """Atoms that follow one another; where it is `begun`, the last word may go on."""

    atoms: tuple[str, ...]
    begun: bool = False


class Tokens(Struct, frozen=True):
    """What the index of every message that is looked for holds: tokens, and beginnings of them."""

    whole: tuple[str, ...]
    begun: tuple[str, ...] = ()


def folded_text(text: str) -> str:
    """The form in which texts are compared: without case, accents and variants of width."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFKC", _DROPPED.sub("", plain)).casefold()


def atoms_of(text: str) -> list[str]:
    """The atoms of a text, in order."""
    text = folded_text(text)
    return (_WORD if text.isascii() else _ATOM).findall(text)


def tokens_of(message: Message) -> list[str]:
    """What a message is indexed under; nothing, if it was deleted."""
    if message.deleted is not None:
        return []
    return tokens_said(message.text, message.sender, showing=bool(message.attachments))


def tokens_said(text: str, sender: str, *, showing: bool) -> list[str]:
    """What a message with this text is indexed under that somebody sent."""
    tokens = dict.fromkeys(_text_tokens(text))
    tokens[sender_token(sender)] = None
    if showing:
        tokens[showing_token()] = None
    return list(tokens)


def sender_token(user_id: str) -> str:
    """What all messages of somebody are indexed under."""
    return _SENDER + user_id


def room_token(room_id: str) -> str:
    """What all messages of a room are indexed under, where the index is one for all rooms."""
    return _ROOM + room_id


def showing_token() -> str:
    """What all messages with attachments are indexed under."""
    return _SHOWING


def needed(terms: Sequence[Term]) -> Tokens:
    """What a message that holds all terms is indexed under, for certain."""
    whole: dict[str, None] = {}
    begun: dict[str, None] = {}
    for term in terms:
        for number, atom in enumerate(term.atoms):
            following = term.atoms[number + 1] if number + 1 < len(term.atoms) else ""
            if not _is_unspaced(atom):
                is_open = term.begun and not following and len(atom) < MAX_TOKEN
                (begun if is_open else whole)[atom[:MAX_TOKEN]] = None
            elif _is_unspaced(following):
                whole[atom + following] = None
            elif not number or not _is_unspaced(term.atoms[number - 1]):
                # One character alone: a pair begins with it, or it is indexed by itself.
                begun[atom] = None
    return Tokens(tuple(whole), tuple(begun))


def is_in(terms: Sequence[Term], text: str) -> bool:
    """Tell whether a text holds all terms."""
    atoms = atoms_of(text)
    return all(next(places(term, atoms), None) is not None for term in terms)


def places(term: Term, atoms: Sequence[str]) -> Iterator[int]:
    """Where in a row of atoms a term begins."""
    *front, last = term.atoms
    size = len(term.atoms)
    for start in range(len(atoms) - size + 1):
        end = atoms[start + size - 1]
        fits = end.startswith(last) if term.begun else end == last
        if fits and list(atoms[start : start + size - 1]) == front:
            yield start


def spans(terms: Sequence[Term], text: str) -> list[tuple[int, int]]:
    """The parts of a text that hold the terms, as it was written, in order and without overlaps."""
    atoms, bounds = _located(text)
    found = sorted(
        (bounds[start][0], bounds[start + len(term.atoms) - 1][1])
        for term in terms
        for start in places(term, atoms)
    )
    joined: list[tuple[int, int]] = []
    for start, end in found:
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def _text_tokens(text: str) -> Iterator[str]:
    atoms = atoms_of(text)
    for number, atom in enumerate(atoms):
        if atom.isascii() or not _is_unspaced(atom):
            yield atom[:MAX_TOKEN]
            continue
        following = atoms[number + 1] if number + 1 < len(atoms) else ""
        yield atom + following if _is_unspaced(following) else atom


def _is_unspaced(atom: str) -> bool:
    return _IS_UNSPACED.match(atom) is not None


def _located(text: str) -> tuple[list[str], list[tuple[int, int]]]:
    """The atoms of a text, and from where to where each of them was written."""
    if text.isascii():
        found = list(_WORD.finditer(text.lower()))
        return [atom[0] for atom in found], [atom.span() for atom in found]
    folded, origins = [], []
    for cluster in _CLUSTER.finditer(text):
        part = folded_text(cluster[0])
        folded.append(part)
        origins += [cluster.span()] * len(part)
    whole = "".join(folded)
    found = list((_WORD if whole.isascii() else _ATOM).finditer(whole))
    bounds = [(origins[atom.start()][0], origins[atom.end() - 1][1]) for atom in found]
    return [atom[0] for atom in found], bounds

"""What a learner's answer says: read as it is meant, or refused with a sentence (layer L0, imports nothing heavy)."""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from skiplib.arithmetic import LARGEST
from skiplib.words import FAULTS, shown

Texts = Mapping[str, Any]  # the table of a question
_MOST = 1000  # letters or members of an answer


class Unread(Exception):
    """Why an answer cannot be read, as a sentence for the learner."""


class Fault(Exception):
    """What is wrong with an answer, as a sentence for the learner."""


def read(given: object, known: Texts) -> tuple[Any, str]:
    """The value that was meant, in the kind of the answer, and what to say of its form: nothing, if it is as asked.

    The value is made of Python's own types: whatever a learner's object does when it is touched, it does here.

    Raises:
        Unread: with a sentence for the learner, if the answer cannot be read.

    >>> read("Below 15%", {"answer": "below 15 %", "options": ["below 15 %", "more"]})
    ('below 15 %', "Usually written: 'below 15 %'.")
    """
    try:
        if isinstance(given, str) and len(given) > _MOST:
            raise Unread("This is too long to be the answer.")
        value, plain = _READERS[kind_of(known)](given, known)
    except FAULTS as error:
        unread = Unread(f"The answer cannot be read; this is {typed(given)}.")
        raise (error if type(error) is Unread else unread) from None
    written = f"{{{', '.join(map(repr, sorted(value)))}}}" if isinstance(value, frozenset) else repr(value)
    return value, "" if plain else f"Usually written: {written}."


def kind_of(known: Texts) -> str:
    """What kind of answer a question wants: a "number", "word", "tuple", "set", "pair" of words or "settings"."""
    if "settings" in known:
        return "settings"
    if "rows" in known:
        return "pair"
    if known.keys() & {"options", "range"}:
        return "word" if isinstance(known["answer"], str) else "set"
    return "tuple" if isinstance(known.get("answer"), list) else "number"  # a size is computed


def options_of(known: Texts) -> Sequence[Any]:
    """All that may be chosen.

    >>> options_of({"range": [1, 3]})
    range(1, 4)
    """
    first, last = known.get("range", (0, -1))
    options: Sequence[Any] = known.get("options", range(first, last + 1))
    return options


def number_in(text: str) -> float | str:
    """The number that a text holds, or the text itself.

    >>> number_in("5"), number_in(" −0.5 "), number_in("five")
    (5, -0.5, 'five')
    """
    digits = re.sub(r"^[−–-]\s*", "-", text.strip())
    for kind in (int, float):
        with suppress(ValueError):
            number = kind(digits)
            return number if math.isfinite(number) else text
    return text


def typed(given: object) -> str:
    """What was given, in a few words, and its type unless quotes tell it."""
    return shown(given) if type(given) is str else f"{shown(given)} ({named(type(given))})"


def raised(error: BaseException) -> str:
    """What a learner's code raised, in one line."""
    said = shown(error, str, most=80).rstrip(".…")
    return named(type(error)) + (f": {said}" if said else "")


def named(kind: type) -> str:
    """The name of a type."""
    return shown(kind, lambda kind: kind.__name__)


def _number(given: object, known: Texts) -> tuple[float, bool]:
    number, plain = _as_number(given)
    if number is None and known.get("float"):  # a gradient may come as a tensor, the same at every pixel
        members = set(given.flatten().tolist()) if hasattr(given, "flatten") else set()
        number, plain = _as_number(members.pop()) if len(members) == 1 else (None, False)
    if number is None:
        example = 0.5 if known.get("float") else 7 + (known["answer"] == 7)  # never the answer
        kind = "one number" if known.get("float") else "one whole number, in digits alone"
        raise Unread(f"The answer is {kind}, such as {example}; this is {typed(given)}.")
    return number, plain or bool(known.get("float"))


def _tuple(given: object, known: Texts) -> tuple[tuple[float | None, ...], bool]:
    count = len(known["answer"])
    listed = _listed(given)
    if isinstance(given, str) and re.fullmatch(r"([\s()\[\],;×x\d.−–-]|and)*", given):
        listed = re.findall(r"[−–-]?[\d.]+", given)
    numbers = [_as_number(each) for each in listed or ()]
    values = tuple(number for number, _ in numbers)
    if "fields" in known and isinstance(given, tuple) and len(values) == count and None in values:
        bad = typed(given[values.index(None)])
        raise Unread(f"Each of {', '.join(known['fields'])} is one whole number, in digits alone; {bad} is not.")
    if len(values) != count or None in values or isinstance(given, set | frozenset):
        first = 1 + (known["answer"][0] == 1)
        example = tuple(range(first, first + count))
        raise Unread(f"The answer is {count} whole numbers in order, such as {example}; this is {typed(given)}.")
    return values, not isinstance(given, str) and all(plain for _, plain in numbers)


def _set(given: object, known: Texts) -> tuple[frozenset[Any], bool]:
    options, members = options_of(known), _listed(given)
    plain = members is not None
    if isinstance(given, str):
        words = re.findall(r"[\w.−-]+", given)
        named = all(_member(word, options) is not None for word in words)
        members = words if named else list("".join(words))  # "B, E" or "BE"
    elif members is None:
        members = [given]
    found = [_member(each, options) for each in members]
    if not plain and (isinstance(given, str) or _as_number(given)[0] is None) and (None in found or not found):
        example = ", ".join(map(repr, options[: 2 - (set(options[:2]) == set(known["answer"]))]))
        raise Unread(f"The answer is a set, such as {{{example}}}, or set() for none; this is {typed(given)}.")
    strangers = [each for each, option in zip(members, found, strict=True) if option is None]
    if any(_listed(each) is not None for each in strangers):
        raise Unread("The members of the set are single values, not lists.")
    if strangers:
        among = "a whole number from {} to {}".format(*known["range"]) if "range" in known else "among the options"
        raise Unread(f"{min(map(shown, strangers))} is not {among}.")
    return frozenset(found), plain


def _member(given: object, options: Sequence[Any]) -> Any:
    """The option that one member of a set names, or None."""
    word = given.strip().lower() if isinstance(given, str) else None
    number, _ = _as_number(given)
    return next((each for each in options if each == number or str(each).lower() == word), None)


def _word(given: object, known: Texts) -> tuple[str, bool]:
    for squeeze in (str.strip, lambda word: re.sub(r"\W", "", word)):
        options = {squeeze(option).lower(): option for option in known["options"]}
        word = squeeze(given).lower() if isinstance(given, str) else None
        if word in options:
            return options[word], squeeze is str.strip
    near = [option for option in known["options"] if word and len(word) > 2 and option.lower().startswith(word)]
    if len(near) == 1:
        return near[0], False  # "vanish" for "vanishes"
    quoted = ", ".join(f'"{option}"' for option in known["options"])
    raise Unread(f"The answer is one of {quoted}; this is {typed(given)}.")


def _pair(given: object, known: Texts) -> tuple[tuple[str, ...], bool]:
    rows, listed = known["rows"], _listed(given)
    if listed is None or len(listed) != len(rows) or isinstance(given, set | frozenset):
        kind, alike = f"a word for each of {', '.join(rows)}", [[option] * len(rows) for option in known["options"]]
        example = tuple(alike[alike[0] == known.get("answer")])
        raise Unread(f"The answer is {kind}, such as {example}; this is {typed(given)}.")
    words = [_word(each, known) for each in listed]
    return tuple(word for word, _ in words), all(plain for _, plain in words)


def _settings(given: object, known: Texts) -> tuple[dict[str, Any], bool]:
    """Settings by name: for each ``known`` has all that it may be, words, ``int`` or ``float``."""
    pairs: list[tuple[Any, Any]] = list(islice(given.items(), _MOST)) if isinstance(given, Mapping) else [(0, 0)]
    if not all(isinstance(name, str) for name, _ in pairs):
        raise Unread(f"The answer is a dict of settings, such as {known['example']}.")
    settings: dict[str, Any] = {}
    for name, value in ((str.lower(name), value) for name, value in pairs):
        if name not in known["settings"]:
            raise Unread(f"There is no setting {shown(name)} here. There are: {', '.join(known['settings'])}.")
        may_be = known["settings"][name]
        word = str.lower(value) if isinstance(value, str) else None
        number, whole = (None, False) if word else _as_number(value)
        if not (word in may_be or (number is not None and (float in may_be or (int in may_be and whole)))):
            kinds = {int: "a whole number", float: "a number"}
            kind = kinds.get(may_be[0]) or f"one of {', '.join(may_be)}, in quotes"
            raise Unread(f"`{name}` is {kind}; got {shown(value)}.")
        settings[name] = word or (float(number or 0) if float in may_be else number)
    return settings, True


_READERS: Mapping[str, Callable[[Any, Texts], tuple[Any, bool]]] = {
    "number": _number,
    "tuple": _tuple,
    "set": _set,
    "word": _word,
    "pair": _pair,
    "settings": _settings,
}


def _as_number(given: Any) -> tuple[float | None, bool]:
    """The number that was given, whole if it can be, and whether it was written as a whole one; or None."""
    try:
        value = given.item() if hasattr(given, "item") else given  # of an array or a tensor of one
        value = number_in(value) if isinstance(value, str) else value
        if isinstance(value, bool | bytes | str):
            return None, False
        number = operator.index(value) if hasattr(value, "__index__") else float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None, False
    if abs(number) > LARGEST:
        raise Unread("This number is too large to be the answer.")
    if isinstance(number, float) and not number.is_integer():
        return (None if math.isnan(number) else number), False
    return int(number), isinstance(number, int) and not isinstance(given, str)


def _listed(given: object) -> list[Any] | None:
    """The members of what lists: a tuple, list, set, range, array or tensor; or None."""
    members: Any = given.tolist() if hasattr(given, "tolist") else given
    several = isinstance(members, tuple | list | set | frozenset | range)
    return list(islice(members, _MOST)) if several else None  # some go on and on

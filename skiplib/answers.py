"""What a learner's answer says: read as it is meant, or refused with a sentence (layer L0, imports nothing heavy)."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

Texts = Mapping[str, Any]  # the table of a question


def read(given: object, known: Texts) -> tuple[Any, str]:
    """The value that was meant, in the kind of the answer, and what to say of its form: nothing, if it is as asked.

    Raises:
        ValueError: with a sentence for the learner, if the answer cannot be read.

    >>> read("Below 15%", {"answer": "below 15 %", "options": ["below 15 %", "more"]})
    ('below 15 %', "Usually written: 'below 15 %'.")
    """
    value, plain = _READERS[kind_of(known)](given, known)
    written = f"{{{', '.join(map(repr, sorted(value)))}}}" if isinstance(value, frozenset) else repr(value)
    return value, "" if plain else f"Usually written: {written}."


def kind_of(known: Texts) -> str:
    """What kind of answer a question wants: a "number", "word", "tuple", "set" or "pair" of words."""
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
    return _shown(given) if isinstance(given, str) else f"{_shown(given)} ({type(given).__name__})"


def raised(error: BaseException) -> str:
    """What a learner's code raised, in one line."""
    said = str(error).rstrip(".")
    return type(error).__name__ + (f": {said}" if said else "")


def _number(given: object, known: Texts) -> tuple[float, bool]:
    number, plain = _as_number(given)
    if number is None and known.get("float"):  # a gradient may come as a tensor, the same at every pixel
        members = set(_flat(_listed(given) or ())) if hasattr(given, "tolist") else set()
        number, plain = _as_number(members.pop()) if len(members) == 1 else (None, False)
    if number is None:
        example = 0.5 if known.get("float") else _another(7, known["answer"])
        kind = "one number" if known.get("float") else "one whole number, in digits alone"
        raise ValueError(f"The answer is {kind}, such as {example}; this is {typed(given)}.")
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
        raise ValueError(f"Each of {', '.join(known['fields'])} is one whole number, in digits alone; {bad} is not.")
    if len(values) != count or None in values or isinstance(given, set | frozenset):
        first = _another(1, known["answer"][0])
        example = tuple(range(first, first + count))
        raise ValueError(f"The answer is {count} whole numbers in order, such as {example}; this is {typed(given)}.")
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
        raise ValueError(f"The answer is a set, such as {_example(known)}; this is {typed(given)}.")
    strangers = [each for each, option in zip(members, found, strict=True) if option is None]
    if any(_listed(each) is not None for each in strangers):
        raise ValueError("The members of the set are single values, not lists.")
    if strangers:
        among = "a whole number from {} to {}".format(*known["range"]) if "range" in known else "among the options"
        raise ValueError(f"{_shown(min(strangers, key=repr))} is not {among}.")
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
    raise ValueError(f"The answer is one of {quoted}; this is {typed(given)}.")


def _pair(given: object, known: Texts) -> tuple[tuple[str, ...], bool]:
    rows, listed = known["rows"], _listed(given)
    if listed is None or len(listed) != len(rows) or isinstance(given, set | frozenset):
        example = tuple(known["options"][:1] * len(rows))
        raise ValueError(
            f"The answer is a word for each of {', '.join(rows)}, such as {example}; this is {typed(given)}."
        )
    words = [_word(each, known) for each in listed]
    return tuple(word for word, _ in words), all(plain for _, plain in words)


_READERS: Mapping[str, Callable[[Any, Texts], tuple[Any, bool]]] = {
    "number": _number,
    "tuple": _tuple,
    "set": _set,
    "word": _word,
    "pair": _pair,
}


def _as_number(given: Any) -> tuple[float | None, bool]:
    """The number that was given, whole if it can be, and whether it was written as a whole one; or None."""
    if isinstance(given, bool | bytes):
        return None, False
    try:
        return int(given.__index__()), True  # integers, their tensors and arrays
    except (AttributeError, TypeError, RuntimeError):
        pass
    try:
        number = float(number_in(given) if isinstance(given, str) else given)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None, False
    if not math.isfinite(number):
        return None, False
    return (int(number), False) if number.is_integer() else (number, False)


def _listed(given: object) -> list[Any] | None:
    """The members of what lists: a tuple, list, set, range, array or tensor; or None."""
    members = given.tolist() if hasattr(given, "tolist") else given
    return list(members) if isinstance(members, tuple | list | set | frozenset | range) else None


def _flat(members: Iterable[Any]) -> Iterable[Any]:
    for member in members:
        yield from _flat(member) if isinstance(member, list) else [member]


def _another(number: int, answer: int) -> int:
    """A number for an example that is not the answer."""
    return number + (number == answer)


def _example(known: Texts) -> str:
    options = list(options_of(known))
    members = options[:2] if set(options[:2]) != set(known["answer"]) else options[:1]
    return f"{{{', '.join(map(repr, members))}}}, or set() for none"


def _shown(given: object) -> str:
    shown = re.sub(r" at 0x\w+", "", repr(given))  # no addresses: they differ from run to run
    return shown if len(shown) <= 40 else shown[:39] + "…"

"""Unicode simple case folding (the statuses C and S of CaseFolding.txt), from Python's own tables and not from the product's."""

from functools import cache

# Status S where lower() is no help: written alike and folded alike, though their uppercase is more than one character.
SINGLE = {"\u1fd3": "\u0390", "\u1fe3": "\u03b0", "\ufb05": "\ufb06"}


@cache
def fold_character(character):
    if character in SINGLE:
        return SINGLE[character]
    full = character.casefold()
    if len(full) == 1:
        return full
    # Full folding would change the length: what is left is the simple one, if the character has any.
    lower = character.lower()
    return lower if len(lower) == 1 else character


def fold(text):
    return "".join(map(fold_character, text))

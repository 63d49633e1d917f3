"""A query in the report language, in one of the many ways to write it: any letter case, names bare or quoted, blanks of all kinds."""

import re
import unicodedata

from .folding import fold, fold_character

# Words that a name which stands bare must not be: the grammar's, and those for which it has advice.
KEYWORDS = set(
    """select distinct from where and or not in like order by asc desc limit timespan true false group having join as between is null union on
    inner left right outer full cross case when then else end exists top offset with""".split()
)
BLANKS = [" "] * 12 + ["  ", "\n", "\t", "\r\n", "\u00a0", "\u3000", " \n  "]


def alike():
    """Every character of the lower planes, by what it folds to."""
    found = {}
    for code in range(0x1F000):
        character = chr(code)
        folded = fold_character(character)
        if folded != character:
            found.setdefault(folded, {folded}).add(character)
    return {folded: sorted(characters) for folded, characters in found.items()}


ALIKE = alike()


def scrambled(rng, text):
    """Another spelling that folds to the same."""
    return "".join(rng.choice(ALIKE.get(fold_character(character), [character])) for character in text)


class Writer:
    def __init__(self, rng):
        self.rng = rng
        self.is_plain = rng.random() < 0.3

    def blank(self):
        return " " if self.is_plain else self.rng.choice(BLANKS)

    def maybe(self):
        return "" if self.is_plain or self.rng.random() < 0.7 else self.blank()

    def word(self, keyword):
        if self.is_plain:
            return keyword
        return self.rng.choice([keyword, keyword.lower(), "".join(self.rng.choice((c.upper(), c.lower())) for c in keyword)])

    def name(self, names):
        name = names[0] if self.is_plain else self.rng.choice(names)
        if not self.is_plain and self.rng.random() < 0.4:
            name = self.rng.choice([cased(name, str.upper), cased(name, str.lower), scrambled(self.rng, name)])
        is_bare = re.fullmatch(r"\w+", name) and all(is_word(c) for c in name) and not name.isdecimal() and name.lower() not in KEYWORDS
        match self.rng.random() if is_bare else 1 - self.rng.random() * 0.3:
            case chance if chance < 0.7:
                return name
            case chance if chance < 0.85:
                return "[" + name.replace("]", "]]") + "]"
            case _:
                return '"' + name.replace('"', '""') + '"'

    def field(self, field):
        return self.name([field.name, *field.aliases])

    def literal(self, literal):
        if literal.is_quoted:
            return "'" + literal.text.replace("'", "''") + "'"
        if literal.text in ("true", "false"):
            return self.word(literal.text.upper())
        return literal.text.replace("-", "-" + self.maybe()) if self.rng.random() < 0.1 else literal.text

    def list(self, items):
        return f"{self.maybe()},{self.blank() if self.is_plain else self.maybe()}".join(items)

    def condition(self, condition):
        name, operator = self.field(condition.field), condition.operator
        if operator in ("IN", "NOT IN"):
            values = self.list([self.literal(literal) for literal in condition.literals])
            return f"{name}{self.blank()}{self.words(operator)}{self.blank()}({self.maybe()}{values}{self.maybe()})"
        literal = self.literal(condition.literals[0])
        if operator in ("LIKE", "NOT LIKE"):
            return f"{name}{self.blank()}{self.words(operator)}{self.blank()}{literal}"
        return f"{name}{self.maybe()}{operator}{self.maybe()}{literal}"

    def words(self, words):
        return self.blank().join(self.word(word) for word in words.split())

    def query(self, query):
        parts = [self.word("SELECT")]
        if query.is_distinct:
            parts.append(self.word("DISTINCT"))
        parts += [self.list([self.name([name]) for name in query.names]), self.word("FROM")]
        parts.append(self.name([query.dataset.name, *query.dataset.aliases]))
        if query.conditions:
            conditions = [self.condition(condition) for condition in query.conditions]
            parts += [self.word("WHERE"), f"{self.blank()}{self.word('AND')}{self.blank()}".join(conditions)]
        if query.order:
            keys = [self.field(key.field) + (self.blank() + self.word(key.direction) if key.direction else "") for key in query.order]
            parts += [self.words("ORDER BY"), self.list(keys)]
        if query.limit is not None:
            parts += [self.word("LIMIT"), str(query.limit)]
        if query.span:
            parts += [self.word("TIMESPAN"), self.word(query.span)]
        text = parts[0]
        for part in parts[1:]:
            text += self.blank() + part
        return self.maybe() + text + self.rng.choice(["", "", ";", self.maybe() + ";" + self.maybe()])


def cased(name, change):
    """Character by character, where the change keeps what it folds to."""
    return "".join(change(c) if fold(change(c)) == fold(c) and len(change(c)) == 1 else c for c in name)


def is_word(character):
    """Letters, digits and `_`. Letters with marks of their own are none."""
    return character == "_" or unicodedata.category(character)[0] in "L" or character.isdecimal()


def written(query, rng):
    return Writer(rng).query(query)

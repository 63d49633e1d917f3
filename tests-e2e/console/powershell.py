"""Follows a short script of PowerShell, since PowerShell itself comes from no registry that the tests use.

A published grammar reads the script, and this file does what the tree says with the little of the language that it knows: assignments, texts, hash tables,
members, the environment, `Invoke-RestMethod` and `ForEach-Object`. All else fails. It shows that the script is well-formed and which requests it describes.
It does not show what PowerShell makes of them: how it encodes a form, which certificates it trusts, what it prints.
"""

import tree_sitter
import tree_sitter_powershell


class Script:
    """One that was read, with the environment that it sees and what sends its requests."""

    def __init__(self, text, environment, send):
        self.environment, self.send, self.variables = environment, send, {}
        parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
        self.root = parser.parse(text.encode()).root_node
        assert not self.root.has_error, f"PowerShell's grammar does not read this: {self.root}\n{text}"

    def run(self):
        """What it writes."""
        return self._values(self.root)

    def _values(self, node):
        """What a block of statements, or one of them, leaves."""
        parts = [child for child in node.named_children if child.type != "comment"]
        match node.type:
            case "program" | "script_block" | "script_block_body" | "statement_list":
                return [value for part in parts for value in self._values(part)]
            case "pipeline" if parts[0].type == "pipeline_chain" and len(parts) == 1:
                first, *stages = parts[0].named_children
                values = self._command(first) if first.type == "command" else self._listed(self._value(first))
                for stage in stages:
                    values = self._command(stage, values)
                return values
            case "pipeline" if parts[0].type == "assignment_expression" and len(parts) == 1:
                self._assign(*parts[0].named_children)
                return []
        raise AssertionError(f"{node.type} is not known here: {text_of(node)}")

    @staticmethod
    def _listed(value):
        return value if isinstance(value, list) else [value]

    def _assign(self, name, operator, what):
        assert text_of(operator) == "=", text_of(operator)
        values = self._values(what)
        self.variables[text_of(name)] = values[0] if len(values) == 1 else values

    def _command(self, node, values=()):
        name, elements = node.named_children
        words = [word for word in elements.named_children if word.type != "command_argument_sep"]
        match text_of(name):
            case "Invoke-RestMethod":
                given = {text_of(word): self._value(value) for word, value in zip(words[::2], words[1::2], strict=True)}
                assert given.keys() <= {"-Method", "-Uri", "-Body", "-Headers"}, given.keys()
                # A hash table is a form only where the method has a body.
                assert "-Body" not in given or given.get("-Method") == "Post", f"a form without -Method Post: {text_of(node)}"
                method = given.get("-Method", "Get").upper()
                return [self.send(method, given["-Uri"], data=given.get("-Body"), headers=given.get("-Headers"))]
            case "ForEach-Object":
                [block] = map(self._value, words)
                return [made for value in values for made in self._each(block, value)]
        raise AssertionError(f"{text_of(name)} is not known here")

    def _each(self, block, value):
        self.variables["$_"] = value
        return self._values(block)

    def _value(self, node):
        written = text_of(node)
        match node.type:
            case "verbatim_string_characters":
                return written[1:-1].replace("''", "'")
            case "expandable_string_literal":
                return self._expanded(node)
            case "generic_token":
                return written
            case "variable":
                return self.environment[written[5:]] if written.startswith("$env:") else self.variables[written]
            case "member_access":
                of, name = node.named_children
                return self._value(of)[text_of(name)]
            case "hash_literal_expression":
                body = only(node, "hash_literal_body")
                entries = (entry.named_children for entry in body.named_children)
                return {text_of(key): self._single(value) for key, value in entries}
            case "script_block_expression":
                return only(node, "script_block")
            case "sub_expression":
                return self._single(only(node, "statement_list"))
            # The grammar has a level for each precedence of operators, of which none is used.
            case level if level == "string_literal" or level.endswith("_expression"):
                assert node.child_count == 1, f"{level} is not known here: {written}"
                return self._value(node.children[0])
        raise AssertionError(f"{node.type} is not known here: {written}")

    def _single(self, node):
        [value] = self._values(node)
        return value

    def _expanded(self, node):
        """A text in double quotes, with what its variables hold."""
        whole, start, made, at = node.text, node.start_byte, [], 1
        for child in node.named_children:
            made += [whole[at : child.start_byte - start].decode(), str(self._value(child))]
            at = child.end_byte - start
        assert b"`" not in whole, f"escapes are not known here: {whole.decode()}"
        return "".join([*made, whole[at:-1].decode()])


def text_of(node):
    return node.text.decode()


def only(node, kind):
    [child] = (child for child in node.named_children if child.type == kind)
    return child

"""Reads docs/openapi.yaml as Python data, and checks documents against its schemas.

Python's standard library has no YAML reader, and the tests use nothing else. This one reads what that file consists of:
maps, lists, flow style on one line, quoted and folded text. It refuses anything else, and the validator refuses unknown
keywords.
"""

import re

from harness import ROOT

DOCUMENT = ROOT / "docs" / "openapi.yaml"
PLAIN = re.compile(r"[^,\[\]{}]+")


def scalar(text):
    text = text.strip()
    if re.fullmatch(r"-?[0-9]+", text):
        return int(text)
    if text in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[text]
    if text[:1] in ("&", "*", "!", "|", ">", '"', "@", "`", "%"):
        raise ValueError(f"this reader does not know such YAML: {text}")
    return text


class Flow:
    """One value in flow style: [a, b], {a: b}, 'text', plain."""

    def __init__(self, text):
        self.text = text
        self.at = 0

    def skip(self, expected):
        self.at += len(self.text[self.at :]) - len(self.text[self.at :].lstrip(" "))
        if self.text.startswith(expected, self.at):
            self.at += len(expected)
            return True
        return False

    def value(self, until=PLAIN):
        if self.skip("["):
            return self.items("]", self.value)
        if self.skip("{"):
            return dict(self.items("}", self.member))
        if self.skip("'"):
            end = self.text.index("'", self.at)
            quoted, self.at = self.text[self.at : end], end + 1
            return quoted
        plain = until.match(self.text, self.at)
        self.at = plain.end()
        return scalar(plain.group())

    def items(self, end, read):
        found = []
        while not self.skip(end):
            found.append(read())
            if not self.skip(","):
                if not self.skip(end):
                    raise ValueError(f"neither a comma nor {end}: {self.text}")
                break
        return found

    def member(self):
        name, _, _ = self.text[self.at :].lstrip(" ").partition(":")
        if not self.skip(name + ":"):
            raise ValueError(f"no colon: {self.text}")
        return name.strip("'"), self.value()

    def whole(self):
        value = self.value(re.compile(r".+")) if self.text[0] not in "[{'" else self.value()
        if self.text[self.at :].strip():
            raise ValueError(f"something follows: {self.text}")
        return value


class Block:
    """The lines of the file, and the values that they hold at an indentation."""

    def __init__(self, text):
        self.lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        self.at = 0

    def indent(self):
        return len(self.lines[self.at]) - len(self.lines[self.at].lstrip(" ")) if self.at < len(self.lines) else -1

    def value(self, indent):
        return self.list(indent) if self.lines[self.at].lstrip().startswith("- ") else self.map(indent)

    def list(self, indent):
        found = []
        while self.indent() == indent and self.lines[self.at].lstrip().startswith("- "):
            # What follows the dash is indented like the lines after it.
            self.lines[self.at] = self.lines[self.at].replace("- ", "  ", 1)
            content = self.lines[self.at].strip()
            if content[0] in "[{'" or not re.match(r"[^ ]+:( |$)", content):
                found.append(Flow(content).whole())
                self.at += 1
            else:
                found.append(self.map(indent + 2))
        return found

    def map(self, indent):
        found = {}
        while self.indent() == indent:
            name, _, content = self.lines[self.at].strip().partition(":")
            self.at += 1
            name = name.strip("'")
            if name in found:
                raise ValueError(f"{name} stands there twice")
            content = content.strip()
            if content == ">-":
                folded = []
                while self.indent() > indent:
                    folded.append(self.lines[self.at].strip())
                    self.at += 1
                found[name] = " ".join(folded)
            elif content:
                found[name] = Flow(content).whole()
            else:
                found[name] = self.value(self.indent())
        if self.indent() > indent:
            raise ValueError(f"indented too far: {self.lines[self.at]}")
        return found


def load():
    return Block(DOCUMENT.read_text()).map(0)


# ---- JSON Schema, the part of it that the document uses ----

TYPES = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
SAYS_NOTHING = {"description", "examples", "contentEncoding"}
KNOWN = {"type", "enum", "pattern", "minimum", "maximum", "minItems", "maxItems", "minLength", "required", "properties",
         "additionalProperties", "items", "oneOf", "$ref"} | SAYS_NOTHING


def resolve(document, node):
    while "$ref" in node:
        place = document
        for name in node["$ref"].removeprefix("#/").split("/"):
            place = place[name]
        node = place
    return node


def flaws(document, schema, value, where="the document"):
    """What is wrong with `value` according to `schema`: a list of sentences, empty if nothing is wrong."""
    if schema is False:
        return [f"{where} is not described"]
    schema = resolve(document, schema)
    unknown = set(schema) - KNOWN
    if unknown:
        raise ValueError(f"this validator knows no {unknown}")
    found = []
    if "oneOf" in schema:
        fitting = [each for each in schema["oneOf"] if not flaws(document, each, value, where)]
        if len(fitting) != 1:
            found.append(f"{where} is {len(fitting)} of the forms that it may have")
    types = schema.get("type", list(TYPES))
    if not any(TYPES[name](value) for name in ([types] if isinstance(types, str) else types)):
        return [*found, f"{where} is of a wrong type"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where} is none of {schema['enum']}")
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"].removesuffix("$") + r"\Z", value):
            found.append(f"{where} does not match {schema['pattern']}")
        if len(value) < schema.get("minLength", 0):
            found.append(f"{where} is too short")
    if TYPES["integer"](value) and value < schema.get("minimum", value):
        found.append(f"{where} is too small")
    if TYPES["integer"](value) and value > schema.get("maximum", value):
        found.append(f"{where} is too large")
    if isinstance(value, list) and len(value) < schema.get("minItems", 0):
        found.append(f"{where} has too few items")
    if isinstance(value, list) and len(value) > schema.get("maxItems", len(value)):
        found.append(f"{where} has too many items")
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            found += flaws(document, schema["items"], item, f"{where}[{i}]")
    if isinstance(value, dict):
        found += [f"{where} has no {name}" for name in schema.get("required", []) if name not in value]
        for name, member in value.items():
            of_member = schema.get("properties", {}).get(name, schema.get("additionalProperties", {}))
            found += flaws(document, of_member, member, f"{where}.{name}")
    return found

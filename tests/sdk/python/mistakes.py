"""Wrong requests drawn from Stripe's own document: for each parameter a value that its schema forbids."""

from sandbox import DOCUMENT, raw


def parameters(path):
    operation = DOCUMENT.document["paths"][path]["post"]
    return operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]["properties"]


def wrong_value(schema):
    if "enum" in schema and schema.get("type") == "string":
        return "not-one-of-them"
    return {"integer": "many", "boolean": "perhaps"}.get(schema.get("type"))


def right_value(name, schema):
    known = {"currency": "eur", "destination": "acct_1032D82eZvKYlo2C", "timezone": "Europe/Berlin"}
    if "enum" in schema:
        return schema["enum"][0]
    return known.get(name, {"integer": "5", "boolean": "true"}.get(schema.get("type"), "text"))


def of_the_wrong_kind(path):
    """Gives a name, the fields to send and the parameter that the refusal must name."""
    for name, schema in sorted(parameters(path).items()):
        children = schema.get("properties") if schema.get("type") == "object" else None
        if wrong_value(schema):
            yield name, {name: wrong_value(schema)}, name
        elif schema.get("type") == "array" and name != "expand":
            yield name, {name: "alone"}, name
        elif children:
            yield name, {name: "text"}, name
            yield f"{name}_child", {f"{name}[no_such_child]": "x"}, f"{name}[no_such_child]"
            for child, inner in sorted(children.items()):
                if not wrong_value(inner):
                    continue
                # Its required brothers are sent too, so that there is only one thing to refuse.
                fields = {f"{name}[{other}]": right_value(other, children[other]) for other in schema.get("required", []) if other != child}
                yield f"{name}_{child}", {**fields, f"{name}[{child}]": wrong_value(inner)}, f"{name}[{child}]"
    yield "no_such_parameter", {"no_such_parameter": "x"}, "no_such_parameter"


def rejected(key, path, good, changes, param):
    """Sends a good form with the one mistake, and expects it to be refused by name."""
    form = {name: value for name, value in good.items() if not any(name == c or name.startswith(c + "[") for c in changes)}
    answer = raw("POST", path, key, {**form, **changes})
    body = answer.json()
    assert answer.status_code == 400, body
    error = body["error"]
    assert (error["type"], error.get("param")) == ("invalid_request_error", param), error
    assert error["message"]
    if "no_such" in param:
        assert (error["code"], error["message"].split("\n")[0].startswith(f"Received unknown parameter: {param}")) == ("parameter_unknown", True), error
    return error

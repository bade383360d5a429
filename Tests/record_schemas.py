#!/usr/bin/env python3
"""Records what AWS and Google publish of their requests' form, as botocore and google-api-python-client carry it (`make vectors`).

    request_schemas.json  per provider where it is from, and its schema: `members` by name and which are `required`, a `map`'s
                          or `list`'s values, or a `type` with its `enum`

Both are (c) their owners, Apache License 2.0.
"""
import importlib.metadata
import importlib.util
import json
import pathlib

import botocore.session

FILE = pathlib.Path(__file__).parent / "Golden" / "providers" / "request_schemas.json"


def of_aws(shape):
    if shape.type_name == "structure":
        return {"members": {name: of_aws(member) for name, member in shape.members.items()},
                "required": sorted(shape.required_members)}
    if shape.type_name == "list":
        return {"list": of_aws(shape.member)}
    if shape.type_name == "map":
        return {"map": of_aws(shape.value)}
    kinds = {"string": "string", "blob": "string", "boolean": "boolean", "integer": "number", "long": "number"}
    schema = {"type": kinds[shape.type_name]}
    if getattr(shape, "enum", None):
        schema["enum"] = sorted(shape.enum)
    return schema


def of_google(schema, all_schemas):
    if "$ref" in schema:
        return of_google(all_schemas[schema["$ref"]], all_schemas)
    if schema["type"] == "object":
        if "additionalProperties" in schema:
            return {"map": of_google(schema["additionalProperties"], all_schemas)}
        return {"members": {name: of_google(member, all_schemas) for name, member in schema.get("properties", {}).items()},
                "required": []}
    if schema["type"] == "array":
        return {"list": of_google(schema["items"], all_schemas)}
    found = {"type": {"integer": "number"}.get(schema["type"], schema["type"])}
    if "enum" in schema:
        # In either case: what is published has them large, and its own words and SDK write "normal" and "high".
        found["enum"] = sorted({case for word in schema["enum"] for case in (word, word.lower())})
    return found


def google(name):
    package = pathlib.Path(importlib.util.find_spec("googleapiclient").submodule_search_locations[0])
    return json.loads((package / "discovery_cache" / "documents" / f"{name}.json").read_text())


def main():
    mail = botocore.session.get_session().get_service_model("sesv2").operation_model("SendEmail").input_shape
    fcm = google("fcm.v1")
    FILE.write_text(json.dumps({
        "aws_ses": {"source": f"botocore {importlib.metadata.version('botocore')} sesv2 SendEmail", "schema": of_aws(mail)},
        "fcm": {
            "source": f"google-api-python-client {importlib.metadata.version('google-api-python-client')} fcm.v1 SendMessageRequest",
            "schema": of_google(fcm["schemas"]["SendMessageRequest"], fcm["schemas"]),
        },
    }, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()

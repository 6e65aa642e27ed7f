"""The official descriptions: data for tests that is no part of this repository.

They lie beside it, or where `YUZURI_SPECS` says. What checks an answer against them checks nothing
where they are not.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from jsonschema import Draft4Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

SPECS = Path(os.environ.get("YUZURI_SPECS", Path(__file__).parents[3] / "shared" / "specs"))
HAVE_SPECS = SPECS.is_dir()


@cache
def read_description(path: str) -> dict[str, Any]:
    """Return a description, such as `camara/device-data-volume.yaml`."""
    described: dict[str, Any] = yaml.load((SPECS / path).read_text("utf-8"), yaml.CSafeLoader)
    return described


def faults_of(path: str, pointer: str, body: object) -> list[str]:
    """Return what is wrong with a body by the part of a description that a JSON pointer names."""
    folder = path.rpartition("/")[0]

    def retrieve(name: str) -> Resource[Any]:
        return DRAFT4.create_resource(read_description(f"{folder}/{Path(name).name}"))

    registry: Registry[Any] = Registry(retrieve=retrieve)  # type: ignore[call-arg]
    validator = Draft4Validator(
        {"$ref": f"{Path(path).name}#{pointer}"},
        registry=registry,
        format_checker=FormatChecker(),
    )
    return [error.message for error in validator.iter_errors(body)]


def assert_as_described(path: str, pointer: str, body: object) -> None:
    """Check a body, where there is a description to check it by."""
    if HAVE_SPECS:
        assert faults_of(path, pointer, body) == []

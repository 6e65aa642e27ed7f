"""Field values as plain JSON and back, so that a reply can be kept and given again unchanged."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from yuzuri.kernel.errors import FieldValue
from yuzuri.kernel.names import Name
from yuzuri.kernel.quantities import Quantity, Unit


def pack_fields(fields: Mapping[str, FieldValue]) -> dict[str, Any]:
    """Turn field values into what JSON can say; `unpack_fields` gives the same values back."""
    return {key: _pack(value) for key, value in fields.items()}


def unpack_fields(packed: Mapping[str, Any]) -> dict[str, FieldValue]:
    """Turn packed field values back into themselves."""
    return {key: _unpack(value) for key, value in packed.items()}


def _pack(value: FieldValue) -> Any:
    match value:
        case Quantity():
            return {"quantity": [value.amount, value.unit.value]}
        case Name():
            return {"name": [value.en, value.ja, value.zh]}
        case datetime():
            return {"instant": value.isoformat()}
        case tuple():
            return {"several": [_pack(part) for part in value]}
        case _:
            return value


def _unpack(packed: Any) -> Any:
    match packed:
        case {"quantity": [amount, unit]}:
            return Quantity(amount, Unit(unit))
        case {"name": [en, ja, zh]}:
            return Name(en=en, ja=ja, zh=zh)
        case {"instant": text}:
            return datetime.fromisoformat(text)
        case {"several": parts}:
            return tuple(_unpack(part) for part in parts)
        case _:
            return packed

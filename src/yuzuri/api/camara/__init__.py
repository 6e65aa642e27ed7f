"""CAMARA: what third parties' programs may ask about a device, as an open standard has it."""

from yuzuri.api.camara.device_data_volume import BASE_PATH, serve_device_data_volume

__all__ = ["BASE_PATH", "serve_device_data_volume"]

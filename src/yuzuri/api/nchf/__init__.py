"""What a 5G network asks of a charging function: Nchf_ConvergedCharging (TS 32.291)."""

from yuzuri.api.nchf.application import BASE_PATH, serve_charging

__all__ = ["BASE_PATH", "serve_charging"]

"""Secrets in URIs, for drivers, which import `artstore.drivers` and `artstore.errors` only: see `runtime.secrets`."""

from artstore.runtime.secrets import redacted, refuse_secrets, refuse_userinfo

__all__ = ["redacted", "refuse_secrets", "refuse_userinfo"]

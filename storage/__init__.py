"""The lake: Arrow schemas, atomic commits, manifests, the DuckDB catalog, local disk or S3."""

from storage.errors import UserError
from storage.lake import Lake

__all__ = ["Lake", "UserError"]

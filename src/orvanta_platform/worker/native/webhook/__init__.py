"""The node `webhook`: one HTTP call, made in the worker's event loop."""

from orvanta_platform.worker.native.webhook.request import credentials
from orvanta_platform.worker.native.webhook.run import run

__all__ = ["credentials", "run"]

"""The node `webhook`: one HTTP call, made in the worker's event loop."""

from orvanta_platform.worker.native.webhook.request import credentials
from orvanta_platform.worker.native.webhook.run import DEFAULT_S, run

__all__ = ["DEFAULT_S", "credentials", "run"]

"""GraphQL operations, sent from a cell to the server of the resource `api`. Arguments are the variables."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(languages=("graphql",), host="orvanta_platform.worker.runtimes.graphql.host")

"""The values of expressions: the small interpreter and the transforms of a node's inputs."""

"""Route handlers. Each parses its request, calls one service, and builds the response."""

"""Route handlers: parse, one service call, answer."""

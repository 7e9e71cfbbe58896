"""The JavaScript child: a confined process that evaluates one expression after another, each in a fresh context."""

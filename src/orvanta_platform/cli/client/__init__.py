"""Commands that use the public API of a server, from any machine."""

import sys

# httpx imports its own command line with rich and pygments, which takes a third of the start of each command. With None
# the import system raises ImportError, and httpx continues without.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

"""Client of the platform's API for Python scripts, which import it as `wmill` or `orvanta`.

It has the functions of the published clients of these names. Cells see this folder under both names, after the packages
of the job: a client that a script requires takes precedence. Its modules import the standard library and, relatively,
each other.
"""

from .as_code import *  # noqa: F403
from .client import *  # noqa: F403
from .s3_types import *  # noqa: F403

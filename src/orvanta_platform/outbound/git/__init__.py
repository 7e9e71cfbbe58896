"""Git repositories of other servers, read and written by a child process with limits."""

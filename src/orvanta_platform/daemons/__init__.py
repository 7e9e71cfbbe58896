"""Background duties of a process. All of them run until cancelled."""

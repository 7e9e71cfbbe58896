"""Duties that run beside a process's own work, all with one contract: run until cancelled."""

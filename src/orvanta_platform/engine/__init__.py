"""What happens next in a run. Pure: values in, values out; no clock, no I/O, no logging."""

"""Python scripts: `main(**arguments)` in a process forked from the zygote."""

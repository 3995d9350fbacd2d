"""Exit codes, for scripts and service managers."""

OK, FAILED, BAD_USAGE, EXPOSED = 0, 1, 2, 3
BAD_CONFIG = 78  # EX_CONFIG of sysexits.h

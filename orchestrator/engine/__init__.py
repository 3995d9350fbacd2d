"""Works off the difference between what is wanted and what is confirmed, call by call."""

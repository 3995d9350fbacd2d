"""What people see of the daemon while it works, and what they may do by hand; `web` serves it."""

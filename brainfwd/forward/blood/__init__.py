"""What blood makes of activity: BOLD."""

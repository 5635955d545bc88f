"""What limen will use on this machine, and why."""

"""Is the champion still right, and are the facts it reads still sound? What `duecourse monitor` finds."""

"""Compare events with each other: several reports of one flare, and events at the same time and place."""

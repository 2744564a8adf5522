"""Files of the Solar Orbiter Archive (SOAR), through its TAP service."""

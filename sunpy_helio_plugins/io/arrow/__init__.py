"""Plain tables as Parquet and Arrow files, without a detour through texts."""

"""Plain tables as ECSV files, column by column."""

"""Many files of one product as one data set."""

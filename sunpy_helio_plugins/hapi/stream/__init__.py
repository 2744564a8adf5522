"""Records in parts: tables of a bounded size, Parquet files, and dask."""

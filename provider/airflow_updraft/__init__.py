"""The Airflow half of Updraft: applies batches exactly once and feeds changes back to the devices."""

__version__ = "0.1.0"

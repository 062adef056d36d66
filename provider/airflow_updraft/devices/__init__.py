"""Devices for operators: ``airflow updraft devices``, and the rows on the page "Updraft"."""

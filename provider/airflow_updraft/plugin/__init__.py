"""The Airflow plugin: exchanges, live changes and a page for operators, inside the API server.

Only ``airflow_plugin`` is imported by every Airflow process; all else is imported by the API server alone.
"""

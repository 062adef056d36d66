"""The Airflow plugin: exchanges, live changes and a page for operators in the API server.

Every Airflow process imports ``airflow_plugin`` alone; only the API server imports the other
modules.
"""

"""``airflow updraft views``: a view of each collection in the store's database, with typed columns.

``statements.py`` writes the SQL, ``make.py`` makes and drops the views, ``command.py`` is the
command.
"""

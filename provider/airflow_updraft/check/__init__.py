"""The installation's check: ``airflow updraft check``, and the health on the page "Updraft".

``table.py`` lists every check. A check is a small function of a ``Site`` that yields verdicts and
changes nothing; ``run.py`` gives each a time limit and turns an error into a finding.
"""

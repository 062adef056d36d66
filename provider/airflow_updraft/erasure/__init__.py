"""``airflow updraft erase``: removes the copies of a person's or record's content from the store.

``records.py`` makes tombstones, ``verdicts.py`` rewrites the ledger, ``erase.py`` does both.
"""

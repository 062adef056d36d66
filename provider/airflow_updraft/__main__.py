"""``python -m airflow_updraft``: see cli.py."""

import sys

from airflow_updraft.cli import main

sys.exit(main(sys.argv[1:]))

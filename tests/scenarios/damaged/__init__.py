"""Damaged but honest submissions, made from any assignment's filled notebook: name -> what the student's folder holds.

Each takes the solved release notebook and returns the bytes of the file, or the files of the folder by name.
"""

from tests.cases import joined
from tests.scenarios.damaged import colab, elsewhere, files, identity, locked, scripts, solving

KINDS = (files, scripts, colab, identity, locked, solving, elsewhere)
DAMAGED = joined(*(kind.CASES for kind in KINDS))

"""What our processes never import: this module comes before all others in each of them.

jsonschema, which checks notebooks, takes along a grammar of internationalised addresses where one is installed. That
grammar takes longer to build than everything else takes to import, and no notebook's form has such an address.
"""

import sys

GRAMMAR = "rfc3987_syntax"

sys.modules.setdefault(GRAMMAR, None)  # type: ignore[arg-type]

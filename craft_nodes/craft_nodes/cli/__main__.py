"""`python -m craft_nodes.cli`, the same as `craft`."""

import sys

from craft_nodes.cli import main

sys.exit(main())
